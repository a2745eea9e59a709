import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DeliveryMode,
  decodeIcr,
  encodeIcr,
  icrDeliveryMode,
  icrDeliveryStatus,
  icrDestination,
  icrDestinationMode,
  icrLevel,
  icrReservedHighXapic,
  icrReservedLow,
  icrShorthand,
  icrTriggerMode,
  icrVector,
  Shorthand,
} from '../../src/arch/index.js';

const bits = (width: number) => fc.integer({ min: 0, max: 2 ** width - 1 });

describe('the interrupt command register', () => {
  it('has its fields where the manual has them', () => {
    const low = 0x000c_f5a3; // 11 00 1111 0101 10100011
    expect([
      icrVector(low),
      icrDeliveryMode(low),
      icrDestinationMode(low),
      icrLevel(low),
      icrTriggerMode(low),
      icrShorthand(low),
    ]).toEqual([0xa3, DeliveryMode.init, 0, 1, 1, Shorthand.allExcludingSelf]);
    expect(icrDestinationMode(0x800)).toBe(1);
    expect(icrDestination(0x0301_0203, false)).toBe(3);
    expect(icrDestination(0x0301_0203, true)).toBe(0x0301_0203);
  });

  it.each([false, true])('survives a round trip (x2APIC: %s)', (x2apic) => {
    const icr = fc.record({
      vector: bits(8),
      deliveryMode: bits(3),
      destinationMode: bits(1),
      deliveryStatus: x2apic ? fc.constant(0) : bits(1),
      level: bits(1),
      triggerMode: bits(1),
      shorthand: bits(2),
      destination: bits(x2apic ? 32 : 8),
    });
    fc.assert(
      fc.property(icr, (value) => {
        const [low, high] = encodeIcr(value, x2apic);
        expect(decodeIcr(low, high, x2apic)).toEqual(value);
        expect((low & icrReservedLow) | (x2apic ? 0 : high & icrReservedHighXapic)).toBe(0);
      }),
    );
  });

  it('and the other way: every bit that is not reserved', () => {
    fc.assert(
      fc.property(bits(32), bits(32), (low, high) => {
        const xapic = [(low & ~icrReservedLow) >>> 0, (high & ~icrReservedHighXapic) >>> 0];
        expect(encodeIcr(decodeIcr(low, high, false), false)).toEqual(xapic);
        expect(encodeIcr(decodeIcr(low, high, true), true)).toEqual([
          (low & ~(icrReservedLow | icrDeliveryStatus)) >>> 0,
          high,
        ]);
      }),
    );
  });
});
