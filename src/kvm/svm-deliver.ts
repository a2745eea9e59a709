import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence, load } from '../engine/store-buffer.js';
import { sendDoorbell } from '../hardware/avic.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { kvmLapicSetIrr } from './deliver.js';
import { kvmVcpuKick, kvmVcpuWakeUp } from './kick.js';
import { type KvmMachine, kvm, makeRequest, VcpuMode, VcpuRequest, vcpuMode, vcpuOf } from './machine.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;

interface Target {
  target: number;
  inGuestMode: number;
}

function modeLine(machine: KvmMachine, _processor: LogicalProcessor, f: Target): number {
  return vcpuOf(machine, f.target).modeLine;
}

/** WRMSR of the doorbell register, unless the target is on this processor: then its next entry looks. Linux `avic_ring_doorbell`. */
export const avicRingDoorbell = program('avic_ring_doorbell', () => ({ target: 0 }), [
  stage('wrmsr', 'avicDoorbell', shared, (m, cpu, f) => {
    const { cpu: processor } = vcpuOf(m, f.target);
    if (processor !== cpu.id && processor >= 0) sendDoorbell(m, processor);
  }),
]);

/**
 * IRR holds the vector: the target has to notice. Its mode is read before the mark that AVIC is active on it, which it stores before its mode:
 * who sees it in the guest sees what it runs with. Linux `svm_complete_interrupt_delivery`.
 */
export const svmCompleteInterruptDelivery = program(
  'svm_complete_interrupt_delivery',
  () => ({ target: 0, inGuestMode: 0 }),
  [
    stage(
      'read-mode',
      'vcpuModeRead',
      shared,
      (m, cpu, f) => {
        f.inGuestMode = load(m, cpu, vcpuMode, f.target) === VcpuMode.inGuestMode ? 1 : 0;
      },
      { line: modeLine },
    ),
    stage(
      'read-apicv_active',
      'apicvActiveRead',
      shared,
      (m, _cpu, f) => {
        if (vcpuOf(m, f.target).apicvActive === 0) return 'kvm_make_request';
        return f.inGuestMode === 1 ? undefined : 'kvm_vcpu_wake_up';
      },
      { to: ['kvm_make_request', 'kvm_vcpu_wake_up'] },
    ),
    glue('avic_ring_doorbell', (m, cpu, f) => {
      call(m, cpu, avicRingDoorbell).target = f.target;
    }),
    glue('rung', () => done),
    glue('kvm_vcpu_wake_up', (m, cpu, f) => {
      call(m, cpu, kvmVcpuWakeUp).target = f.target;
    }),
    glue('woken', () => done),
    stage(
      'kvm_make_request',
      'makeRequest',
      shared,
      (m, cpu, f) => {
        fence(m, cpu);
        makeRequest(vcpuOf(m, f.target), VcpuRequest.event);
        call(m, cpu, kvmVcpuKick).target = f.target;
      },
      { line: modeLine },
    ),
    glue('kicked', () => done),
  ],
);

/** Makes a vector pending on a virtual CPU of an AMD host: IRR first, then it is told. Linux `svm_deliver_interrupt`. */
export const svmDeliverInterrupt = program('svm_deliver_interrupt', () => ({ target: 0, vector: 0 }), [
  stage(
    'kvm_lapic_set_irr',
    'kvmPirUpdate',
    shared,
    (m, cpu, f) => {
      kvmLapicSetIrr(m, cpu, f);
      if (vcpuOf(m, f.target).apicvActive === 1) observe(m, KvmRecord.apicvAcceptIrq, f.target, f.vector);
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).descriptorLine },
  ),
  glue('svm_complete_interrupt_delivery', (m, cpu, f) => {
    call(m, cpu, svmCompleteInterruptDelivery).target = f.target;
  }),
]);
