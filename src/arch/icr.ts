/** Delivery modes of the ICR and of an LVT entry, bits 10:8. SDM vol. 3A, "Interrupt Command Register (ICR)". */
export const DeliveryMode = {
  fixed: 0,
  lowestPriority: 1,
  smi: 2,
  nmi: 4,
  init: 5,
  startUp: 6,
  /** LVT entries only. */
  extInt: 7,
} as const;

/** Destination shorthands of the ICR, bits 19:18. */
export const Shorthand = {
  none: 0,
  self: 1,
  allIncludingSelf: 2,
  allExcludingSelf: 3,
} as const;

/** Bits of the ICR's low half that are reserved in both modes: 31:20, 17:16 and 13. */
export const icrReservedLow = 0xfff3_2000;
/** Bits of the ICR's high half that are reserved in xAPIC mode: 55:32 of the pair. In x2APIC mode none is. */
export const icrReservedHighXapic = 0x00ff_ffff;
/** Delivery status, bit 12: read-only in xAPIC mode, not defined in x2APIC mode. */
export const icrDeliveryStatus = 0x1000;

/** Bits 7:0 of the ICR's low half. */
export function icrVector(low: number): number {
  return low & 0xff;
}

/** Bits 10:8 of the ICR's low half: one of {@link DeliveryMode}, or the reserved 3 or 7. */
export function icrDeliveryMode(low: number): number {
  return (low >>> 8) & 7;
}

/** Bit 11 of the ICR's low half: 0 physical, 1 logical. */
export function icrDestinationMode(low: number): number {
  return (low >>> 11) & 1;
}

/** Bit 14 of the ICR's low half: 1 assert. Matters only for INIT level de-assert. */
export function icrLevel(low: number): number {
  return (low >>> 14) & 1;
}

/** Bit 15 of the ICR's low half: 0 edge, 1 level. */
export function icrTriggerMode(low: number): number {
  return (low >>> 15) & 1;
}

/** Bits 19:18 of the ICR's low half: one of {@link Shorthand}. */
export function icrShorthand(low: number): number {
  return (low >>> 18) & 3;
}

/** The destination in the ICR's high half: its bits 31:24 in xAPIC form, all 32 in x2APIC form. */
export function icrDestination(high: number, x2apic: boolean): number {
  return x2apic ? high : high >>> 24;
}

/** An interrupt command by its fields. SDM vol. 3A, figures "Interrupt Command Register (ICR)" and "… in x2APIC Mode". */
export interface Icr {
  /** 0-255. */
  vector: number;
  /** {@link DeliveryMode}. */
  deliveryMode: number;
  /** 0 physical, 1 logical. */
  destinationMode: number;
  /** Bit 12; 1 send pending. Exists in xAPIC mode only. */
  deliveryStatus: number;
  /** 0 de-assert, 1 assert. */
  level: number;
  /** 0 edge, 1 level. */
  triggerMode: number;
  /** {@link Shorthand}. */
  shorthand: number;
  /** 8 bits in xAPIC mode, 32 bits in x2APIC mode. */
  destination: number;
}

/**
 * The fields of an ICR value.
 *
 * @param low - bits 31:0 (xAPIC: the register at 300H).
 * @param high - bits 63:32 (xAPIC: the register at 310H).
 * @param x2apic - which of the two forms. Reserved bits are dropped.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { decodeIcr, encodeIcr } from 'vmx-apic/arch';
 *
 * const icr = decodeIcr(0x0000_40f2, 0x0000_0003, true);
 * assert.equal(icr.vector, 0xf2);
 * assert.equal(icr.destination, 3);
 * assert.deepEqual(encodeIcr(icr, true), [0x40f2, 3]);
 * ```
 */
export function decodeIcr(low: number, high: number, x2apic: boolean): Icr {
  return {
    vector: icrVector(low),
    deliveryMode: icrDeliveryMode(low),
    destinationMode: icrDestinationMode(low),
    deliveryStatus: x2apic ? 0 : (low >>> 12) & 1,
    level: icrLevel(low),
    triggerMode: icrTriggerMode(low),
    shorthand: icrShorthand(low),
    destination: icrDestination(high, x2apic),
  };
}

/** The ICR value, low and high half, of `icr`: the inverse of {@link decodeIcr}. Fields out of range are cut to their width. */
export function encodeIcr(icr: Icr, x2apic: boolean): [low: number, high: number] {
  const low =
    (icr.vector & 0xff) |
    ((icr.deliveryMode & 7) << 8) |
    ((icr.destinationMode & 1) << 11) |
    (x2apic ? 0 : (icr.deliveryStatus & 1) << 12) |
    ((icr.level & 1) << 14) |
    ((icr.triggerMode & 1) << 15) |
    ((icr.shorthand & 3) << 18);
  return [low >>> 0, x2apic ? icr.destination >>> 0 : ((icr.destination & 0xff) << 24) >>> 0];
}
