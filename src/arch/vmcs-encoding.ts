import type { VmcsFieldKind, VmcsFieldWidth } from './vmcs/field.js';

/** The parts of a VMCS component encoding. SDM vol. 3C, "Software Access to the VMCS and Related Structures". */
export interface VmcsEncoding {
  /** Bit 0. A high access reads or writes bits 63:32 of a 64-bit field. */
  readonly access: 'full' | 'high';
  /** Bits 9:1. */
  readonly index: number;
  /** Bits 11:10. */
  readonly kind: VmcsFieldKind;
  /** Bits 14:13. */
  readonly width: VmcsFieldWidth;
}

const kinds = ['control', 'exit-information', 'guest', 'host'] as const;
const widths = [16, 64, 32, 'natural'] as const;

/**
 * Takes an encoding apart.
 *
 * @param encoding - a 32-bit number.
 * @returns null if it is malformed: a reserved bit (12, 31:15) is set, or it is a high access to a field of another width
 *   than 64 bits.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { decodeVmcsEncoding } from 'vmx-apic/arch';
 *
 * // The high half of the tertiary controls.
 * assert.deepEqual(decodeVmcsEncoding(0x2035), { access: 'high', index: 26, kind: 'control', width: 64 });
 * ```
 */
export function decodeVmcsEncoding(encoding: number): VmcsEncoding | null {
  if ((encoding & 0x6fff) !== encoding) return null;
  const width = widths[(encoding >>> 13) & 3] as VmcsFieldWidth;
  const high = (encoding & 1) === 1;
  if (high && width !== 64) return null;
  return {
    access: high ? 'high' : 'full',
    index: (encoding >>> 1) & 0x1ff,
    kind: kinds[(encoding >>> 10) & 3] as VmcsFieldKind,
    width,
  };
}

/** Puts an encoding together: the inverse of {@link decodeVmcsEncoding}. */
export function encodeVmcsEncoding({ access, index, kind, width }: VmcsEncoding): number {
  return (widths.indexOf(width) << 13) | (kinds.indexOf(kind) << 10) | (index << 1) | (access === 'high' ? 1 : 0);
}
