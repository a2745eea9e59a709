import { setBit } from '../bits256.js';
import { isSoftwareEnabled, type LocalApic } from './local-apic.js';
import { lvtMasked } from './lvt.js';

/** Bits of the ESR. SDM vol. 3A, "Error Handling". */
export const ApicError = {
  /** P6 family only. */
  sendChecksum: 0x01,
  /** P6 family only. */
  receiveChecksum: 0x02,
  /** P6 family only. */
  sendAccept: 0x04,
  /** P6 family only. */
  receiveAccept: 0x08,
  /** A lowest-priority IPI on a processor that cannot send one. */
  redirectableIpi: 0x10,
  /** Vector 0-15 in a message that this APIC sends. */
  sendIllegalVector: 0x20,
  /** Vector 0-15 in a message that this APIC receives, or from its own LVT or self-IPI. */
  receiveIllegalVector: 0x40,
  /** A memory-mapped access to an offset without a register. */
  illegalRegisterAddress: 0x80,
} as const;

/**
 * Remembers an error for the next write of the ESR, and raises the LVT error interrupt if that is not masked. An illegal vector
 * in the LVT error entry itself is remembered too.
 */
export function recordError(apic: LocalApic, error: number): void {
  apic.errors |= error;
  const { registers } = apic;
  if ((registers.lvtError & lvtMasked) !== 0 || !isSoftwareEnabled(apic)) return;
  const vector = registers.lvtError & 0xff;
  if (vector < 16) apic.errors |= ApicError.receiveIllegalVector;
  else setBit(registers.irr, vector);
}

/** A write of the ESR: it then shows the errors since the write before. */
export function writeErrorStatus(apic: LocalApic): void {
  apic.registers.esr = apic.errors;
  apic.errors = 0;
}
