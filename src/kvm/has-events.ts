import type { ApicRegisters } from '../arch/apic-registers.js';
import { highestBit } from '../arch/bits256.js';
import { interruptBlocked, nmiBlocked } from './interruptibility.js';
import { descriptorOf, type KvmMachine, type KvmVcpu, MpState, VcpuRequest, vmOf } from './machine.js';
import { vmxHasNestedEvents } from './nested/has-nested-events.js';
import { initSipiAllowed, smiAllowed } from './smm.js';
import { syncPirToIrr } from './sync-pir-to-irr.js';

/** Class of the processor priority that TPR and ISR make. SDM vol. 3A, "Task and Processor Priorities". */
function priorityClass(registers: ApicRegisters): number {
  const inService = highestBit(registers.isr);
  return Math.max(registers.tpr >>> 4, inService < 0 ? 0 : inService >> 4);
}

/** The highest vector requested in IRR or posted, or -1. Changes nothing. */
function highestRequest(machine: KvmMachine, vcpu: KvmVcpu): number {
  const { on, pir } = descriptorOf(machine, vcpu);
  const requested = highestBit(vcpu.page.irr);
  return on === 1 ? Math.max(requested, highestBit(pir)) : requested;
}

/**
 * True if the local APIC has a request above the processor priority. Linux `kvm_cpu_has_interrupt`, `kvm_apic_has_interrupt`, which take what
 * was posted on the way.
 */
function hasInterrupt(machine: KvmMachine, vcpu: KvmVcpu, look: Look): boolean {
  if (look === 'take' && vmOf(machine, vcpu).apicv === 1) syncPirToIrr(machine, vcpu);
  const vector = highestRequest(machine, vcpu);
  return vector >= 0 && vector >> 4 > priorityClass(vcpu.page);
}

/** Whether a test takes what was posted, as KVM's do, or changes nothing: what a wait's condition has to do. */
type Look = 'take' | 'only';

/** True if there is something for the virtual CPU to do although it is halted. Linux `kvm_vcpu_has_events`. */
export function hasEvents(machine: KvmMachine, vcpu: KvmVcpu, look: Look = 'take'): boolean {
  return (
    (vcpu.pendingEvents !== 0 && initSipiAllowed(vcpu)) ||
    vcpu.pvUnhalted === 1 ||
    (vcpu.nmiQueued + vcpu.nmiPending > 0 && !nmiBlocked(machine, vcpu)) ||
    (vcpu.requests & VcpuRequest.smi) !== 0 ||
    (vcpu.smiPending === 1 && smiAllowed(vcpu)) ||
    (!interruptBlocked(machine, vcpu) && hasInterrupt(machine, vcpu, look)) ||
    (vcpu.guestMode === 1 && vmxHasNestedEvents(machine, vcpu))
  );
}

/** Linux `kvm_arch_vcpu_runnable`. */
export function isRunnable(machine: KvmMachine, vcpu: KvmVcpu, look: Look = 'take'): boolean {
  return vcpu.mpState === MpState.runnable || hasEvents(machine, vcpu, look);
}

/** True if a test of the virtual CPU's own thread goes on to what was posted: then it takes that into IRR first. Linux `kvm_cpu_has_interrupt`. */
export function takesPosted(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return vmOf(machine, vcpu).apicv === 1 && !interruptBlocked(machine, vcpu) && descriptorOf(machine, vcpu).on === 1;
}
