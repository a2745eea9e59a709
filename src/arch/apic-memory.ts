import type { PostedInterruptDescriptor } from './posted-interrupt-descriptor.js';

/**
 * The part of physical memory that APIC virtualization reads and writes beside the virtual-APIC page: posted-interrupt
 * descriptors and PID-pointer tables, at their physical addresses. Memory outside both reads as zero.
 */
export interface ApicMemory {
  /** Physical address of `descriptors[0]`, 64-byte aligned; descriptor `i` is at `descriptorBase + 64 * i`. */
  descriptorBase: number;
  descriptors: PostedInterruptDescriptor[];
  pidPointerTables: PidPointerTable[];
  /** Physical-address width in bits (MAXPHYADDR), 32-52: a PID pointer with a higher bit is not valid. 52 if absent. */
  physicalAddressWidth?: number;
}

/** A PID-pointer table in memory: entry `i` (8 bytes) is at `address + 8 * i`. SDM vol. 3C, "IPI Virtualization". */
export interface PidPointerTable {
  /** Physical address, a multiple of 8. */
  address: number;
  /** Bit 0 valid, bits 5:1 reserved, above them the address of a descriptor: safe integers below 2^52. Missing entries are 0. */
  entries: number[];
}
