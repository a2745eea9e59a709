import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pprVirtualization } from '../../src/arch/index.js';
import { guest, status } from './guest.js';
import { rule } from './rules/rule.js';

function ppr(tpr: number, svi: number): number {
  const p = guest('useTprShadow', 'virtualInterruptDelivery');
  p.page.tpr = tpr;
  p.page.ppr = 0xffff_ffff;
  p.vmcs.guestInterruptStatus = status(0, svi);
  pprVirtualization(p);
  return p.page.ppr;
}

describe('PPR virtualization', () => {
  rule('5 VTPR', () => {
    expect(ppr(0x57, 0x4f)).toBe(0x57);
    expect(ppr(0x57, 0x5f)).toBe(0x57); // equal classes: VTPR, with its low digit
    expect(ppr(0xffff_ff57, 0)).toBe(0x57);
  });

  rule('5 SVI', () => {
    expect(ppr(0x57, 0x61)).toBe(0x60);
    expect(ppr(0, 0x10)).toBe(0x10);
  });

  it('is never below the class of VTPR nor that of SVI', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 255 }), (tpr, svi) => {
        const result = ppr(tpr, svi);
        expect(result & 0xf0).toBe(Math.max(tpr & 0xf0, svi & 0xf0));
        expect(result).toBeLessThan(256);
      }),
    );
  });
});
