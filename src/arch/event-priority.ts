import { hasPin, hasPrimary, PinBased, Primary } from './controls.js';
import { interruptWindowOpen } from './interrupt-window.js';
import { mark } from './mark.js';
import type { VirtualProcessor } from './virtual-processor.js';

/**
 * The events that can come at an instruction boundary in VMX non-root operation, highest priority first. SDM vol. 3A, "Priority
 * Among Concurrent Events", and vol. 3C, "Other Causes of VM Exits", "Special Features of VM Entry", "Virtual-Interrupt Delivery"
 * and "Guest-Timer Events".
 *
 * The SDM puts guest-timer events below external interrupts and above virtual interrupts, and virtual interrupts above external
 * interrupts, which cannot all be. Here they come right before virtual interrupts, so that a timer interrupt that is due takes
 * part in what is delivered next.
 */
export const eventPriority = [
  'apic-write-emulation',
  'tpr-below-threshold',
  'smi',
  'init',
  'mtf',
  'debug-trap',
  'preemption-timer',
  'nmi-window',
  'nmi',
  'guest-timer',
  'interrupt-window',
  'virtual-interrupt',
  'external-interrupt',
] as const;

/** One of {@link eventPriority}. */
export type BoundaryEvent = (typeof eventPriority)[number];

/** The rule that each event's place in the order is. */
const ruleOf: Readonly<Record<BoundaryEvent, string>> = {
  'apic-write-emulation': '14 APIC-write emulation',
  'tpr-below-threshold': '14 TPR below threshold',
  smi: '14 SMI',
  init: '14 INIT',
  mtf: '14 MTF',
  'debug-trap': '14 debug trap',
  'preemption-timer': '14 preemption timer',
  'nmi-window': '14 NMI window',
  nmi: '14 NMI',
  'guest-timer': '14 guest timer',
  'interrupt-window': '14 interrupt window',
  'virtual-interrupt': '14 virtual interrupt',
  'external-interrupt': '14 external interrupt',
};

/** Blocking by MOV SS and by NMI: bits 1 and 3 of the interruptibility state. */
const blockingByMovSs = 2;
const blockingByNmi = 8;
const shutdown = 2;
const waitForSipi = 3;

/**
 * Whether the processor's state holds `event` up: its activity state, RFLAGS.IF, the interruptibility state and the controls. SDM
 * vol. 3C, "Event Blocking", "Activity State" and the sections of {@link eventPriority}.
 */
export function isBlocked(p: VirtualProcessor, event: BoundaryEvent): boolean {
  const { activity, interruptibility, vmcs } = p;
  switch (event) {
    case 'apic-write-emulation':
    case 'debug-trap':
      return false;
    case 'tpr-below-threshold':
    case 'mtf':
    case 'guest-timer':
      return activity >= shutdown;
    case 'smi':
      return activity === waitForSipi || (interruptibility & 4) !== 0;
    case 'init':
    case 'preemption-timer':
      return activity === waitForSipi;
    case 'nmi-window':
      // Only with virtual NMIs: bit 3 then is virtual-NMI blocking.
      return (
        activity === waitForSipi ||
        !hasPrimary(vmcs, Primary.nmiWindowExiting) ||
        (interruptibility & (blockingByNmi | 3)) !== 0
      );
    case 'nmi': {
      // With virtual NMIs bit 3 blocks virtual NMIs, not this one.
      const byNmi = hasPin(vmcs, PinBased.virtualNmis) ? 0 : blockingByNmi;
      return activity === waitForSipi || (interruptibility & (byNmi | blockingByMovSs)) !== 0;
    }
    case 'interrupt-window':
      return activity >= shutdown || !hasPrimary(vmcs, Primary.interruptWindowExiting) || !interruptWindowOpen(p);
    case 'virtual-interrupt':
      return (
        activity >= shutdown ||
        hasPrimary(vmcs, Primary.interruptWindowExiting) ||
        p.recognized === 0 ||
        !interruptWindowOpen(p)
      );
    case 'external-interrupt':
      if (activity >= shutdown) return true;
      // An interrupt that exits does not ask RFLAGS.IF; whether STI and MOV SS block it is up to the implementation: here they do.
      if (hasPin(vmcs, PinBased.externalInterruptExiting)) return (interruptibility & 3) !== 0;
      return !interruptWindowOpen(p);
  }
}

/**
 * The event that comes first at an instruction boundary.
 *
 * @param pending - what is there beside what `p` itself shows (interrupt window and virtual interrupt are found in `p`).
 * @returns the highest of them that nothing blocks, or undefined.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createVirtualProcessor, nextEvent, PinBased } from 'vmx-apic/arch';
 *
 * const p = createVirtualProcessor({ pinBasedControls: PinBased.externalInterruptExiting });
 * p.recognized = 1;
 * assert.equal(nextEvent(p, ['external-interrupt']), 'virtual-interrupt');
 * p.interruptFlag = 0; // blocks the virtual interrupt, not the external one
 * assert.equal(nextEvent(p, ['external-interrupt']), 'external-interrupt');
 * ```
 */
export function nextEvent(p: VirtualProcessor, pending: readonly BoundaryEvent[]): BoundaryEvent | undefined {
  for (const event of eventPriority) {
    const isOwn = event === 'interrupt-window' || event === 'virtual-interrupt' || event === 'nmi-window';
    if (!isOwn && !pending.includes(event)) continue;
    if (isBlocked(p, event)) continue;
    mark(ruleOf[event]);
    return event;
  }
  return undefined;
}
