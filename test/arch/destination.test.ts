import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Addressee,
  ApicMode,
  apicId,
  broadcastDestination,
  matchesDestination,
  matchesShorthand,
  Shorthand,
  x2apicLdr,
} from '../../src/arch/index.js';

const flat = 0xffff_ffff;
const cluster = 0x0fff_ffff;

function xapic(id: number, logical = 0, dfr = flat): Addressee {
  return { mode: ApicMode.xapic, registers: { id: (id << 24) >>> 0, ldr: (logical << 24) >>> 0, dfr } };
}

function x2apic(id: number): Addressee {
  return { mode: ApicMode.x2apic, registers: { id, ldr: x2apicLdr(id), dfr: 0 } };
}

const physical = (apic: Addressee, destination: number): boolean => matchesDestination(apic, destination, 0);
const logical = (apic: Addressee, destination: number): boolean => matchesDestination(apic, destination, 1);

describe('physical destinations', () => {
  it('are the APIC ID, 8 bits in xAPIC mode and 32 in x2APIC mode', () => {
    expect(apicId(xapic(5))).toBe(5);
    expect(apicId(x2apic(0x1_0005))).toBe(0x1_0005);
    expect([physical(xapic(5), 5), physical(xapic(5), 6)]).toEqual([true, false]);
    expect([physical(x2apic(0x1_0005), 0x1_0005), physical(x2apic(0x1_0005), 5)]).toEqual([true, false]);
  });

  it('FFH, in x2APIC mode FFFFFFFFH, is all', () => {
    expect(broadcastDestination(ApicMode.xapic)).toBe(0xff);
    expect(broadcastDestination(ApicMode.x2apic)).toBe(0xffff_ffff);
    expect([physical(xapic(5), 0xff), physical(x2apic(5), 0xffff_ffff)]).toEqual([true, true]);
    expect([physical(x2apic(5), 0xff), physical(x2apic(0x1ff), 0xff)]).toEqual([false, false]);
  });
});

describe('logical destinations', () => {
  it('flat: a common bit', () => {
    expect([logical(xapic(0, 0x04), 0x06), logical(xapic(0, 0x04), 0x03)]).toEqual([true, false]);
    expect([logical(xapic(0, 0x04), 0xff), logical(xapic(0, 0), 0xff)]).toEqual([true, false]);
  });

  it('cluster: the cluster, or cluster FH, and a common bit of four', () => {
    const apic = xapic(0, 0x24, cluster);
    expect([0x24, 0x2f, 0xf4, 0xff].map((destination) => logical(apic, destination))).toEqual([true, true, true, true]);
    expect([0x34, 0x21, 0xf1, 0x20].map((destination) => logical(apic, destination))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('a DFR of neither model matches nothing', () => {
    expect(logical(xapic(0, 0xff, 0x7fff_ffff), 0xff)).toBe(false);
  });

  it('x2APIC: the ID makes the logical ID, 16 processors a cluster', () => {
    expect(x2apicLdr(0)).toBe(1);
    expect(x2apicLdr(0x1f)).toBe(0x1_8000);
    expect(x2apicLdr(0xf_fff3)).toBe(0xffff_0008);
    expect([logical(x2apic(0x13), 0x1_0008), logical(x2apic(0x13), 0x1_ffff)]).toEqual([true, true]);
    expect([logical(x2apic(0x13), 0x1_0004), logical(x2apic(0x13), 0x2_0008)]).toEqual([false, false]);
    expect(logical(x2apic(0x13), 0xffff_ffff)).toBe(true);
  });

  it('x2APIC: a logical ID finds exactly its processor', () => {
    const id = fc.integer({ min: 0, max: 0xf_ffef });
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(logical(x2apic(a), x2apicLdr(a))).toBe(true);
        expect(logical(x2apic(b), x2apicLdr(a))).toBe(a === b);
      }),
    );
  });
});

describe('otherwise', () => {
  it('a disabled APIC is never meant', () => {
    const apic: Addressee = { ...xapic(5, 0xff), mode: ApicMode.disabled };
    expect([physical(apic, 5), physical(apic, 0xff), logical(apic, 0xff)]).toEqual([false, false, false]);
  });

  it('shorthands', () => {
    const who = (shorthand: number) => [matchesShorthand(shorthand, true), matchesShorthand(shorthand, false)];
    expect(who(Shorthand.self)).toEqual([true, false]);
    expect(who(Shorthand.allIncludingSelf)).toEqual([true, true]);
    expect(who(Shorthand.allExcludingSelf)).toEqual([false, true]);
    expect(who(Shorthand.none)).toEqual([false, false]);
  });
});
