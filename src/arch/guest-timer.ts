import { setBit } from './bits256.js';
import { hasTertiary, Tertiary } from './controls.js';
import { evaluatePendingVirtualInterrupts } from './evaluation.js';
import { rvi, setRvi } from './guest-interrupt-status.js';
import { mark } from './mark.js';
import { completed, type Outcome, passthrough } from './outcome.js';
import type { U64, VirtualProcessor } from './virtual-processor.js';
import { isAbove, physicalDeadline, type TscVmcs, virtualTsc } from './virtual-tsc.js';

/** The VMCS fields of APIC-timer virtualization. SDM vol. 3C, "Controls for APIC-Timer Virtualization". */
export interface GuestTimerVmcs extends TscVmcs {
  /** Vector of the virtual timer interrupt, bits 7:0. */
  virtualTimerVector: number;
  /** The guest deadline outside VMX non-root operation: a physical time-stamp count, 0 disarmed. */
  guestDeadline: U64;
  /** The deadline as the guest wrote it, in its own time-stamp count. */
  guestDeadlineShadow: U64;
}

/** A virtual processor with a guest timer. */
export interface GuestTimerProcessor extends VirtualProcessor {
  vmcs: GuestTimerVmcs;
  /** The guest deadline in VMX non-root operation, a physical time-stamp count; 0 disarmed. */
  deadline: U64;
}

function isZero(value: U64): boolean {
  return value[0] === 0 && value[1] === 0;
}

function virtualizesTimer(p: GuestTimerProcessor): boolean {
  return hasTertiary(p.vmcs, Tertiary.apicTimerVirtualization);
}

/** VM entry loads the guest deadline. SDM vol. 3C, "Updating Non-Register State". */
export function enterGuestTimer(p: GuestTimerProcessor): void {
  if (!virtualizesTimer(p)) return;
  mark('15 VM entry');
  p.deadline = [...p.vmcs.guestDeadline];
}

/** VM exit saves the guest deadline and clears it: it is 0 outside VMX non-root operation. */
export function leaveGuestTimer(p: GuestTimerProcessor): void {
  if (virtualizesTimer(p)) {
    mark('15 VM exit');
    p.vmcs.guestDeadline = [...p.deadline];
  }
  p.deadline = [0, 0];
}

/** RDMSR of IA32_TSC_DEADLINE that no bitmap intercepts: the shadow, or `passthrough` to the physical MSR. */
export function virtualizeTscDeadlineRead(p: GuestTimerProcessor): Outcome {
  if (!virtualizesTimer(p)) return passthrough;
  mark('15 RDMSR');
  const [low, high] = p.vmcs.guestDeadlineShadow;
  return { kind: 'data', low, high };
}

/**
 * WRMSR of IA32_TSC_DEADLINE that no bitmap intercepts. 0 disarms; a deadline in the guest's future arms the guest timer with
 * the physical time-stamp count that it stands for; one that has come is a guest-timer event at once. SDM vol. 3C, "Changes to
 * Instruction Behavior in VMX Non-Root Operation", entry WRMSR.
 *
 * @param tsc - the physical time-stamp counter.
 * @returns `completed`, or `passthrough` to the physical MSR.
 */
export function virtualizeTscDeadlineWrite(p: GuestTimerProcessor, low: number, high: number, tsc: U64): Outcome {
  if (!virtualizesTimer(p)) return passthrough;
  const written: U64 = [low, high];
  p.vmcs.guestDeadlineShadow = written;
  if (isZero(written)) {
    mark('15 WRMSR 0');
    p.deadline = [0, 0];
  } else if (isAbove(written, virtualTsc(p.vmcs, tsc))) {
    mark('15 WRMSR future');
    p.deadline = physicalDeadline(p.vmcs, written);
  } else {
    mark('15 WRMSR past');
    processGuestTimerEvent(p);
  }
  return completed;
}

/**
 * True if a guest-timer event is pending and not suppressed: the deadline is not 0, has come, and the processor is neither in
 * shutdown nor in wait-for-SIPI. SDM vol. 3C, "Guest-Timer Events".
 */
export function guestTimerEventPending(p: GuestTimerProcessor, tsc: U64): boolean {
  if (isZero(p.deadline) || isAbove(p.deadline, tsc)) return false;
  if (p.activity > 1) {
    mark('15 suppressed');
    return false;
  }
  return true;
}

/**
 * Processing of a guest-timer event: requests the virtual timer vector, evaluates, disarms. A processor in HLT returns to it, and
 * a deliverable virtual interrupt then wakes it. SDM vol. 3C, "Guest-Timer Events".
 */
export function processGuestTimerEvent(p: GuestTimerProcessor): void {
  mark('15 event');
  const { vmcs, page } = p;
  const vector = vmcs.virtualTimerVector & 0xff;
  setBit(page.irr, vector);
  if (vector > rvi(vmcs)) setRvi(vmcs, vector);
  evaluatePendingVirtualInterrupts(p);
  p.deadline = [0, 0];
  vmcs.guestDeadlineShadow = [0, 0];
}
