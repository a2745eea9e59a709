import type { ApicRegisters } from '../apic-registers.js';
import { clearBit, highestBit, testBit } from '../bits256.js';
import { lvtRemoteIrr } from './lvt.js';
import { updateProcessorPriority } from './priority.js';

/** SVR bit 12: level-triggered interrupts end without an EOI message to the I/O APICs. SDM vol. 3A, "EOI". */
const suppressBroadcast = 0x1000;

/**
 * The end of the interrupt with the highest vector in service, or of none.
 *
 * @returns the vector to broadcast to the I/O APICs, or -1: nothing was in service, it was edge-triggered (TMR), or SVR
 * suppresses the broadcast. TMR stays as it is.
 */
export function endOfInterrupt(registers: ApicRegisters): number {
  const vector = highestBit(registers.isr);
  if (vector < 0) return -1;
  clearBit(registers.isr, vector);
  updateProcessorPriority(registers);
  if (!testBit(registers.tmr, vector)) return -1;
  if ((registers.lvtLint0 & (lvtRemoteIrr | 0xff)) === (lvtRemoteIrr | vector)) {
    registers.lvtLint0 = (registers.lvtLint0 & ~lvtRemoteIrr) >>> 0;
  }
  return (registers.svr & suppressBroadcast) === 0 ? vector : -1;
}
