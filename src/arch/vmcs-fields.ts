import type { ControlName } from './control-words.js';
import type { VmcsFieldKind, VmcsFieldRow, VmcsFieldWidth } from './vmcs/field.js';
import { fields16 } from './vmcs/fields-16.js';
import { fields32 } from './vmcs/fields-32.js';
import { fields64 } from './vmcs/fields-64.js';
import { fieldsNatural } from './vmcs/fields-natural.js';
import { decodeVmcsEncoding, type VmcsEncoding } from './vmcs-encoding.js';

/** Names of the fields of 16 and 32 bits: numbers in a `Vmcs`. */
export type VmcsNumberFieldId = keyof typeof fields16 | keyof typeof fields32;

/** Names of the fields of 64 bits and of natural width: `U64` pairs in a `Vmcs`. */
export type VmcsPairFieldId = keyof typeof fields64 | keyof typeof fieldsNatural;

/** Names of all fields of the VMCS: the SDM's names in lower camel case. */
export type VmcsFieldId = VmcsNumberFieldId | VmcsPairFieldId;

/** What there is to know about one field of the VMCS. */
export interface VmcsField {
  readonly id: VmcsFieldId;
  /** Encoding of the full access; a 64-bit field has a high access too, at this plus 1. */
  readonly encoding: number;
  /** The SDM's name. */
  readonly name: string;
  readonly width: VmcsFieldWidth;
  readonly kind: VmcsFieldKind;
  /** Bits 9:1 of the encoding. */
  readonly index: number;
  /** The name in Linux 6.12 (`arch/x86/include/asm/vmx.h`), null if it has none. */
  readonly linuxName: string | null;
  /** The field exists if one of these controls is supported, and always if there are none. */
  readonly existsIf: readonly ControlName[];
}

const rows: Readonly<Record<VmcsFieldId, VmcsFieldRow>> = { ...fields16, ...fields64, ...fields32, ...fieldsNatural };

function fieldOf(id: VmcsFieldId): VmcsField {
  const [encoding, name, linuxName, ...existsIf] = rows[id];
  const { width, kind, index } = decodeVmcsEncoding(encoding) as VmcsEncoding;
  return { id, encoding, name, width, kind, index, linuxName, existsIf };
}

/** Every field of the VMCS, ascending by encoding. SDM vol. 3D, appendix B. */
export const vmcsFields: readonly VmcsField[] = /* @__PURE__ */ (Object.keys(rows) as VmcsFieldId[]).map(fieldOf);

const byId = /* @__PURE__ */ Object.fromEntries(vmcsFields.map((field) => [field.id, field])) as Record<
  VmcsFieldId,
  VmcsField
>;
const byEncoding = /* @__PURE__ */ new Map(/* @__PURE__ */ vmcsFields.map((field) => [field.encoding, field]));

/** The field of that name. */
export function vmcsField(id: VmcsFieldId): VmcsField {
  return byId[id];
}

/**
 * The field that an encoding names, for a full or a high access.
 *
 * @returns null if no field has this encoding.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { vmcsFieldAt } from 'vmx-apic/arch';
 *
 * assert.equal(vmcsFieldAt(0x2042)?.id, 'pidPointerTableAddress');
 * assert.equal(vmcsFieldAt(0x2043)?.id, 'pidPointerTableAddress'); // its high half
 * assert.equal(vmcsFieldAt(0x0801), null); // a 16-bit field has no high half
 * ```
 */
export function vmcsFieldAt(encoding: number): VmcsField | null {
  const decoded = decodeVmcsEncoding(encoding);
  if (decoded === null) return null;
  return byEncoding.get(decoded.access === 'high' ? encoding - 1 : encoding) ?? null;
}
