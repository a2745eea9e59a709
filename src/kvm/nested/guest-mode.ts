import { hasPin, hasPrimary, hasSecondary, PinBased, Primary, Secondary } from '../../arch/controls.js';
import type { KvmMachine, KvmVcpu } from '../machine.js';
import type { NestedState } from './nested-state.js';

/** What KVM knows of the virtual CPU's L2. Only for one that has VMX. */
export function nestedOf(machine: KvmMachine, vcpu: KvmVcpu): NestedState {
  return machine.nested[vcpu.nested] as NestedState;
}

/** True if this is a virtual CPU to the processor only: the L2 of another one. */
export function isNestedContext(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return vcpu.nested >= 0 && nestedOf(machine, vcpu).l2 === vcpu.id;
}

/**
 * Whose VMCS is loaded, and so whose registers a VM exit has saved: the virtual CPU's own, or while L2 is active (`is_guest_mode`) the one
 * that stands for L2. Linux `vmx->loaded_vmcs`.
 */
export function loadedContext(machine: KvmMachine, vcpu: KvmVcpu): KvmVcpu {
  return vcpu.guestMode === 0 ? vcpu : (machine.vcpus[nestedOf(machine, vcpu).l2] as KvmVcpu);
}

/** The virtual CPU that KVM runs: for what stands for an L2, the one whose L2 it is. */
export function hostedBy(machine: KvmMachine, vcpu: KvmVcpu): KvmVcpu {
  return isNestedContext(machine, vcpu) ? (machine.vcpus[nestedOf(machine, vcpu).l1] as KvmVcpu) : vcpu;
}

/** True if L2 is active and an interrupt for L1 makes it exit. Linux `nested_exit_on_intr`. */
export function exitsOnInterrupt(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return vcpu.guestMode === 1 && hasPin(nestedOf(machine, vcpu).vmcs12, PinBased.externalInterruptExiting);
}

/** The same for NMIs. Linux `nested_exit_on_nmi`. */
export function exitsOnNmi(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return vcpu.guestMode === 1 && hasPin(nestedOf(machine, vcpu).vmcs12, PinBased.nmiExiting);
}

/** True if L2 has virtual-interrupt delivery. Linux `nested_cpu_has_vid`. */
export function nestedHasVid({ vmcs12 }: NestedState): boolean {
  return hasSecondary(vmcs12, Secondary.virtualInterruptDelivery);
}

/** True if L2 has posted interrupts. Linux `nested_cpu_has_posted_intr`. */
export function nestedHasPostedInterrupts({ vmcs12 }: NestedState): boolean {
  return hasPin(vmcs12, PinBased.processPostedInterrupts);
}

/** True if L2 is active with a TPR shadow of its own. */
export function nestedHasTprShadow(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return vcpu.guestMode === 1 && hasPrimary(nestedOf(machine, vcpu).vmcs12, Primary.useTprShadow);
}
