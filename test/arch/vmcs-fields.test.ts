import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApicVmcs,
  createVmcs,
  decodeVmcsEncoding,
  encodeVmcsEncoding,
  getVmcsField,
  setVmcsField,
  titleOf,
  type VmcsEncoding,
  type VmcsField,
  vmcsField,
  vmcsFieldAt,
  vmcsFields,
  wordOf,
} from '../../src/arch/index.js';
import { type SpecField, specVmcs } from './spec-data.js';

const specKinds = { control: 'control', readonly: 'exit-information', guest: 'guest', host: 'host' } as const;

/** Lower camel case of the SDM's name; the words of controls have shorter ones. */
const shortIds: Record<string, string> = {
  'Pin-based VM-execution controls': 'pinBasedControls',
  'Primary processor-based VM-execution controls': 'primaryControls',
  'Secondary processor-based VM-execution controls': 'secondaryControls',
  'Tertiary processor-based VM-execution controls': 'tertiaryControls',
  'Primary VM-exit controls': 'exitControls',
  'Secondary VM-exit controls': 'secondaryExitControls',
  'VM-entry controls': 'entryControls',
};

function idOf(name: string): string {
  const short = shortIds[name];
  if (short !== undefined) return short;
  const words = name
    .replace(/I\/O/g, 'io')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const parts = words.map((word) => (word === 'io' ? 'IO' : word.charAt(0).toUpperCase() + word.slice(1)));
  return words[0] + parts.slice(1).join('');
}

/** The sources' "exists if" as a set of words, to compare with the controls' own names. */
function existsIfText(field: VmcsField): string[] {
  return field.existsIf.map((control) => titleOf(control).toLowerCase());
}

/** Conditions that the sources put more briefly than as the names of controls. */
const longhand: Record<string, string[]> = {
  'EPTP switching (VM function)': ['vmFunction.eptpSwitching'],
  'enable ENCLV exiting (dropped from the Feb-2026 appendix B)': ['secondary.enableEnclvExiting'],
  'activate secondary controls (VM-exit)': ['exit.activateSecondaryControls'],
  'FRED transitions': ['secondaryExit.saveFred', 'secondaryExit.loadFred', 'entry.loadFred'],
  FRED: ['secondaryExit.saveFred', 'entry.loadFred'],
  'load FRED (exit)': ['secondaryExit.loadFred'],
  'clear UINV (exit) or load UINV (entry)': ['exit.clearUinv', 'entry.loadUinv'],
  'load IA32_PAT (entry) or save IA32_PAT (exit)': ['entry.loadIa32Pat', 'exit.saveIa32Pat'],
  'load IA32_EFER (entry) or save IA32_EFER (exit)': ['entry.loadIa32Efer', 'exit.saveIa32Efer'],
  'load IA32_PERF_GLOBAL_CTRL (entry)': ['entry.loadIa32PerfGlobalCtrl'],
  'load/clear IA32_BNDCFGS': ['entry.loadIa32Bndcfgs', 'exit.clearIa32Bndcfgs'],
  'load/clear IA32_RTIT_CTL': ['entry.loadIa32RtitCtl', 'exit.clearIa32RtitCtl'],
  'load/clear IA32_LBR_CTL': ['entry.loadGuestIa32LbrCtl', 'exit.clearIa32LbrCtl'],
  'load PKRS (entry)': ['entry.loadPkrs'],
  'load PKRS (exit)': ['exit.loadPkrs'],
  'load IA32_SPEC_CTRL (entry)': ['entry.loadIa32SpecCtrl'],
  'load IA32_SPEC_CTRL (secondary exit)': ['secondaryExit.loadIa32SpecCtrl'],
  'load IA32_PAT (exit)': ['exit.loadIa32Pat'],
  'load IA32_EFER (exit)': ['exit.loadIa32Efer'],
  'load IA32_PERF_GLOBAL_CTRL (exit)': ['exit.loadIa32PerfGlobalCtrl'],
  'load CET state (entry)': ['entry.loadCetState'],
  'load CET state (exit)': ['exit.loadCetState'],
  // The same words name a control of the primary and of the VM-exit controls.
  'activate secondary controls': ['primary.activateSecondaryControls'],
};

