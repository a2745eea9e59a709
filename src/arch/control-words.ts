import {
  entryNames,
  exitNames,
  pinBasedNames,
  primaryNames,
  secondaryExitNames,
  secondaryNames,
  tertiaryNames,
  vmFunctionNames,
} from './control-names.js';
import { Exit, PinBased, Primary, Secondary, Tertiary } from './controls.js';
import { Entry } from './entry-controls.js';
import { SecondaryExit } from './secondary-exit-controls.js';
import { VmFunction } from './vm-function-controls.js';

/** The words of controls in a VMCS. `exit` is the primary word of VM-exit controls. */
export type ControlWordName =
  | 'pinBased'
  | 'primary'
  | 'secondary'
  | 'tertiary'
  | 'exit'
  | 'secondaryExit'
  | 'entry'
  | 'vmFunction';

/** One control: its word and its name in that word, as `'tertiary.ipiVirtualization'`. */
export type ControlName =
  | `pinBased.${keyof typeof PinBased}`
  | `primary.${keyof typeof Primary}`
  | `secondary.${keyof typeof Secondary}`
  | `tertiary.${keyof typeof Tertiary}`
  | `exit.${keyof typeof Exit}`
  | `secondaryExit.${keyof typeof SecondaryExit}`
  | `entry.${keyof typeof Entry}`
  | `vmFunction.${keyof typeof VmFunction}`;

/** What there is to know about one word of controls. SDM vol. 3C, chapter "VMCS"; vol. 3D, appendix A. */
export interface ControlWord {
  readonly name: ControlWordName;
  /** The SDM's name of the field. */
  readonly title: string;
  /** The VMCS field that holds the word. */
  readonly field:
    | 'pinBasedControls'
    | 'primaryControls'
    | 'secondaryControls'
    | 'tertiaryControls'
    | 'exitControls'
    | 'secondaryExitControls'
    | 'entryControls'
    | 'vmFunctionControls';
  readonly width: 32 | 64;
  /** The capability MSR: 32-bit words: allowed-0 settings in bits 31:0, allowed-1 in 63:32; 64-bit words: allowed-1 only. */
  readonly msr: number;
  /** The MSR with the exact settings of the default1 class, used if IA32_VMX_BASIC[55] is 1; 0 if the word has none. */
  readonly trueMsr: number;
  /** Bits of the default1 class: reserved bits, or controls that came later, that must be 1 unless `trueMsr` says otherwise. */
  readonly default1: number;
  /** The control without which the whole word counts as 0. */
  readonly activatedBy: ControlName | null;
  /** Name to mask (bits 31:0; no control above bit 31 is defined). */
  readonly bits: Readonly<Record<string, number>>;
  /** Name to the SDM's name. */
  readonly titles: Readonly<Record<string, string>>;
}

