import { call } from '../engine/frames.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { wrmsr } from '../hardware/wrmsr.js';
import { type GuestMachine, guestMemory } from './machine.js';

/** Writes an MSR, by WRMSR or, where the guest uses that, by WRMSRNS with the MSR's number in the instruction. */
export function writeMsr(
  machine: GuestMachine,
  processor: LogicalProcessor,
  msr: number,
  low: number,
  high = 0,
): undefined {
  const write = call(machine, processor, wrmsr);
  write.msr = msr;
  write.low = low;
  write.high = high;
  write.immediate = guestMemory(machine, processor).msrImmediate;
}
