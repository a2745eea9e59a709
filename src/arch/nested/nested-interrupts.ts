import type { ApicRegisters } from '../apic-registers.js';
import { highestBit } from '../bits256.js';
import { Exit, hasExit, hasPin, hasPrimary, hasSecondary, PinBased, Primary, Secondary } from '../controls.js';
import { EventType, encodeEventInformation } from '../event-information.js';
import { ExitReason } from '../exit-reason.js';
import { rvi, setRvi } from '../guest-interrupt-status.js';
import type { PostedInterruptDescriptor } from '../posted-interrupt-descriptor.js';
import type { ApicVmcs } from '../virtual-processor.js';

/**
 * True if an interrupt for L1 is, while L2 runs, the notification that L1 posted something for L2: L1 uses posted interrupts
 * and `vector` (0-255) is its notification vector. Linux `vmx_deliver_nested_posted_interrupt`.
 */
export function isNestedNotification(vmcs12: ApicVmcs, vector: number): boolean {
  return hasPin(vmcs12, PinBased.processPostedInterrupts) && vmcs12.postedInterruptNotificationVector === vector;
}

/** What becomes of an interrupt for L1 that arrives while L2 runs. */
export type NestedInterrupt =
  /** It is a notification: take over what L1 posted ({@link completeNestedPostedInterrupts}) and stay in L2. */
  | { readonly kind: 'nested-notification' }
  /** L2 exits to L1 with reason 1; `interruptionInformation` is 0 if L1 does not have interrupts acknowledged on exit. */
  | { readonly kind: 'exit-to-l1'; readonly interruptionInformation: number }
  /** L1 lets L2 take its external interrupts: it is injected into L2. */
  | { readonly kind: 'inject-into-l2' };

/**
 * Decides about an interrupt for L1 (`vector`, the highest that its local APIC has deliverable) while L2 runs: Linux 6.12
 * `vmx_check_nested_events`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createVmcs, Exit, nestedInterrupt, PinBased } from 'vmx-apic/arch';
 *
 * const vmcs12 = createVmcs();
 * vmcs12.pinBasedControls = PinBased.externalInterruptExiting | PinBased.processPostedInterrupts;
 * vmcs12.exitControls = Exit.acknowledgeInterruptOnExit;
 * vmcs12.postedInterruptNotificationVector = 0xf2;
 * assert.equal(nestedInterrupt(vmcs12, 0xf2).kind, 'nested-notification');
 * assert.equal(nestedInterrupt(vmcs12, 0xec).kind, 'exit-to-l1');
 * ```
 */
export function nestedInterrupt(vmcs12: ApicVmcs, vector: number): NestedInterrupt {
  if (!hasPin(vmcs12, PinBased.externalInterruptExiting)) return { kind: 'inject-into-l2' };
  if (!hasExit(vmcs12, Exit.acknowledgeInterruptOnExit)) return { kind: 'exit-to-l1', interruptionInformation: 0 };
  if (isNestedNotification(vmcs12, vector)) return { kind: 'nested-notification' };
  const interruptionInformation = encodeEventInformation({
    type: EventType.ExternalInterrupt,
    vector,
    errorCode: false,
    nmiUnblocking: false,
    nestedException: false,
    valid: true,
  });
  return { kind: 'exit-to-l1', interruptionInformation };
}

/**
 * Software's part of posted-interrupt processing for L2, for a notification that no processor in L2 took: Linux
 * `vmx_complete_nested_posted_interrupt`. Clears ON, moves PIR into L2's virtual-APIC page and raises RVI; evaluation follows
 * at the entry to L2.
 *
 * @param vmcs02 - the VMCS with which L2 runs.
 * @param page - L2's virtual-APIC page.
 * @param descriptor - the descriptor that L1 keeps for L2.
 * @returns false if ON was 0: there was nothing to do.
 */
export function completeNestedPostedInterrupts(
  vmcs02: ApicVmcs,
  page: ApicRegisters,
  descriptor: PostedInterruptDescriptor,
): boolean {
  if (descriptor.on === 0) return false;
  descriptor.on = 0;
  const highest = highestBit(descriptor.pir);
  if (highest < 0) return true;
  for (let word = 0; word < 8; word++) {
    page.irr[word] = ((page.irr[word] as number) | (descriptor.pir[word] as number)) >>> 0;
    descriptor.pir[word] = 0;
  }
  // KVM takes the highest of the merged IRR, not of PIR alone: a stale RVI is repaired on the way.
  const pending = highestBit(page.irr);
  if (pending > rvi(vmcs02)) setRvi(vmcs02, pending);
  return true;
}

/**
 * True if a halted L2 has an interrupt that virtual-interrupt delivery would deliver, so that the virtual CPU must not stay
 * asleep: RVI, or with an open notification what is posted, is of a higher class than VPPR. Linux `vmx_has_nested_events`; whether L2
 * can take interrupts at all (RFLAGS.IF, shadows) is the caller's test.
 *
 * @param notified - true while a notification for L2 is not taken care of (KVM's `pi_pending`).
 */
export function hasNestedInterrupt(
  vmcs02: ApicVmcs,
  vmcs12: ApicVmcs,
  page: ApicRegisters,
  descriptor: PostedInterruptDescriptor | null,
  notified: boolean,
): boolean {
  if (!hasSecondary(vmcs12, Secondary.virtualInterruptDelivery)) return false;
  const priority = page.ppr & 0xf0;
  if ((rvi(vmcs02) & 0xf0) > priority) return true;
  if (!notified || descriptor === null || descriptor.on === 0) return false;
  return (Math.max(highestBit(descriptor.pir), 0) & 0xf0) > priority;
}

/**
 * Whose VM exit this is when L2 exits: L1's, if L1's controls ask for it, else L0's own. Linux `nested_vmx_l0_wants_exit` and
 * `nested_vmx_l1_wants_exit`, for the exits of interrupts and APIC virtualization.
 *
 * @returns null for other exit reasons.
 */
export function nestedExitOwner(vmcs12: ApicVmcs, reason: ExitReason): 'L0' | 'L1' | null {
  switch (reason) {
    case ExitReason.ExternalInterrupt:
      return 'L0';
    case ExitReason.InterruptWindow:
      return hasPrimary(vmcs12, Primary.interruptWindowExiting) ? 'L1' : 'L0';
    case ExitReason.Hlt:
      return hasPrimary(vmcs12, Primary.hltExiting) ? 'L1' : 'L0';
    case ExitReason.TprBelowThreshold:
      return hasPrimary(vmcs12, Primary.useTprShadow) ? 'L1' : 'L0';
    // Their controls are L1's alone.
    case ExitReason.ApicAccess:
    case ExitReason.ApicWrite:
    case ExitReason.EoiInduced:
      return 'L1';
    default:
      return null;
  }
}
