import { mark } from './mark.js';
import { emptyDescriptor, type PostedInterruptDescriptor } from './posted-interrupt-descriptor.js';

/** Reserved bits of word 8 (descriptor bits 287:256): 271:258 and 287:280. */
export const descriptorReservedWord8 = 0xff00_fffc;

/** Word 8 of a descriptor: ON, SN and NV (descriptor bits 287:256), reserved bits 0. */
export function encodeDescriptorWord8(descriptor: PostedInterruptDescriptor): number {
  return ((descriptor.on & 1) | ((descriptor.sn & 1) << 1) | ((descriptor.nv & 0xff) << 16)) >>> 0;
}

/**
 * The 64 bytes of a descriptor as sixteen 32-bit words, reserved bits 0. SDM vol. 3C, table "Format of Posted-Interrupt
 * Descriptor".
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { encodeDescriptor, emptyDescriptor, xapicNdst } from 'vmx-apic/arch';
 *
 * const descriptor = { ...emptyDescriptor(), on: 1, nv: 0xf2, ndst: xapicNdst(3) };
 * const words = encodeDescriptor(descriptor);
 * assert.equal(words[8], 0x00f2_0001); // ON is bit 256, NV is byte 34
 * assert.equal(words[9], 0x0000_0300); // an 8-bit APIC ID is in bits 303:296
 * ```
 */
export function encodeDescriptor(descriptor: PostedInterruptDescriptor): number[] {
  return [...descriptor.pir, encodeDescriptorWord8(descriptor), descriptor.ndst, 0, 0, 0, 0, 0, 0];
}

/** The fields of a descriptor: the inverse of {@link encodeDescriptor}. Reserved bits are dropped; missing words are 0. */
export function decodeDescriptor(words: readonly number[]): PostedInterruptDescriptor {
  mark('13 layout');
  const descriptor = emptyDescriptor();
  for (let i = 0; i < 8; i++) descriptor.pir[i] = words[i] ?? 0;
  const control = words[8] ?? 0;
  descriptor.on = control & 1;
  descriptor.sn = (control >>> 1) & 1;
  descriptor.nv = (control >>> 16) & 0xff;
  descriptor.ndst = words[9] ?? 0;
  return descriptor;
}

/** NDST for an APIC ID (0-255) while the host is in xAPIC mode: the ID in bits 15:8. */
export function xapicNdst(apicId: number): number {
  return (apicId & 0xff) << 8;
}

/** NDST for an APIC ID (32 bits) while the host is in x2APIC mode: the ID itself. */
export function x2apicNdst(apicId: number): number {
  return apicId >>> 0;
}

/** The physical APIC ID in NDST, by the mode of the host (not that of the guest). */
export function apicIdOfNdst(ndst: number, hostX2apic: boolean): number {
  if (hostX2apic) {
    mark('13 NDST x2APIC');
    return ndst;
  }
  mark('13 NDST xAPIC');
  return (ndst >>> 8) & 0xff;
}
