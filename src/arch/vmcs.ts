import { u64FromBigInt, u64ToBigInt } from './u64.js';
import type { U64 } from './virtual-processor.js';
import {
  type VmcsFieldId,
  type VmcsNumberFieldId,
  type VmcsPairFieldId,
  vmcsField,
  vmcsFields,
} from './vmcs-fields.js';

/**
 * A VMCS as plain data: fields of 16 and 32 bits as unsigned numbers, fields of 64 bits and of natural width as pairs of
 * unsigned 32-bit numbers. Every `Vmcs` is an `ApicVmcs` too.
 */
export type Vmcs = { [Id in VmcsNumberFieldId]: number } & { [Id in VmcsPairFieldId]: U64 };

/**
 * A VMCS with every field 0.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createVmcs, Primary } from 'vmx-apic/arch';
 *
 * const vmcs = createVmcs();
 * vmcs.primaryControls = Primary.useTprShadow;
 * vmcs.virtualApicAddress = [0x1000, 0];
 * assert.equal(vmcs.tprThreshold, 0);
 * ```
 */
export function createVmcs(): Vmcs {
  return Object.fromEntries(vmcsFields.map(({ id, width }) => [id, isPair(width) ? [0, 0] : 0])) as unknown as Vmcs;
}

function isPair(width: 16 | 32 | 64 | 'natural'): boolean {
  return width === 64 || width === 'natural';
}

/** The value of a field as one `bigint`. */
export function getVmcsField(vmcs: Vmcs, id: VmcsFieldId): bigint {
  const value = vmcs[id];
  return typeof value === 'number' ? BigInt(value) : u64ToBigInt(value);
}

/** Sets a field; bits above its width are dropped. */
export function setVmcsField(vmcs: Vmcs, id: VmcsFieldId, value: bigint): void {
  const { width } = vmcsField(id);
  if (isPair(width)) {
    vmcs[id as VmcsPairFieldId] = u64FromBigInt(value);
  } else {
    vmcs[id as VmcsNumberFieldId] = Number(value & (width === 16 ? 0xffffn : 0xffff_ffffn));
  }
}
