/** Types of events in the identification of an event (interruption information), bits 10:8. SDM vol. 3C, tables of the formats. */
export const EventType = {
  /** External interrupt. */
  ExternalInterrupt: 0,
  /** Non-maskable interrupt. */
  Nmi: 2,
  /** Hardware exception. */
  HardwareException: 3,
  /** Software interrupt: INT n. */
  SoftwareInterrupt: 4,
  /** Privileged software exception: INT1. */
  PrivilegedSoftwareException: 5,
  /** Software exception: INT3, INTO. */
  SoftwareException: 6,
  /** Other event: a pending MTF VM exit. */
  OtherEvent: 7,
} as const;

/** The identification of an event, taken apart: injected, exiting and original events share the format. */
export interface EventInformation {
  /** Bits 7:0. */
  readonly vector: number;
  /** Bits 10:8: one of {@link EventType}; 1 is reserved. */
  readonly type: number;
  /** Bit 11: an error code is delivered with the event, or was. */
  readonly errorCode: boolean;
  /** Bit 12, in VM-exit information about exiting events: NMI unblocking due to IRET. Reserved elsewhere. */
  readonly nmiUnblocking: boolean;
  /** Bit 13: the event is a nested exception. */
  readonly nestedException: boolean;
  /** Bit 31. */
  readonly valid: boolean;
}

/** Takes the identification of an event apart; bits 30:14 are dropped. */
export function decodeEventInformation(value: number): EventInformation {
  return {
    vector: value & 0xff,
    type: (value >>> 8) & 7,
    errorCode: (value & 0x800) !== 0,
    nmiUnblocking: (value & 0x1000) !== 0,
    nestedException: (value & 0x2000) !== 0,
    valid: value >>> 31 === 1,
  };
}

/**
 * Puts the identification of an event together, unsigned.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { decodeEventInformation, encodeEventInformation, EventType } from 'vmx-apic/arch';
 *
 * const timer = { ...decodeEventInformation(0), vector: 0xec, type: EventType.ExternalInterrupt, valid: true };
 * assert.equal(encodeEventInformation(timer), 0x8000_00ec);
 * ```
 */
export function encodeEventInformation(event: EventInformation): number {
  const flags =
    (event.errorCode ? 0x800 : 0) |
    (event.nmiUnblocking ? 0x1000 : 0) |
    (event.nestedException ? 0x2000 : 0) |
    (event.valid ? 0x8000_0000 : 0);
  return (flags | (event.type << 8) | event.vector) >>> 0;
}
