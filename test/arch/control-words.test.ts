import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ControlName,
  type ControlWordName,
  controlsIn,
  controlWordNames,
  controlWords,
  decodeControls,
  encodeControls,
  maskOf,
  titleOf,
  vmcsField,
  wordOf,
} from '../../src/arch/index.js';
import { type SpecControlWord, specVmcs } from './spec-data.js';

const specNames = {
  pinBased: 'pin',
  primary: 'primary',
  secondary: 'secondary',
  tertiary: 'tertiary',
  exit: 'exit',
  secondaryExit: 'exitSecondary',
  entry: 'entry',
  vmFunction: 'vmFunction',
} as const satisfies Record<ControlWordName, keyof typeof specVmcs.controls>;

const activators: Record<string, ControlName> = {
  'primary bit 31': 'primary.activateSecondaryControls',
  'primary bit 17': 'primary.activateTertiaryControls',
  'exit bit 31': 'exit.activateSecondaryControls',
};

describe.each(controlWordNames)('the word %s', (name) => {
  const word = controlWords[name];
  const spec: SpecControlWord = specVmcs.controls[specNames[name]];

  it('has the bits and names of the sources, no more and no fewer', () => {
    const modelled = Object.entries(word.bits).map(([id, mask]) => [31 - Math.clz32(mask), word.titles[id]]);
    const stated = spec.bits.map((bit) => [bit.bit, bit.name.replace(/ \(KVM:.*\)/, '')]);
    expect(modelled).toEqual(stated);
    for (const mask of Object.values(word.bits)) expect(mask & (mask - 1)).toBe(0);
  });

  it('is in the field, has the width and the capability MSRs of the sources', () => {
    expect(vmcsField(word.field).encoding).toBe(Number(spec.encoding));
    expect(word.width).toBe(spec.width);
    expect([word.msr, ...(word.trueMsr === 0 ? [] : [word.trueMsr])]).toEqual(spec.capabilityMsr.map(Number));
    expect(word.default1).toBe(Number(spec.default1Mask ?? 0));
  });

  it('is activated by what the sources say', () => {
    // The sources give no activating bit for VM functions in the table of words, but in the field's condition.
    const stated = name === 'vmFunction' ? 'secondary.enableVmFunctions' : (activators[spec.activatedBy ?? ''] ?? null);
    expect(word.activatedBy).toBe(stated);
  });

  it('comes apart into controls and reserved bits, and together again', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** BigInt(word.width) - 1n), (value) => {
        const decoded = decodeControls(name, value);
        expect(encodeControls(decoded)).toBe(value);
        for (const control of decoded.controls) {
          expect(wordOf(control)).toBe(word);
          expect(decoded.reserved & BigInt(maskOf(control))).toBe(0n);
        }
      }),
    );
  });
});

describe('controls by name', () => {
  it('know their word, mask and title', () => {
    expect(wordOf('tertiary.ipiVirtualization').title).toBe('Tertiary processor-based VM-execution controls');
    expect(maskOf('tertiary.ipiVirtualization')).toBe(1 << 4);
    expect(maskOf('primary.activateSecondaryControls')).toBe(0x8000_0000);
    expect(titleOf('secondary.virtualInterruptDelivery')).toBe('Virtual-interrupt delivery');
  });

  it('are listed lowest bit first, without bits that have no name', () => {
    expect(controlsIn('pinBased', 0xffff_ff97)).toEqual([
      'pinBased.externalInterruptExiting',
      'pinBased.processPostedInterrupts',
    ]);
    expect(controlsIn('pinBased', 0x16)).toEqual([]);
  });
});