describe('the table of VMCS fields', () => {
  const modelled = new Map<number, string>();
  for (const field of vmcsFields) {
    modelled.set(field.encoding, field.name);
    if (field.width === 64) modelled.set(field.encoding + 1, `${field.name} (high)`);
  }
  const stated = new Map(
    specVmcs.fields.map(({ encoding, name }) => [encoding, name.replace(/ \(formerly [^)]*\)/, '')] as const),
  );

  it('has the encodings and names of the sources, no more and no fewer', () => {
    expect(modelled.size).toBe(specVmcs.fieldCount);
    expect(Object.fromEntries(modelled)).toEqual(Object.fromEntries(stated));
  });

  const full = specVmcs.fields.filter(({ access }) => access === 'full');

  it.each(full.map((spec) => [spec.name, spec] as const))('%s', (_name, spec: SpecField) => {
    const field = vmcsFieldAt(spec.encoding) as VmcsField;
    expect(field.width).toBe(spec.width);
    expect(field.kind).toBe(specKinds[spec.type]);
    expect(field.index).toBe(spec.index);
    expect(field.linuxName).toBe(spec.kvm6_12Name);
    expect(field.id).toBe(idOf(field.name));
    const special = longhand[spec.existsIf ?? ''];
    if (special === undefined)
      expect(existsIfText(field)).toEqual(spec.existsIf === null ? [] : [spec.existsIf.toLowerCase()]);
    else expect(field.existsIf).toEqual(special);
  });

  it('lists fields ascending by encoding and finds each by its name', () => {
    const encodings = vmcsFields.map(({ encoding }) => encoding);
    expect(encodings).toEqual(encodings.toSorted((a, b) => a - b));
    for (const field of vmcsFields) expect(vmcsField(field.id)).toBe(field);
  });

  it('finds a 64-bit field by its high access too', () => {
    for (const spec of specVmcs.fields.filter(({ access }) => access === 'high')) {
      expect(vmcsFieldAt(spec.encoding)).toBe(vmcsFieldAt(spec.encoding - 1));
    }
  });

  it('names only controls that exist', () => {
    for (const { existsIf } of vmcsFields) for (const control of existsIf) expect(wordOf(control)).toBeDefined();
  });
});

describe('encodings', () => {
  it('are 0 in reserved bits, and high only for 64-bit fields', () => {
    const wrong: number[] = [];
    for (let encoding = 0; encoding < 0x2_0000; encoding++) {
      const width = (encoding >> 13) & 3;
      const malformed = (encoding & 0x1_9000) !== 0 || ((encoding & 1) === 1 && width !== 1);
      if ((decodeVmcsEncoding(encoding) === null) !== malformed) wrong.push(encoding);
    }
    expect(wrong).toEqual([]);
    expect(decodeVmcsEncoding(0x8000_0000)).toBeNull();
    expect(decodeVmcsEncoding(2 ** 32)).toBeNull();
  });

  it('say what a field is', () => {
    expect(decodeVmcsEncoding(0x0810)).toEqual({ access: 'full', index: 8, kind: 'guest', width: 16 });
    expect(decodeVmcsEncoding(0x6400)).toEqual({
      access: 'full',
      index: 0,
      kind: 'exit-information',
      width: 'natural',
    });
  });

  it('come apart and together again', () => {
    const wellFormed = Array.from({ length: 0x8000 }, (_, encoding) => encoding).filter(
      (e) => decodeVmcsEncoding(e) !== null,
    );
    const again = wellFormed.map((encoding) => encodeVmcsEncoding(decodeVmcsEncoding(encoding) as VmcsEncoding));
    expect(wellFormed).toHaveLength(4 * 512 * 5);
    expect(again).toEqual(wellFormed);
  });

  it('know nothing of a well-formed encoding that no field has', () => {
    expect(decodeVmcsEncoding(0x000c)).not.toBeNull();
    expect(vmcsFieldAt(0x000c)).toBeNull();
    expect(vmcsFieldAt(0x1_0000)).toBeNull();
  });
});

describe('a VMCS', () => {
  it('starts with every field 0, as numbers up to 32 bits and as pairs above', () => {
    const vmcs = createVmcs();
    for (const { id, width } of vmcsFields) {
      expect(vmcs[id]).toEqual(width === 16 || width === 32 ? 0 : [0, 0]);
    }
    expect(Object.keys(vmcs)).toHaveLength(vmcsFields.length);
  });

  it('does not share pairs between fields or between VMCSs', () => {
    const one = createVmcs();
    one.tertiaryControls[0] = 0x10;
    expect(one.pidPointerTableAddress).toEqual([0, 0]);
    expect(createVmcs().tertiaryControls).toEqual([0, 0]);
  });

  it('is what APIC virtualization works on', () => {
    const vmcs: ApicVmcs = createVmcs();
    expect(vmcs.guestInterruptStatus).toBe(0);
  });

  it('is plain data: JSON carries it unchanged', () => {
    const vmcs = createVmcs();
    vmcs.guestRip = [0xffff_ffff, 0x8000_0000];
    expect(JSON.parse(JSON.stringify(vmcs))).toEqual(vmcs);
  });

  it('reads back what was written, as far as the field is wide', () => {
    const widths = { 16: 16, 32: 32, 64: 64, natural: 64 } as const;
    fc.assert(
      fc.property(fc.constantFrom(...vmcsFields), fc.bigInt(0n, 2n ** 80n), ({ id, width }, value) => {
        const vmcs = createVmcs();
        setVmcsField(vmcs, id, value);
        expect(getVmcsField(vmcs, id)).toBe(BigInt.asUintN(widths[width], value));
        setVmcsField(vmcs, id, 0n);
        expect(vmcs).toEqual(createVmcs());
      }),
    );
  });
});
