import type { ControlName } from '../control-words.js';

/** Width of a VMCS field in bits; `natural` is 64 on a processor with Intel 64, 32 without. */
export type VmcsFieldWidth = 16 | 32 | 64 | 'natural';

/** The area of the VMCS that a field belongs to. `exit-information` is read-only data about the last VM exit. */
export type VmcsFieldKind = 'control' | 'exit-information' | 'guest' | 'host';

/**
 * One row of the tables of fields: encoding of the full access, SDM name, the name in Linux 6.12 (null if it has none),
 * then the controls whose support makes the field exist (one of them suffices; none: it always exists). Width, kind and
 * index follow from the encoding.
 */
export type VmcsFieldRow = readonly [
  encoding: number,
  name: string,
  linuxName: string | null,
  ...existsIf: readonly ControlName[],
];
