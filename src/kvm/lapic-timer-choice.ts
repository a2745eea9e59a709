import { PinBased } from '../arch/controls.js';
import { type KvmMachine, type KvmVcpu, PostedTimer, vmOf } from './machine.js';

/**
 * True if another processor runs the timer and posts its interrupt. Linux `kvm_can_post_timer_interrupt`. Before 5.18 (commit
 * 1714a4eb6fb0) it did not ask whether this guest halts without an exit: on a host that isolates processors every virtual CPU lost the
 * VMX-preemption timer to it, and with that both timer fastpaths, although one that exits at HLT gains nothing from a posted timer.
 */
export function canPostTimerInterrupt(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  if (vm.postedTimer === PostedTimer.off || vcpu.apicvActive === 0) return false;
  return vm.postedTimer === PostedTimer.global || vm.hltInGuest === 1 || vm.mwaitInGuest === 1;
}

/** True if the VMX-preemption timer may stand for the guest's. Linux `kvm_can_use_hv_timer`. */
export function canUseHvTimer(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  return vm.preemptionTimer === 1 && vm.mwaitInGuest === 0 && !canPostTimerInterrupt(machine, vcpu);
}

/**
 * The VMX-preemption timer no longer stands for the guest's. The kernel leaves its control set and lets it count from its largest value
 * (`hv_timer_soft_disabled`), to save VMCS writes; here it is off. Linux `cancel_hv_timer`, `vmx_cancel_hv_timer`.
 */
export function cancelHvTimer(vcpu: KvmVcpu): void {
  vcpu.lapicTimer.hvInUse = 0;
  vcpu.vmcs.pinBasedControls &= ~PinBased.activateVmxPreemptionTimer;
}

/** The VMX-preemption timer stands for the guest's from the next entry on. Linux `vmx_set_hv_timer`. */
export function useHvTimer(vcpu: KvmVcpu): void {
  vcpu.lapicTimer.hvInUse = 1;
  vcpu.vmcs.pinBasedControls |= PinBased.activateVmxPreemptionTimer;
}
