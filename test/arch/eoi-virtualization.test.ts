import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eoiExits, eoiVirtualization } from '../../src/arch/index.js';
import { guest, setOf, status, vectorsOf } from './guest.js';
import { rule } from './rules/rule.js';

describe('EOI virtualization', () => {
  rule('6 EOI', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.page.isr = setOf(0x31, 0x52, 0x93);
    p.page.ppr = 0x90;
    p.vmcs.guestInterruptStatus = status(0x40, 0x93);
    expect(eoiVirtualization(p)).toEqual({ kind: 'completed' });
    expect(vectorsOf(p.page.isr)).toEqual([0x31, 0x52]);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x40, 0x52));
    expect(p.page.ppr).toBe(0x50);
  });

  rule('6 nothing in service', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.page.isr = setOf(0);
    p.vmcs.eoiExitBitmap0 = [1, 0];
    expect(eoiVirtualization(p)).toMatchObject({ kind: 'exit', reason: 45, qualification: 0 });
    expect(vectorsOf(p.page.isr)).toEqual([]);
    expect(p.vmcs.guestInterruptStatus).toBe(0);
  });

  rule('6 exit', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.page.isr = setOf(0x93);
    p.vmcs.guestInterruptStatus = status(0x40, 0x93);
    p.vmcs.eoiExitBitmap2 = [1 << 19, 0];
    expect(eoiVirtualization(p)).toEqual({ kind: 'exit', reason: 45, qualification: 0x93, trapLike: true });
    expect(p.page.ppr).toBe(0); // PPR virtualization was done,
    expect(p.recognized).toBe(0); // evaluation was not: RVI would have been recognized.
  });

  rule('6 evaluation', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.page.isr = setOf(0x93);
    p.vmcs.guestInterruptStatus = status(0x40, 0x93);
    eoiVirtualization(p);
    expect(p.recognized).toBe(1);
  });

  it('looks the vector up in the bitmap that holds it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (set, asked) => {
        const { vmcs } = guest();
        const words = setOf(set);
        vmcs.eoiExitBitmap0 = [words[0] as number, words[1] as number];
        vmcs.eoiExitBitmap1 = [words[2] as number, words[3] as number];
        vmcs.eoiExitBitmap2 = [words[4] as number, words[5] as number];
        vmcs.eoiExitBitmap3 = [words[6] as number, words[7] as number];
        expect(eoiExits(vmcs, set)).toBe(true);
        expect(eoiExits(vmcs, asked)).toBe(asked === set);
      }),
    );
  });
});
