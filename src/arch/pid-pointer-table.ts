import type { PidPointerTable } from './apic-memory.js';

/** An entry of a PID-pointer table by its fields. SDM vol. 3C, "IPI Virtualization". */
export interface PidPointer {
  /** Bit 0. */
  valid: boolean;
  /** Address of the descriptor: a multiple of 64 below 2^52. */
  address: number;
}

/**
 * The table entry for a descriptor.
 *
 * @throws RangeError if the address is not a multiple of 64 below 2^52.
 */
export function encodePidPointer(pointer: PidPointer): number {
  const { address, valid } = pointer;
  if (!Number.isInteger(address) || address % 64 !== 0 || address < 0 || address >= 2 ** 52) {
    throw new RangeError(`descriptor address ${address}: not a multiple of 64 below 2^52`);
  }
  return valid ? address + 1 : address;
}

/** The fields of a table entry: the inverse of {@link encodePidPointer}. Reserved bits 5:1 are dropped. */
export function decodePidPointer(entry: number): PidPointer {
  return { valid: entry % 2 === 1, address: entry - (entry % 64) };
}

/**
 * A table whose entries 0 to n - 1 point to the given descriptors; undefined makes an invalid entry.
 *
 * @param address - physical address of the table, a multiple of 8.
 */
export function pidPointerTable(address: number, descriptors: readonly (number | undefined)[]): PidPointerTable {
  return {
    address,
    entries: descriptors.map((at) => (at === undefined ? 0 : encodePidPointer({ valid: true, address: at }))),
  };
}
