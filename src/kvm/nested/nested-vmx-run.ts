import { hasPin, hasPrimary, hasSecondary, PinBased, Primary, Secondary } from '../../arch/controls.js';
import { rvi } from '../../arch/guest-interrupt-status.js';
import { dispensableInterrupt, updateProcessorPriority } from '../../arch/local-apic/priority.js';
import { fullMsrBitmap } from '../../arch/msr-bitmap.js';
import { nestedMsrBitmap } from '../../arch/nested/nested-msr-bitmap.js';
import { composeVmcs02 } from '../../arch/nested/vmcs02.js';
import { addressOf, descriptorIndex } from '../../arch/physical-memory.js';
import { InternalError } from '../../engine/errors.js';
import { call } from '../../engine/frames.js';
import { observe } from '../../engine/requests.js';
import { done, local, shared } from '../../engine/routine.js';
import { invalidOpcode } from '../../hardware/instructions.js';
import { currentVcpu } from '../../hardware/machine.js';
import { hasEvents } from '../has-events.js';
import { type KvmMachine, type KvmVcpu, kvm, MpState, makeRequest, VcpuRequest, vmOf } from '../machine.js';
import { KvmRecord } from '../records.js';
import { vmxSyncPirToIrr } from '../sync-pir-to-irr.js';
import { loadedContext, nestedHasPostedInterrupts, nestedOf } from './guest-mode.js';
import { takeNestedNotification } from './nested-events.js';

const { program, stage, glue } = kvm;

/** True if something waits for L1 that becoming a guest of its own may let through. Linux `nested_vmx_enter_non_root_mode`. */
function hasToEvaluate({ vmcs, page, apicvActive, pendingEvents }: KvmVcpu): boolean {
  return (
    hasPrimary(vmcs, Primary.interruptWindowExiting) ||
    hasPrimary(vmcs, Primary.nmiWindowExiting) ||
    (apicvActive === 1 && (rvi(vmcs) & 0xf0) > (page.ppr & 0xf0)) ||
    pendingEvents !== 0
  );
}

/** vmcs02 from vmcs01 and vmcs12, and the copy of the notification vector. Linux `prepare_vmcs02_early`, `nested_get_vmcs12_pages`. */
function prepareVmcs02(machine: KvmMachine, vcpu: KvmVcpu): void {
  const nested = nestedOf(machine, vcpu);
  const { vmcs12 } = nested;
  const l2 = machine.vcpus[nested.l2] as KvmVcpu;
  const address = vmcs12.postedInterruptDescriptorAddress;
  const bitmap = nestedMsrBitmap(vmcs12, nested.msrBitmap12);
  const vmcs02 = composeVmcs02(vcpu.vmcs, vmcs12, {
    virtualApic: [0, 0],
    apicAccess: [0, 0],
    descriptor: descriptorIndex(machine.memory, addressOf(address)) < 0 ? null : address,
    msrBitmap: bitmap !== null,
  });
  if (vmcs02 === null) throw new InternalError('nested_get_vmcs12_pages', 'the APIC-access page is always there');
  const { virtualApicAddress: _virtualApic, apicAccessAddress: _apicAccess, ...fields } = vmcs02;
  l2.vmcs = fields;
  l2.msrBitmap = bitmap ?? fullMsrBitmap();
  l2.apicvActive = hasSecondary(vmcs12, Secondary.virtualInterruptDelivery) ? 1 : 0;
  nested.piPending = 0;
  nested.postedIntrNv = nestedHasPostedInterrupts(nested) ? vmcs12.postedInterruptNotificationVector : -1;
}

/**
 * VMRESUME by L1: L2 becomes active. What waits for L1 is looked at before L2's first entry; a notification that is in L1's IRR is
 * processed as it would be in L2; an L2 that L1 left halted halts again. Linux `nested_vmx_run`, `nested_vmx_enter_non_root_mode`.
 */
export const nestedVmxRun = program('nested_vmx_run', () => ({}), [
  stage('nested_vmx_check_permission', 'nestedChecks', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.nested >= 0) return undefined;
    // VMX was not offered, or VMXON not executed.
    vcpu.exception = invalidOpcode;
    makeRequest(vcpu, VcpuRequest.event);
    return done;
  }),
  stage('prepare_vmcs02', 'prepareVmcs02', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const evaluate = hasToEvaluate(vcpu);
    const nested = nestedOf(m, vcpu);
    nested.runPending = 1;
    prepareVmcs02(m, vcpu);
    vcpu.guestMode = 1;
    observe(m, KvmRecord.nestedVmenter, vcpu.id, nested.vmcs12.guestInterruptStatus);
    if (evaluate) makeRequest(vcpu, VcpuRequest.event);
  }),
  glue(
    'posted-interrupts',
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (!hasPin(nestedOf(m, vcpu).vmcs12, PinBased.processPostedInterrupts)) return 'guest_activity_state';
      if (vmOf(m, vcpu).apicv === 1) call(m, cpu, vmxSyncPirToIrr);
      return undefined;
    },
    { to: ['guest_activity_state'] },
  ),
  stage('posted_intr_nv', 'checkNestedEvents', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    updateProcessorPriority(vcpu.page);
    if (dispensableInterrupt(vcpu.page) !== nestedOf(m, vcpu).postedIntrNv) return;
    takeNestedNotification(m, vcpu);
    makeRequest(vcpu, VcpuRequest.event);
  }),
  glue('guest_activity_state', (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { activity12, vmcs12 } = nestedOf(m, vcpu);
    const wakes =
      hasPrimary(vmcs12, Primary.nmiWindowExiting) ||
      (hasPrimary(vmcs12, Primary.interruptWindowExiting) && loadedContext(m, vcpu).interruptFlag === 1);
    return activity12 === 1 && !wakes ? undefined : done;
  }),
  stage('kvm_emulate_halt_noskip', 'emulateHalt', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    nestedOf(m, vcpu).runPending = 0;
    if (hasEvents(m, vcpu)) vcpu.pvUnhalted = 0;
    else vcpu.mpState = MpState.halted;
  }),
]);
