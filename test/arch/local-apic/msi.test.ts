import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMsi, encodeMsi } from '../../../src/arch/index.js';

describe('message-signalled interrupts', () => {
  it('have destination and mode in the address, the rest in the data', () => {
    expect(decodeMsi({ addressLow: 0xfee0_300c, addressHigh: 0xffff_ffff, data: 0xc1ec })).toEqual({
      vector: 0xec,
      deliveryMode: 1,
      destinationMode: 1,
      destination: 3,
      shorthand: 0,
      triggerMode: 1,
    });
    expect(decodeMsi({ addressLow: 0xfed0_3000, addressHigh: 0, data: 0xec })).toBeUndefined();
  });

  it('have larger destinations where a hypervisor says so', () => {
    const msi = { addressLow: 0xfee0_3fe0, addressHigh: 0x0102_03ff, data: 0xec };
    expect(decodeMsi(msi)?.destination).toBe(3);
    expect(decodeMsi(msi, 'extended-id')?.destination).toBe(0x7f03);
    expect(decodeMsi(msi, 'high-address')?.destination).toBe(0x0102_0303);
    const message = { vector: 0xec, deliveryMode: 0, destinationMode: 0, shorthand: 0, triggerMode: 0 };
    expect(() => encodeMsi({ ...message, destination: 256 })).toThrow(RangeError);
    expect(() => encodeMsi({ ...message, destination: 0x8000 }, 'extended-id')).toThrow(RangeError);
    expect(encodeMsi({ ...message, destination: 5 })).toEqual({
      addressLow: 0xfee0_5000,
      addressHigh: 0,
      data: 0x40ec,
    });
  });

  it.each([
    ['none', 8],
    ['extended-id', 15],
    ['high-address', 32],
  ] as const)('survive a round trip (%s)', (format, width) => {
    const bits = (count: number) => fc.integer({ min: 0, max: 2 ** count - 1 });
    const message = fc.record({
      vector: bits(8),
      deliveryMode: bits(3),
      destinationMode: bits(1),
      destination: bits(width),
      shorthand: fc.constant(0),
      triggerMode: bits(1),
    });
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeMsi(encodeMsi(value, format), format)).toEqual(value);
      }),
    );
  });
});
