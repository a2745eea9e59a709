import type { ApicRegisters } from './apic-registers.js';
import { clearBit, highestBit, setBit, testBit } from './bits256.js';
import { icrReservedLow } from './icr.js';
import { updateProcessorPriority } from './local-apic/priority.js';

/** Exit codes of SVM that AVIC has. APM vol. 2, appendix C, "SVM Intercept Exit Codes". */
export const AvicExit = { incompleteIpi: 0x401, unacceleratedAccess: 0x402 } as const;

/** Why an IPI is incomplete: EXITINFO2 bits 63:32. APM vol. 2, 15.29.9.1, "AVIC IPI Delivery Not Completed". */
export const IncompleteIpi = {
  invalidType: 0,
  targetNotRunning: 1,
  invalidTarget: 2,
  invalidBackingPage: 3,
  invalidVector: 4,
} as const;

/**
 * Whether an ICR value is for hardware: fixed and edge-triggered; a vector below 16 is an error of its own. Destinations and shorthands of
 * every kind are.
 *
 * @returns a cause of {@link IncompleteIpi}, or -1 if it is
 */
export function avicIpiType(low: number): number {
  // Delivery mode and trigger mode; the delivery status and reserved bits.
  if ((low & 0x8700) !== 0 || (low & 0x1000) !== 0) return IncompleteIpi.invalidType;
  return (low & 0xff) < 16 ? IncompleteIpi.invalidVector : -1;
}

/** The first step of an IPI for each target: a locked OR into its backing page. */
export function avicSetIrr(page: ApicRegisters, vector: number): void {
  setBit(page.irr, vector);
}

/** What hardware does with a write to a register of the backing page. */
export type AvicWrite = 'accelerated' | 'icr' | 'eoi' | 'trap' | 'fault';

/** Registers whose write is done and then exits. Linux `is_avic_unaccelerated_access_trap`; APM vol. 2, table "Guest vAPIC Register Access Behavior". */
const trapped: readonly number[] = [
  0x20, 0xc0, 0xd0, 0xe0, 0xf0, 0x280, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0,
];

/** How a write to a register (page offset) is taken. */
export function avicWriteOf(offset: number): AvicWrite {
  if (offset === 0x80 || offset === 0x310 || offset === 0x3f0) return 'accelerated';
  if (offset === 0x300) return 'icr';
  if (offset === 0xb0) return 'eoi';
  return trapped.includes(offset) ? 'trap' : 'fault';
}

/**
 * Whether WRMSR of an x2APIC register faults with x2AVIC, where the MSR is not intercepted: the core looks at reserved bits itself. APM vol. 2,
 * 15.29.10, "x2AVIC"; Linux kvm_apic_write_nodecode relies on it.
 *
 * @param offset - of the register in the page: 16 × (MSR − 800H)
 */
export function avicMsrWriteFaults(offset: number, low: number, high: number): boolean {
  if (offset === 0x300) return (low & icrReservedLow) !== 0;
  if (high !== 0) return true;
  if (offset === 0xb0) return low !== 0;
  return (offset === 0x80 || offset === 0x3f0) && low > 0xff;
}

/** True if a read of a register comes from the backing page: all that exist but the current count and the remote-read register. */
export function avicReadAllowed(offset: number): boolean {
  return offset !== 0x390 && offset !== 0xc0 && offset !== 0xa0 && offset !== 0x90;
}

/**
 * EOI: the highest vector in service ends, if it came edge-triggered. A level-triggered one is left to software, which has to tell the I/O
 * APIC: an unaccelerated access.
 *
 * @returns the vector that is left to software, or -1
 */
export function avicEoi(page: ApicRegisters): number {
  const vector = highestBit(page.isr);
  if (vector < 0) return -1;
  if (testBit(page.tmr, vector)) return vector;
  clearBit(page.isr, vector);
  updateProcessorPriority(page);
  return -1;
}
