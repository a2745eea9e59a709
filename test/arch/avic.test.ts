import { describe, expect, test } from 'vitest';
import { ApicMode } from '../../src/arch/apic-mode.js';
import { resetRegisters } from '../../src/arch/apic-registers.js';
import { avicEoi, avicIpiType, avicReadAllowed, avicWriteOf, IncompleteIpi } from '../../src/arch/avic.js';
import { type AvicTables, avicDestinations } from '../../src/arch/avic-tables.js';
import { setBit, testBit } from '../../src/arch/bits256.js';

/** Four virtual APICs, 0 to 3, of which 2 is missing; logical IDs one bit each, in the flat model. */
function tables(): AvicTables {
  return {
    physical: [0, 1, 2, 3].map((n) => ({ valid: n === 2 ? 0 : 1, isRunning: 1, hostApicId: n, backingPage: n })),
    logical: [0, 1, 2, 3].map((n) => ({ valid: n === 2 ? 0 : 1, guestId: n })),
  };
}
const xapic = { mode: ApicMode.xapic, index: 0, dfr: 0xffff_ffff };
const cluster = { ...xapic, dfr: 0x0fff_ffff };
const x2apic = { ...xapic, mode: ApicMode.x2apic };
const logical = 0x800;

describe('whom an ICR value addresses', () => {
  test('by physical ID: one entry, or the invalid one', () => {
    expect(avicDestinations(tables(), xapic, 0x20, 3)).toEqual({ targets: [3], invalid: -1 });
    expect(avicDestinations(tables(), xapic, 0x20, 2).invalid).toBe(2);
    expect(avicDestinations(tables(), x2apic, 0x20, 0x1234).invalid).toBe(0x1234);
  });

  test('broadcasts and shorthands: all that are valid', () => {
    expect(avicDestinations(tables(), xapic, 0x20, 0xff).targets).toEqual([0, 1, 3]);
    expect(avicDestinations(tables(), x2apic, 0x20, 0xffff_ffff).targets).toEqual([0, 1, 3]);
    expect(avicDestinations(tables(), xapic, 0x8_0020, 0).targets).toEqual([0, 1, 3]);
    expect(avicDestinations(tables(), xapic, 0xc_0020, 0).targets).toEqual([1, 3]);
    expect(avicDestinations(tables(), xapic, 0x4_0020, 0).targets).toEqual([0]);
  });

  test('logical: through the table in xAPIC mode, by arithmetic in x2APIC mode; one invalid entry spoils the set', () => {
    expect(avicDestinations(tables(), xapic, 0x20 | logical, 0b1011).targets).toEqual([0, 1, 3]);
    expect(avicDestinations(tables(), xapic, 0x20 | logical, 0b0111)).toEqual({ targets: [], invalid: 2 });
    expect(avicDestinations(tables(), cluster, 0x20 | logical, 0x0a).targets).toEqual([1, 3]);
    expect(avicDestinations(tables(), cluster, 0x20 | logical, 0xf1).targets).toEqual([0, 1, 3]);
    expect(avicDestinations(tables(), x2apic, 0x20 | logical, 0b1011).targets).toEqual([0, 1, 3]);
    // Cluster 1, bit 2: APIC ID 18.
    expect(avicDestinations(tables(), x2apic, 0x20 | logical, 0x1_0004).invalid).toBe(18);
  });
});

test('fixed and edge-triggered is for hardware, whatever the destination', () => {
  expect(avicIpiType(0x4020)).toBe(-1);
  expect(avicIpiType(0x20 | logical)).toBe(-1);
  expect(avicIpiType(0xc_0020)).toBe(-1);
  for (const low of [0x120, 0x400, 0x500, 0x608, 0x8020]) expect(avicIpiType(low)).toBe(IncompleteIpi.invalidType);
  expect(avicIpiType(0xf)).toBe(IncompleteIpi.invalidVector);
});

test('an EOI ends what came by an edge, and leaves a level to software', () => {
  const page = resetRegisters();
  setBit(page.isr, 0x31);
  setBit(page.isr, 0x52);
  setBit(page.tmr, 0x31);
  expect(avicEoi(page)).toBe(-1);
  expect(testBit(page.isr, 0x52)).toBe(false);
  expect(page.ppr).toBe(0x30);
  expect(avicEoi(page)).toBe(0x31);
  expect(testBit(page.isr, 0x31)).toBe(true);
  expect(avicEoi(resetRegisters())).toBe(-1);
});

test('registers: accelerated, trapped after the write, or faulting before it', () => {
  expect([0x80, 0x310, 0x3f0].map(avicWriteOf)).toEqual(['accelerated', 'accelerated', 'accelerated']);
  expect([0x300, 0xb0].map(avicWriteOf)).toEqual(['icr', 'eoi']);
  expect([0xd0, 0x320, 0x380].map(avicWriteOf)).toEqual(['trap', 'trap', 'trap']);
  expect([0x30, 0x390].map(avicWriteOf)).toEqual(['fault', 'fault']);
  expect([0x20, 0x80, 0x390].map(avicReadAllowed)).toEqual([true, true, false]);
});
