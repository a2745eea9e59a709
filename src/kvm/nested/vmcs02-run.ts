import { PinBased } from '../../arch/controls.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { sendPhysicalIpi } from '../../hardware/physical-apic.js';
import { SystemVector } from '../../host/machine.js';
import { type KvmMachine, type KvmVcpu, makeRequest, VcpuRequest, vcpuOf, vmOf } from '../machine.js';
import { loadedContext, nestedOf } from './guest-mode.js';

/**
 * Right before an entry to L2: what KVM chose for the entry goes into vmcs02, which becomes the current VMCS. If the entry has to end at
 * once, the VMX-preemption timer begins at 0, or without it an interrupt to itself is pending. Linux `vmx_vcpu_run`, `vmx_update_hv_timer`.
 */
export function loadVmcs02(machine: KvmMachine, processor: LogicalProcessor): void {
  const vcpu = currentVcpu(machine, processor);
  const l2 = loadedContext(machine, vcpu);
  const { immediateExit } = nestedOf(machine, vcpu);
  l2.entryInterruption = vcpu.entryInterruption;
  vcpu.entryInterruption = 0;
  const timer = PinBased.activateVmxPreemptionTimer;
  const usable = vmOf(machine, vcpu).preemptionTimer === 1;
  const counts = (immediateExit === 1 && usable) || vcpu.lapicTimer.hvInUse === 1;
  l2.vmcs.pinBasedControls = ((l2.vmcs.pinBasedControls & ~timer) | (counts ? timer : 0)) >>> 0;
  l2.preemptionTimerValue = immediateExit === 1 ? 0 : vcpu.preemptionTimerValue;
  if (immediateExit === 1) {
    makeRequest(vcpu, VcpuRequest.event);
    if (!usable) sendPhysicalIpi(machine, processor.id, SystemVector.reschedule);
  }
  processor.vcpu = l2.id;
}

/** Right after an exit from L2: what the processor recorded is the virtual CPU's to handle; L2 has been entered. Linux `vmx_vcpu_run`. */
export function leaveVmcs02(machine: KvmMachine, processor: LogicalProcessor): void {
  const l2 = currentVcpu(machine, processor);
  const nested = nestedOf(machine, l2);
  const vcpu = vcpuOf(machine, nested.l1);
  processor.vcpu = vcpu.id;
  vcpu.exit = { ...l2.exit, operands: [...l2.exit.operands] };
  nested.runPending = 0;
}

/** The entry that had to end at once is called off: the events are looked at again before the next one. */
export function forgetImmediateExit(machine: KvmMachine, vcpu: KvmVcpu): void {
  const nested = nestedOf(machine, vcpu);
  if (nested.immediateExit === 0) return;
  nested.immediateExit = 0;
  makeRequest(vcpu, VcpuRequest.event);
}
