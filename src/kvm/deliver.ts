import { testBit } from '../arch/bits256.js';
import { softwarePostingSteps } from '../arch/posting.js';
import { InternalError } from '../engine/errors.js';
import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, local, shared } from '../engine/routine.js';
import { descriptorLine } from '../hardware/ipi-virtualization.js';
import { sendPhysicalIpi } from '../hardware/physical-apic.js';
import { Record } from '../hardware/records.js';
import { HostVector, type KvmVcpu, kvm, VcpuMode } from './machine.js';

const { program, stage, glue } = kvm;
const [setPir, setOn] = softwarePostingSteps;

/**
 * Posts a vector to a virtual CPU's descriptor and notifies it if it is in guest mode. PIR, then ON, then the mode is read: entry sets
 * the mode, then reads ON, so one of the two sees the other. A poster in software does not look at SN. Linux
 * `vmx_deliver_posted_interrupt`, `kvm_vcpu_trigger_posted_interrupt`.
 */
export const vmxDeliverPostedInterrupt = program(
  'vmx_deliver_posted_interrupt',
  () => ({ target: 0, vector: 0, pid: -1, urgent: 0, nv: 0, ndst: 0 }),
  [
    stage(
      'set-pir',
      'kvmPirUpdate',
      shared,
      (m, _cpu, f) => {
        const pending = testBit((m.memory.descriptors[f.pid] as { pir: number[] }).pir, f.vector);
        observe(m, pending ? Record.coalesced : Record.posted, f.pid, f.vector);
        return setPir?.run(undefined, m.memory, f) === undefined ? undefined : done;
      },
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) },
    ),
    stage(
      'set-on',
      'kvmOnUpdate',
      shared,
      (m, _cpu, f) => (setOn?.run(undefined, m.memory, f) === undefined ? undefined : done),
      { line: (m, _cpu, f) => descriptorLine(m, f.pid) },
    ),
    stage(
      'read-mode',
      'vcpuModeRead',
      shared,
      // Outside guest mode the entry finds ON; nothing sleeps here, so there is nobody to wake.
      (m, _cpu, f) => ((m.vcpus[f.target] as KvmVcpu).mode === VcpuMode.inGuestMode ? undefined : done),
      { line: (m, _cpu, f) => (m.vcpus[f.target] as KvmVcpu).modeLine },
    ),
    stage('notify', 'physicalIcrWrite', shared, (m, cpu, f) => {
      // Not to the processor on which this runs: a fastpath of the target itself, whose run loop will look at PIR.
      const target = m.vcpus[f.target] as KvmVcpu;
      if (target.cpu !== cpu.id) sendPhysicalIpi(m, target.cpu, HostVector.postedInterrupt);
    }),
  ],
);

/** Hands an interrupt to a virtual CPU's local APIC. Linux `__apic_accept_irq` and `vmx_deliver_interrupt`, for fixed interrupts. */
export const apicAcceptIrq = program('__apic_accept_irq', () => ({ target: 0, vector: 0 }), [
  stage('accept', 'acceptIrq', local, () => {}),
  glue('vmx_deliver_interrupt', (m, cpu, f) => {
    const target = m.vcpus[f.target] as KvmVcpu;
    if (target.apicvActive === 0) {
      throw new InternalError('__apic_accept_irq', 'delivery without APICv is not modelled');
    }
    const post = call(m, cpu, vmxDeliverPostedInterrupt);
    post.target = f.target;
    post.vector = f.vector;
    post.pid = target.pid;
    return undefined;
  }),
]);

/**
 * Sends what an ICR value says, through the local-APIC map. Linux `kvm_apic_send_ipi`, `kvm_irq_delivery_to_apic`,
 * `kvm_irq_delivery_to_apic_fast`, for fixed interrupts to a physical destination.
 */
export const kvmApicSendIpi = program('kvm_apic_send_ipi', () => ({ vm: 0, low: 0, destination: 0 }), [
  stage('build-irq', 'apicSendIpi', local, () => {}),
  stage('kvm_irq_delivery_to_apic_fast', 'apicMapLookup', local, (m, cpu, f) => {
    // Shorthand, destination mode and delivery mode: fixed and physical is what the guests of this version send.
    if ((f.low & 0xc_0f00) !== 0) {
      throw new InternalError('kvm_apic_send_ipi', `an ICR of ${f.low.toString(16)}H is not modelled`);
    }
    const target = m.vms[f.vm]?.apicMap[f.destination] ?? -1;
    // A destination that no APIC has: delivered to nobody.
    if (target < 0) return done;
    const accept = call(m, cpu, apicAcceptIrq);
    accept.target = target;
    accept.vector = f.low & 0xff;
    return undefined;
  }),
]);
