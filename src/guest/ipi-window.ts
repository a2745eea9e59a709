/** A window of 128 APIC IDs that one hypercall can carry: the ID of bit 0, the highest ID in it, and the bits in 32-bit words. */
export interface IpiWindow {
  /** -1 while it is empty. */
  min: number;
  max: number;
  word0: number;
  word1: number;
  word2: number;
  word3: number;
}

/** IDs in a window: twice the bits of a register. */
const size = 128;

function bits(window: IpiWindow): bigint {
  const { word0, word1, word2, word3 } = window;
  return [word3, word2, word1, word0].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

function setBits(window: IpiWindow, value: bigint): void {
  const word = (index: number): number => Number((value >> BigInt(32 * index)) & 0xffff_ffffn);
  window.word0 = word(0);
  window.word1 = word(1);
  window.word2 = word(2);
  window.word3 = word(3);
}

/** Empties a window. */
export function clearWindow(window: IpiWindow): void {
  window.min = -1;
  window.max = -1;
  setBits(window, 0n);
}

/**
 * Takes an APIC ID into a window, which moves down for a lower one as long as its highest still fits. Returns false, and changes nothing,
 * if the ID does not fit. Linux `__send_ipi_mask`.
 */
export function addToWindow(window: IpiWindow, id: number): boolean {
  if (window.min < 0) {
    window.min = id;
    window.max = id;
  } else if (id < window.min) {
    if (window.max - id >= size) return false;
    setBits(window, bits(window) << BigInt(window.min - id));
    window.min = id;
  } else if (id >= window.min + size) {
    return false;
  } else {
    window.max = Math.max(window.max, id);
  }
  setBits(window, bits(window) | (1n << BigInt(id - window.min)));
  return true;
}
