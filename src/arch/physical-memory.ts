import type { ApicMemory } from './apic-memory.js';
import type { PostedInterruptDescriptor } from './posted-interrupt-descriptor.js';
import type { U64 } from './virtual-processor.js';

const twoTo32 = 0x1_0000_0000;

/** A 64-bit physical address as a number; exact below 2^53, above every physical-address width. */
export function addressOf(value: U64): number {
  return value[1] * twoTo32 + value[0];
}

/** The inverse of {@link addressOf}, for addresses below 2^53. */
export function toU64(address: number): U64 {
  return [address >>> 0, Math.floor(address / twoTo32)];
}

/** The index in `memory.descriptors` of the descriptor at a 64-byte-aligned address, or -1 if none is there. */
export function descriptorIndex(memory: ApicMemory, address: number): number {
  const index = (address - memory.descriptorBase) / 64;
  return index >= 0 && index < memory.descriptors.length && index === Math.trunc(index) ? index : -1;
}

/** The address of descriptor `index`. */
export function descriptorAddress(memory: ApicMemory, index: number): number {
  return memory.descriptorBase + 64 * index;
}

/** The descriptor with that index, or undefined for -1: memory that holds no descriptor, which reads as 0. */
export function descriptorAt(memory: ApicMemory, index: number): PostedInterruptDescriptor | undefined {
  return memory.descriptors[index];
}

/** The 8 bytes at `address` (a multiple of 8), read as a PID-pointer table entry; 0 where no table is. */
export function readPidPointer(memory: ApicMemory, address: number): number {
  const tables = memory.pidPointerTables;
  for (let i = 0; i < tables.length; i++) {
    const table = tables[i];
    if (table === undefined || address < table.address) continue;
    const entry = table.entries[(address - table.address) / 8];
    if (entry !== undefined) return entry;
  }
  return 0;
}
