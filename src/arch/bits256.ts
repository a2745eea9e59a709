/**
 * A 256-bit set of interrupt vectors (IRR, ISR, TMR, PIR, EOI-exit bitmap): eight unsigned 32-bit words, vector `v` in
 * bit `v & 31` of word `v >> 5`. SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts".
 */
export type Bits256 = number[];

/** An empty set. */
export function emptyBits256(): Bits256 {
  return [0, 0, 0, 0, 0, 0, 0, 0];
}

/** True if `vector` (0-255) is in the set. */
export function testBit(bits: Bits256, vector: number): boolean {
  return (((bits[vector >> 5] as number) >>> (vector & 31)) & 1) === 1;
}

/** Adds `vector` (0-255). */
export function setBit(bits: Bits256, vector: number): void {
  bits[vector >> 5] = ((bits[vector >> 5] as number) | (1 << (vector & 31))) >>> 0;
}

/** Removes `vector` (0-255). */
export function clearBit(bits: Bits256, vector: number): void {
  bits[vector >> 5] = ((bits[vector >> 5] as number) & ~(1 << (vector & 31))) >>> 0;
}

/** The highest vector in the set, or -1 if it is empty. */
export function highestBit(bits: Bits256): number {
  for (let word = 7; word >= 0; word--) {
    const value = bits[word] as number;
    if (value !== 0) return (word << 5) + 31 - Math.clz32(value);
  }
  return -1;
}
