import { describe, expect, it } from 'vitest';
import {
  emptyMsrBitmap,
  fullMsrBitmap,
  interceptsRead,
  interceptsWrite,
  msrBitmapOfPage,
  msrPageIntercepts,
  setBit,
} from '../../src/arch/index.js';
import { guest } from './guest.js';

describe('MSR bitmaps', () => {
  const using = guest('useMsrBitmaps').vmcs;

  it('intercept by the bit of the MSR, reads and writes apart', () => {
    const bitmap = emptyMsrBitmap();
    setBit(bitmap.write, 0x30);
    expect([interceptsWrite(using, bitmap, 0x830), interceptsRead(using, bitmap, 0x830)]).toEqual([true, false]);
    expect(interceptsWrite(using, bitmap, 0x831)).toBe(false);
    setBit(bitmap.read, 0x39);
    expect([interceptsRead(using, bitmap, 0x839), interceptsWrite(using, bitmap, 0x839)]).toEqual([true, false]);
    for (let msr = 0x800; msr < 0x900; msr++) {
      expect(interceptsRead(using, fullMsrBitmap(), msr) && interceptsWrite(using, fullMsrBitmap(), msr)).toBe(true);
    }
  });

  it('intercept everything when they are not in use', () => {
    const without = guest().vmcs;
    expect(interceptsRead(without, emptyMsrBitmap(), 0x808)).toBe(true);
    expect(interceptsWrite(without, emptyMsrBitmap(), 0x808)).toBe(true);
  });

  it('have their 4-KiB form', () => {
    const page = new Uint8Array(4096);
    page[2048 + 0x106] = 1; // 830H, write
    page[0x107] = 0x80; // 83FH, read
    page[1024] = 2; // C0000001H, read
    page[3072 + 1023] = 0x80; // C0001FFFH, write
    expect(msrPageIntercepts(page, 0x830, 'write')).toBe(true);
    expect(msrPageIntercepts(page, 0x830, 'read')).toBe(false);
    expect(msrPageIntercepts(page, 0x83f, 'read')).toBe(true);
    expect(msrPageIntercepts(page, 0xc000_0001, 'read')).toBe(true);
    expect(msrPageIntercepts(page, 0xc000_0001, 'write')).toBe(false);
    expect(msrPageIntercepts(page, 0xc000_1fff, 'write')).toBe(true);
    // MSRs without a bit always exit.
    for (const msr of [0x2000, 0xbfff_ffff, 0xc000_2000, 0xffff_ffff]) {
      expect(msrPageIntercepts(page, msr, 'read')).toBe(true);
    }
    const bitmap = emptyMsrBitmap();
    setBit(bitmap.write, 0x30);
    setBit(bitmap.read, 0x3f);
    expect(msrBitmapOfPage(page)).toEqual(bitmap);
  });
});
