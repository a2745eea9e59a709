import { PinBased } from '../../arch/controls.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { type KvmMachine, vcpuOf } from '../machine.js';
import { loadedContext, nestedOf } from './guest-mode.js';

/**
 * Right before an entry to L2: what KVM chose for the entry goes into vmcs02, which becomes the current VMCS: the event to inject, and what
 * stands for L1's timer or has to end the entry at once. Linux `vmx_vcpu_run`, `vmx_update_hv_timer`.
 */
export function loadVmcs02(machine: KvmMachine, processor: LogicalProcessor): void {
  const vcpu = currentVcpu(machine, processor);
  const l2 = loadedContext(machine, vcpu);
  l2.entryInterruption = vcpu.entryInterruption;
  vcpu.entryInterruption = 0;
  const timer = PinBased.activateVmxPreemptionTimer;
  l2.vmcs.pinBasedControls = ((l2.vmcs.pinBasedControls & ~timer) | (vcpu.vmcs.pinBasedControls & timer)) >>> 0;
  l2.preemptionTimerValue = vcpu.preemptionTimerValue;
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
