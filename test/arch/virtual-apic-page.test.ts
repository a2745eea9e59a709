import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyPage,
  loadBytes,
  loadHighBytes,
  loadWord,
  resetRegisters,
  storeBytes,
  storeHighBytes,
  storeWord,
} from '../../src/arch/index.js';
import { setOf } from './guest.js';
import { rule } from './rules/rule.js';

describe('the virtual-APIC page', () => {
  rule('3 layout', () => {
    const page = emptyPage();
    page.isr = setOf(0x25);
    page.tmr = setOf(0xff);
    page.irr = setOf(0x1f, 0x60);
    expect(loadWord(page, 0x110)).toBe(1 << 5);
    expect(loadWord(page, 0x1f0)).toBe(0x8000_0000);
    expect(loadWord(page, 0x200)).toBe(0x8000_0000);
    expect(loadWord(page, 0x230)).toBe(1);
    // The other 12 bytes of each slot are memory of their own.
    storeWord(page, 0x114, 7);
    expect(loadWord(page, 0x114)).toBe(7);
    expect(page.isr).toEqual(setOf(0x25));
  });

  it('keeps registers by name and everything else in order of its offset', () => {
    const page = emptyPage();
    storeWord(page, 0x300, 0x40f2);
    storeWord(page, 0x304, 3);
    storeWord(page, 0x310, 0x0300_0000);
    storeWord(page, 0xffc, 1);
    storeWord(page, 0x0c0, 2);
    expect(page).toMatchObject({ icrLow: 0x40f2, icr64High: 3, icrHigh: 0x0300_0000, other: [0x0c0, 2, 0xffc, 1] });
    storeWord(page, 0xffc, 0);
    storeWord(page, 0x0c0, 5);
    expect(page.other).toEqual([0x0c0, 5]);
    storeWord(page, 0x0c0, 0);
    expect(page).toEqual({ ...emptyPage(), icrLow: 0x40f2, icr64High: 3, icrHigh: 0x0300_0000 });
  });

  it('starts empty, unlike the registers after reset', () => {
    for (let offset = 0; offset < 4096; offset += 4) expect(loadWord(emptyPage(), offset)).toBe(0);
    const reset = resetRegisters();
    expect([loadWord(reset, 0xe0), loadWord(reset, 0xf0), loadWord(reset, 0x320)]).toEqual([
      0xffff_ffff, 0xff, 0x1_0000,
    ]);
  });

  it('behaves as 4096 bytes of memory', () => {
    const access = fc.record({
      offset: fc.integer({ min: 0, max: 4095 }),
      size: fc.integer({ min: 1, max: 8 }),
      low: fc.integer({ min: 0, max: 0xffff_ffff }),
      high: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 40 }), (accesses) => {
        const page = emptyPage();
        const bytes = new DataView(new ArrayBuffer(4096 + 8));
        for (const { offset, size, low, high } of accesses) {
          storeBytes(page, offset, Math.min(size, 4), low);
          storeHighBytes(page, offset, size, high);
          for (let i = 0; i < size && offset + i < 4096; i++) {
            bytes.setUint8(offset + i, ((i < 4 ? low : high) >>> (8 * (i & 3))) & 0xff);
          }
        }
        for (let i = 0; i < 4096; i += 4) expect(loadWord(page, i)).toBe(bytes.getUint32(i, true));
        for (const { offset, size } of accesses) {
          let low = 0;
          let high = 0;
          for (let i = 0; i < size && offset + i < 4096; i++) {
            const byte = bytes.getUint8(offset + i);
            if (i < 4) low += byte * 2 ** (8 * i);
            else high += byte * 2 ** (8 * (i - 4));
          }
          expect([loadBytes(page, offset, Math.min(size, 4)), loadHighBytes(page, offset, size)]).toEqual([low, high]);
        }
      }),
      { numRuns: 30 },
    );
  });
});
