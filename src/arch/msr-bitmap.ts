import { type Bits256, emptyBits256, setBit, testBit } from './bits256.js';
import { hasPrimary, Primary } from './controls.js';
import type { ApicVmcs } from './virtual-processor.js';

/**
 * The part of the MSR bitmaps for MSRs 800H-8FFH: bit `msr & FFH` of a set is 1 if the access causes a VM exit.
 * SDM vol. 3C, "MSR-Bitmap Address".
 */
export interface MsrBitmap {
  read: Bits256;
  write: Bits256;
}

/** A bitmap that intercepts nothing. */
export function emptyMsrBitmap(): MsrBitmap {
  return { read: emptyBits256(), write: emptyBits256() };
}

/** A bitmap that intercepts every MSR of 800H-8FFH. */
export function fullMsrBitmap(): MsrBitmap {
  const bitmap = emptyMsrBitmap();
  bitmap.read.fill(0xffff_ffff);
  bitmap.write.fill(0xffff_ffff);
  return bitmap;
}

/** True if RDMSR of `msr` (800H-8FFH) exits (reason 31, fault-like): by the bitmap, or because bitmaps are not in use. */
export function interceptsRead(vmcs: ApicVmcs, bitmap: MsrBitmap, msr: number): boolean {
  return !hasPrimary(vmcs, Primary.useMsrBitmaps) || testBit(bitmap.read, msr & 0xff);
}

/** True if WRMSR of `msr` (800H-8FFH) exits (reason 32, fault-like): by the bitmap, or because bitmaps are not in use. */
export function interceptsWrite(vmcs: ApicVmcs, bitmap: MsrBitmap, msr: number): boolean {
  return !hasPrimary(vmcs, Primary.useMsrBitmaps) || testBit(bitmap.write, msr & 0xff);
}

/** Where the 4-KiB form keeps an MSR's bit: byte offset within the read half and bit, or undefined for MSRs without one. */
function place(msr: number): { byte: number; bit: number } | undefined {
  if (msr <= 0x1fff) return { byte: msr >> 3, bit: msr & 7 };
  if (msr >= 0xc000_0000 && msr <= 0xc000_1fff) return { byte: 1024 + ((msr & 0x1fff) >> 3), bit: msr & 7 };
  return undefined;
}

/**
 * Whether an access to `msr` exits, by the 4-KiB bitmap page: low and high MSRs for reads at 0 and 1024, for writes at 2048
 * and 3072. MSRs outside 0-1FFFH and C0000000H-C0001FFFH always exit.
 *
 * @param page - 4096 bytes.
 */
export function msrPageIntercepts(page: ArrayLike<number>, msr: number, access: 'read' | 'write'): boolean {
  const at = place(msr);
  if (at === undefined) return true;
  const byte = page[at.byte + (access === 'write' ? 2048 : 0)] ?? 0;
  return ((byte >> at.bit) & 1) === 1;
}

/** The part of a 4-KiB bitmap page that {@link MsrBitmap} holds. */
export function msrBitmapOfPage(page: ArrayLike<number>): MsrBitmap {
  const bitmap = emptyMsrBitmap();
  for (let index = 0; index < 256; index++) {
    if (msrPageIntercepts(page, 0x800 + index, 'read')) setBit(bitmap.read, index);
    if (msrPageIntercepts(page, 0x800 + index, 'write')) setBit(bitmap.write, index);
  }
  return bitmap;
}