/** Every word of controls, by name. */
export const controlWords: Readonly<Record<ControlWordName, ControlWord>> = {
  pinBased: {
    name: 'pinBased',
    title: 'Pin-based VM-execution controls',
    field: 'pinBasedControls',
    width: 32,
    msr: 0x481,
    trueMsr: 0x48d,
    default1: 0x16,
    activatedBy: null,
    bits: PinBased,
    titles: pinBasedNames,
  },
  primary: {
    name: 'primary',
    title: 'Primary processor-based VM-execution controls',
    field: 'primaryControls',
    width: 32,
    msr: 0x482,
    trueMsr: 0x48e,
    default1: 0x401_e172,
    activatedBy: null,
    bits: Primary,
    titles: primaryNames,
  },
  secondary: {
    name: 'secondary',
    title: 'Secondary processor-based VM-execution controls',
    field: 'secondaryControls',
    width: 32,
    msr: 0x48b,
    trueMsr: 0,
    default1: 0,
    activatedBy: 'primary.activateSecondaryControls',
    bits: Secondary,
    titles: secondaryNames,
  },
  tertiary: {
    name: 'tertiary',
    title: 'Tertiary processor-based VM-execution controls',
    field: 'tertiaryControls',
    width: 64,
    msr: 0x492,
    trueMsr: 0,
    default1: 0,
    activatedBy: 'primary.activateTertiaryControls',
    bits: Tertiary,
    titles: tertiaryNames,
  },
  exit: {
    name: 'exit',
    title: 'Primary VM-exit controls',
    field: 'exitControls',
    width: 32,
    msr: 0x483,
    trueMsr: 0x48f,
    default1: 0x3_6dff,
    activatedBy: null,
    bits: Exit,
    titles: exitNames,
  },
  secondaryExit: {
    name: 'secondaryExit',
    title: 'Secondary VM-exit controls',
    field: 'secondaryExitControls',
    width: 64,
    msr: 0x493,
    trueMsr: 0,
    default1: 0,
    activatedBy: 'exit.activateSecondaryControls',
    bits: SecondaryExit,
    titles: secondaryExitNames,
  },
  entry: {
    name: 'entry',
    title: 'VM-entry controls',
    field: 'entryControls',
    width: 32,
    msr: 0x484,
    trueMsr: 0x490,
    default1: 0x11ff,
    activatedBy: null,
    bits: Entry,
    titles: entryNames,
  },
  vmFunction: {
    name: 'vmFunction',
    title: 'VM-function controls',
    field: 'vmFunctionControls',
    width: 64,
    msr: 0x491,
    trueMsr: 0,
    default1: 0,
    activatedBy: 'secondary.enableVmFunctions',
    bits: VmFunction,
    titles: vmFunctionNames,
  },
};

/** The words in the order of their encodings' use in dumps and checks. */
export const controlWordNames: readonly ControlWordName[] = [
  'pinBased',
  'primary',
  'secondary',
  'tertiary',
  'exit',
  'secondaryExit',
  'entry',
  'vmFunction',
];

/** The word that `control` is in. */
export function wordOf(control: ControlName): ControlWord {
  return controlWords[control.slice(0, control.indexOf('.')) as ControlWordName];
}

/** The mask of `control` in bits 31:0 of its word. */
export function maskOf(control: ControlName): number {
  return wordOf(control).bits[control.slice(control.indexOf('.') + 1)] as number;
}

/** The SDM's name of `control`. */
export function titleOf(control: ControlName): string {
  return wordOf(control).titles[control.slice(control.indexOf('.') + 1)] as string;
}

/** The controls that are 1 in bits 31:0 of a word, lowest bit first. Bits without a name are left out. */
export function controlsIn(word: ControlWordName, low: number): ControlName[] {
  return Object.entries(controlWords[word].bits)
    .filter(([, mask]) => (low & mask) !== 0)
    .map(([name]) => `${word}.${name}` as ControlName);
}

/** A word taken apart by {@link decodeControls}. */
export interface DecodedControls {
  /** The controls that are 1, lowest bit first. */
  readonly controls: readonly ControlName[];
  /** The bits that are 1 and have no name. */
  readonly reserved: bigint;
}

/**
 * Takes a word of controls apart: {@link encodeControls} puts it together again.
 *
 * @param word - which word.
 * @param value - its value, of 32 or 64 bits.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { decodeControls } from 'vmx-apic/arch';
 *
 * const { controls } = decodeControls('tertiary', 0x110n);
 * assert.deepEqual(controls, ['tertiary.ipiVirtualization', 'tertiary.apicTimerVirtualization']);
 * ```
 */
export function decodeControls(word: ControlWordName, value: bigint): DecodedControls {
  const controls = controlsIn(word, Number(value & 0xffff_ffffn));
  let named = 0;
  for (const control of controls) named = (named | maskOf(control)) >>> 0;
  return { controls, reserved: value & ~BigInt(named) };
}

/** The value of a word with exactly these controls and reserved bits set. */
export function encodeControls(decoded: DecodedControls): bigint {
  let value = decoded.reserved;
  for (const control of decoded.controls) value |= BigInt(maskOf(control));
  return value;
}
