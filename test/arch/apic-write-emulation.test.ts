import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emulateApicWrite,
  isEligibleForIpiVirtualization,
  isEligibleForSelfIpiVirtualization,
} from '../../src/arch/index.js';
import { guest, setOf, status, vectorsOf, xapicControls } from './guest.js';
import { rule } from './rules/rule.js';

const icrExit = { kind: 'exit', reason: 56, qualification: 0x300, trapLike: true };

describe('APIC-write emulation', () => {
  rule('8.1.1', () => {
    // Destination mode (11) and level (14) are not looked at.
    for (const low of [0x4_0041, 0x4_0841, 0x4_4041, 0x4_0010]) {
      const p = guest(...xapicControls);
      p.page.icrLow = low;
      expect(emulateApicWrite(p, 0x300)).toEqual({ kind: 'completed' });
      expect(vectorsOf(p.page.irr)).toEqual([low & 0xff]);
      expect(p.vmcs.guestInterruptStatus).toBe(status(low & 0xff, 0));
      expect(p.page.icrLow).toBe(low);
    }
  });

  rule('8.1.2', () => {
    for (const low of [0x41, 0x4041, 0x05]) {
      const p = guest(...xapicControls);
      p.page.icrLow = low;
      expect(emulateApicWrite(p, 0x300)).toBe('ipi-virtualization'); // The vector is tested there.
      expect(vectorsOf(p.page.irr)).toEqual([]);
    }
  });

  rule('8.1.3', () => {
    const p = guest(...xapicControls);
    for (const low of [0x4_000f, 0x4_1041, 0x4_8041, 0x4_0441, 0x1041, 0x8041, 0x841, 0x141, 0x8_0041, 0xc_0041]) {
      p.page.icrLow = low;
      expect(emulateApicWrite(p, 0x300)).toEqual(icrExit);
    }
    for (let bit = 0; bit < 32; bit++) {
      if (((0xfff3_2000 >>> bit) & 1) === 0) continue;
      for (const low of [0x41, 0x4_0041]) {
        p.page.icrLow = (low | (1 << bit)) >>> 0;
        expect(emulateApicWrite(p, 0x300)).toEqual(icrExit);
      }
    }
    // Each needs its control.
    const withoutSelf = guest('useTprShadow', 'virtualizeApicAccesses', 'ipiVirtualization');
    withoutSelf.page.icrLow = 0x4_0041;
    expect(emulateApicWrite(withoutSelf, 0x300)).toEqual(icrExit);
    const withoutIpi = guest('useTprShadow', 'virtualizeApicAccesses', 'virtualInterruptDelivery');
    withoutIpi.page.icrLow = 0x41;
    expect(emulateApicWrite(withoutIpi, 0x300)).toEqual(icrExit);
  });

  it('both forms, for any value: exactly the conditions of the manual', () => {
    // Values that are nearly of one of the forms, so that every condition decides some of them.
    const value = fc
      .tuple(
        fc.constantFrom(0x41, 0x4_0041, 0x4_4841, 0x4_0001),
        fc.array(fc.integer({ min: 0, max: 31 }), { maxLength: 2 }),
      )
      .map(([low, bits]) => bits.reduce((word, bit) => (word ^ (1 << bit)) >>> 0, low));
    fc.assert(
      fc.property(value, (low) => {
        const field = (high: number, lowest: number): number =>
          Math.floor(low / 2 ** lowest) % 2 ** (high - lowest + 1);
        const clean = field(31, 20) === 0 && field(17, 16) === 0 && field(13, 13) === 0 && field(12, 12) === 0;
        const edgeFixed = field(15, 15) === 0 && field(10, 8) === 0;
        expect(isEligibleForSelfIpiVirtualization(low)).toBe(
          clean && edgeFixed && field(19, 18) === 1 && field(7, 4) !== 0,
        );
        expect(isEligibleForIpiVirtualization(low)).toBe(
          clean && edgeFixed && field(19, 18) === 0 && field(11, 11) === 0,
        );
      }),
      { numRuns: 2000 },
    );
  });

  rule('9.4 080', () => {
    const p = guest('useTprShadow', 'virtualizeApicAccesses');
    p.page.tpr = 0xffff_ff35;
    p.vmcs.tprThreshold = 4;
    expect(emulateApicWrite(p, 0x080)).toMatchObject({ kind: 'exit', reason: 43 });
    expect(p.page.tpr).toBe(0x35);
  });

  rule('9.4 0B0', () => {
    const p = guest(...xapicControls);
    p.page.eoi = 0xffff_ffff;
    p.page.isr = setOf(0x41);
    p.vmcs.guestInterruptStatus = status(0, 0x41);
    expect(emulateApicWrite(p, 0x0b0)).toEqual({ kind: 'completed' });
    expect(p.page.eoi).toBe(0);
    expect(vectorsOf(p.page.isr)).toEqual([]);
    const without = guest('useTprShadow', 'virtualizeApicAccesses', 'apicRegisterVirtualization');
    without.page.eoi = 7;
    expect(emulateApicWrite(without, 0x0b0)).toMatchObject({ reason: 56, qualification: 0xb0, trapLike: true });
    expect(without.page.eoi).toBe(7);
  });

  rule('9.4 300', () => {
    const p = guest(...xapicControls);
    p.page.icrLow = 0x4_0041;
    expect(emulateApicWrite(p, 0x300)).toEqual({ kind: 'completed' });
  });

  rule('9.4 310', () => {
    for (const offset of [0x310, 0x311, 0x312, 0x313]) {
      const p = guest(...xapicControls);
      p.page.icrHigh = 0xffff_ffff;
      expect(emulateApicWrite(p, offset)).toEqual({ kind: 'completed' });
      expect(p.page.icrHigh).toBe(0xff00_0000);
    }
  });

  rule('9.4 other', () => {
    for (const offset of [0x020, 0x081, 0x083, 0x0b1, 0x0d0, 0x280, 0x301, 0x303, 0x320, 0x380, 0x3e0]) {
      const exit = { kind: 'exit', reason: 56, qualification: offset, trapLike: true };
      expect(emulateApicWrite(guest(...xapicControls), offset)).toEqual(exit);
    }
  });
});
