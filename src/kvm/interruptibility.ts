import type { KvmMachine, KvmVcpu } from './machine.js';
import { exitsOnInterrupt, exitsOnNmi, loadedContext } from './nested/guest-mode.js';

/** Blocking by RFLAGS.IF, STI or MOV SS in whatever guest is active. Linux `__vmx_interrupt_blocked`. */
export function guestBlocksInterrupts(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const { interruptFlag, interruptibility } = loadedContext(machine, vcpu);
  return interruptFlag === 0 || (interruptibility & 3) !== 0;
}

/** True if the guest does not take maskable interrupts at this point; one that makes L2 exit is never blocked. Linux `vmx_interrupt_blocked`. */
export function interruptBlocked(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return !exitsOnInterrupt(machine, vcpu) && guestBlocksInterrupts(machine, vcpu);
}

/** True if an NMI cannot be injected, nor make L2 exit. Linux `vmx_nmi_blocked`. */
export function nmiBlocked(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return !exitsOnNmi(machine, vcpu) && (loadedContext(machine, vcpu).interruptibility & 0xb) !== 0;
}
