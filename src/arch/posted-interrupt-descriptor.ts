import { type Bits256, emptyBits256 } from './bits256.js';

/**
 * A posted-interrupt descriptor: 64 bytes, 64-byte aligned; here its fields. SDM vol. 3C, "Posted-Interrupt Processing",
 * table "Format of Posted-Interrupt Descriptor".
 */
export interface PostedInterruptDescriptor {
  /** Posted-interrupt requests, bits 255:0: vector `v` is bit `v`. */
  pir: Bits256;
  /** Outstanding notification, bit 256. */
  on: number;
  /** Suppress notification, bit 257. */
  sn: number;
  /** Notification vector, bits 279:272. */
  nv: number;
  /** Notification destination, bits 319:288: a physical APIC ID, encoded by the host's APIC mode. */
  ndst: number;
}

/** A descriptor with nothing posted. */
export function emptyDescriptor(): PostedInterruptDescriptor {
  return { pir: emptyBits256(), on: 0, sn: 0, nv: 0, ndst: 0 };
}
