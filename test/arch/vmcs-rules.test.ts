import { describe, expect, it } from 'vitest';
import {
  apicControls,
  checkVmEntry,
  createVmcs,
  exitMsrAreas,
  recordMarks,
  type Vmcs,
  vmEntryOutcome,
} from '../../src/arch/index.js';
import { validContext, validVmcs } from '../../src/testing/arbitraries/valid-vmcs.js';
import { brokenBy, noApicv, vmEntryCases } from '../../src/testing/arbitraries/vm-entry-cases.js';
import { vmcsRules } from './rules/vmcs-rules.js';

/** Everything that the worked examples of VM entry and activation do. */
function examples(): void {
  for (const example of vmEntryCases) {
    const [vmcs, context] = brokenBy(example);
    vmEntryOutcome(vmcs, checkVmEntry(vmcs, context));
  }
  const off: Vmcs = { ...validVmcs(), ...noApicv, primaryControls: 0x0400_6172 };
  checkVmEntry(off, validContext());
  const all: Vmcs = {
    ...createVmcs(),
    pinBasedControls: 0xff,
    primaryControls: 0xffff_ffff,
    exitControls: 0xffff_ffff,
  };
  apicControls({ ...all, secondaryControls: 0xffff_ffff, tertiaryControls: [0xffff_ffff, 0] });
  const x2apic = { index: 0x808, reserved: 0, data: 0n };
  exitMsrAreas([x2apic], []);
  exitMsrAreas([], [x2apic]);
}

describe('the rules of the VMCS', () => {
  const known = new Set(vmcsRules.map(({ id }) => id));

  it.each(vmcsRules.map(({ id, statement }) => [id, statement] as const))('%s: %s', (id) => {
    expect(recordMarks(examples)).toContain(id);
  });

  it('are all that is reached: no mark without a row', () => {
    expect([...recordMarks(examples)].filter((mark) => !known.has(mark))).toEqual([]);
  });

  it('have one row each', () => {
    expect(known.size).toBe(vmcsRules.length);
  });
});
