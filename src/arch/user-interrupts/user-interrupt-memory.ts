import type { U64 } from '../virtual-processor.js';

/** An entry of the user-interrupt target table (UITT), 16 bytes. SDM vol. 3A, "User-IPIs: SENDUIPI". */
export interface UittEntry {
  /** Bit 0. */
  valid: number;
  /** UV, the user-interrupt vector, 0-63. */
  vector: number;
  /** Address of the descriptor, a multiple of 64. */
  upidAddress: U64;
  /** 1 if a reserved bit is set: 7:1, 15:14, 63:16, 69:64. */
  reserved: number;
}

/** A user posted-interrupt descriptor (UPID), 16 bytes. SDM vol. 3A, "User Posted-Interrupt Descriptor". */
export interface Upid {
  /** Outstanding notification, bit 0. */
  on: number;
  /** Suppress notification, bit 1. */
  sn: number;
  /** Notification vector, bits 23:16. */
  nv: number;
  /** Notification destination, bits 63:32. */
  ndst: number;
  /** Posted user-interrupt requests, bits 127:64: vector `v` is bit `v`. */
  pir: U64;
  /** 1 if a reserved bit is set: 15:2, 31:24. */
  reserved: number;
}

/** What SENDUIPI reads: the table of the running software and the descriptors that it leads to. */
export interface UserInterruptMemory {
  /** UITTSZ: the highest index of the table. */
  uittSize: number;
  /** The table; missing entries read as 0. */
  uitt: UittEntry[];
  /** Address of `upids[0]`; the next follow at 64 bytes each. Elsewhere memory reads as 0. */
  upidBase: number;
  upids: Upid[];
}

/** A descriptor with nothing posted. */
export function emptyUpid(): Upid {
  return { on: 0, sn: 0, nv: 0, ndst: 0, pir: [0, 0], reserved: 0 };
}

/** The 16 bytes of a table entry as four 32-bit words; `reserved` sets no bit. */
export function encodeUittEntry(entry: UittEntry): number[] {
  return [
    (entry.valid & 1) | ((entry.vector & 0x3f) << 8),
    0,
    (entry.upidAddress[0] & ~0x3f) >>> 0,
    entry.upidAddress[1],
  ];
}

/** The fields of a table entry: the inverse of {@link encodeUittEntry}. Missing words are 0. */
export function decodeUittEntry(words: readonly number[]): UittEntry {
  const [word0 = 0, word1 = 0, low = 0, high = 0] = words;
  return {
    valid: word0 & 1,
    vector: (word0 >>> 8) & 0x3f,
    upidAddress: [(low & ~0x3f) >>> 0, high],
    reserved: (word0 & 0xffff_c0fe) !== 0 || word1 !== 0 || (low & 0x3f) !== 0 ? 1 : 0,
  };
}

/** The 16 bytes of a descriptor as four 32-bit words; `reserved` sets no bit. */
export function encodeUpid(upid: Upid): number[] {
  return [(upid.on & 1) | ((upid.sn & 1) << 1) | ((upid.nv & 0xff) << 16), upid.ndst, upid.pir[0], upid.pir[1]];
}

/** The fields of a descriptor: the inverse of {@link encodeUpid}. Missing words are 0. */
export function decodeUpid(words: readonly number[]): Upid {
  const [word0 = 0, ndst = 0, low = 0, high = 0] = words;
  return {
    on: word0 & 1,
    sn: (word0 >>> 1) & 1,
    nv: (word0 >>> 16) & 0xff,
    ndst,
    pir: [low, high],
    reserved: (word0 & 0xff00_fffc) !== 0 ? 1 : 0,
  };
}
