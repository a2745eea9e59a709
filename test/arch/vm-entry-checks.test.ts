import { describe, expect, it } from 'vitest';
import {
  capabilitiesOf,
  checkVmEntry,
  EventType,
  ExitReason,
  exitMsrAreas,
  failingEntryMsrLoads,
  type MsrAreaEntry,
  Primary,
  recordMarks,
  Secondary,
  type Vmcs,
  type VmEntryContext,
  type VmEntryFailure,
  vmEntryOutcome,
} from '../../src/arch/index.js';
import { validContext, validVmcs } from '../../src/testing/arbitraries/valid-vmcs.js';
import {
  brokenBy,
  event,
  noApicv,
  type VmEntryCase,
  vmEntryCases,
} from '../../src/testing/arbitraries/vm-entry-cases.js';
import { brokenRules, oracleRules } from './vm-entry-oracle.js';

const rulesOf = (failures: readonly VmEntryFailure[]) => [...new Set(failures.map(({ rule }) => rule))].toSorted();

describe('a VMCS that uses all of APIC virtualization', () => {
  it('passes', () => {
    expect(checkVmEntry(validVmcs(), validContext())).toEqual([]);
    expect(vmEntryOutcome(validVmcs(), [])).toEqual({ kind: 'entered' });
  });

  it('passes with posted interrupts, IPI virtualization and APIC accesses of an xAPIC guest', () => {
    const vmcs = validVmcs();
    vmcs.secondaryControls ^= Secondary.virtualizeX2apicMode | Secondary.virtualizeApicAccesses;
    expect(checkVmEntry(vmcs, validContext())).toEqual([]);
  });
});

describe('at the edge of what is allowed, a VMCS', () => {
  const passes = (fields: Partial<Vmcs>, context: Partial<VmEntryContext> = {}) =>
    expect(checkVmEntry({ ...validVmcs(), ...fields }, { ...validContext(), ...context })).toEqual([]);

  it('passes with vectors of 255', () => {
    passes({ postedInterruptNotificationVector: 255, virtualTimerVector: 255 });
  });

  it('passes with a nested exception, on a processor that knows them', () => {
    const pageFault = event(EventType.HardwareException, 14, true);
    passes(
      { injectedEventIdentification: (pageFault | 0x2000) >>> 0 },
      { capabilities: capabilitiesOf({ nestedException: 1 }) },
    );
  });

  it.each([
    ['HLT', 1, event(EventType.ExternalInterrupt, 0x30)],
    ['HLT', 1, event(EventType.Nmi, 2)],
    ['HLT', 1, event(EventType.HardwareException, 1)],
    ['HLT', 1, event(EventType.HardwareException, 18)],
    ['HLT', 1, event(EventType.OtherEvent, 0)],
    ['shutdown', 2, event(EventType.Nmi, 2)],
    ['shutdown', 2, event(EventType.HardwareException, 18)],
    ['wait-for-SIPI', 3, 0],
  ])('passes in %s (%i) with the event %i, which ends it', (_name, guestActivityState, injectedEventIdentification) => {
    passes({ guestActivityState, injectedEventIdentification });
  });
});

describe.each(vmEntryCases)('$rule: $title', (example) => {
  it('is the only failure, with its section and fields', () => {
    const [vmcs, context] = brokenBy(example);
    const before = JSON.stringify(vmcs);
    const failures = checkVmEntry(vmcs, context);
    expect(rulesOf(failures)).toEqual([example.rule]);
    expect(JSON.stringify(vmcs)).toBe(before);
    for (const failure of failures) {
      expect(failure.area).toBe(example.area);
      expect(failure.section).toMatch(/^29\./);
      expect(failure.fields.length).toBeGreaterThan(0);
      for (const field of failure.fields) expect(vmcs).toHaveProperty(field);
      expect(failure.message).not.toBe('');
    }
  });

  it('reaches its mark', () => {
    const [vmcs, context] = brokenBy(example);
    expect(recordMarks(() => checkVmEntry(vmcs, context))).toContain(example.rule);
    expect(recordMarks(() => checkVmEntry(validVmcs(), validContext()))).not.toContain(example.rule);
  });

  it('agrees with the oracle', () => {
    expect(brokenRules(...brokenBy(example))).toEqual([example.rule]);
  });
});

it('has an example for every rule', () => {
  expect([...new Set(vmEntryCases.map(({ rule }) => rule))].toSorted()).toEqual(
    oracleRules.map(({ rule }) => rule).toSorted(),
  );
});

describe('a word that is not activated', () => {
  it('is not checked, whatever it holds', () => {
    const vmcs = validVmcs();
    Object.assign(vmcs, noApicv);
    vmcs.primaryControls =
      (vmcs.primaryControls & ~(Primary.activateSecondaryControls | Primary.activateTertiaryControls)) >>> 0;
    vmcs.secondaryControls = 0xffff_ffff;
    vmcs.tertiaryControls = [0xffff_ffff, 0xffff_ffff];
    vmcs.secondaryExitControls = [0xffff_ffff, 0xffff_ffff];
    vmcs.vmFunctionControls = [0xffff_ffff, 0xffff_ffff];
    expect(checkVmEntry(vmcs, validContext())).toEqual([]);
    expect(recordMarks(() => checkVmEntry(vmcs, validContext()))).toContain('allowed settings not activated');
  });

  it('does not keep tertiary controls from counting without the secondary ones', () => {
    const vmcs = validVmcs();
    Object.assign(vmcs, noApicv);
    vmcs.primaryControls = (vmcs.primaryControls & ~Primary.activateSecondaryControls) >>> 0;
    vmcs.tertiaryControls = [0x10, 0];
    vmcs.pidPointerTableAddress = [1, 0];
    expect(rulesOf(checkVmEntry(vmcs, validContext()))).toEqual(['E9']);
  });
});

describe('what failures lead to', () => {
  const failing = (...names: string[]): [Vmcs, VmEntryContext] => {
    const vmcs = validVmcs();
    let context = validContext();
    for (const name of names) {
      const example = vmEntryCases.find(({ rule }) => rule === name) as VmEntryCase;
      Object.assign(vmcs, example.fields);
      context = { ...context, ...example.context };
    }
    return [vmcs, context];
  };

  const outcomeOf = (...names: string[]) => {
    const [vmcs, context] = failing(...names);
    const outcome = vmEntryOutcome(vmcs, checkVmEntry(vmcs, context));
    return { outcome, vmcs };
  };

  it('is VMfailValid 7 for controls, before anything else', () => {
    const { outcome, vmcs } = outcomeOf('E7', 'host selector', 'activity state', 'E11');
    expect(outcome).toEqual({ kind: 'vm-fail-valid', error: 7 });
    expect(vmcs.vmInstructionError).toBe(7);
    expect(vmcs.exitReason).toBe(0);
  });

  it('is VMfailValid 8 for host state', () => {
    const { outcome, vmcs } = outcomeOf('host selector', 'activity state');
    expect(outcome).toEqual({ kind: 'vm-fail-valid', error: 8 });
    expect(vmcs.vmInstructionError).toBe(8);
  });

  it('is the exit 33 with bit 31 for guest state', () => {
    const { outcome, vmcs } = outcomeOf('activity state', 'E11');
    expect(outcome).toEqual({ kind: 'entry-failure', reason: ExitReason.InvalidState, qualification: 0 });
    expect(vmcs.exitReason).toBe(0x8000_0021);
    expect(vmcs.vmInstructionError).toBe(0);
  });

  it('is the exit 34 with the number of the entry for MSR loading', () => {
    const good: MsrAreaEntry = { index: 0x10, reserved: 0, data: 0n };
    const context = {
      ...validContext(),
      msrLoad: [good, { ...good, index: 0x830 }, { ...good, reserved: 1 }],
    };
    const vmcs = validVmcs();
    const failures = checkVmEntry(vmcs, context);
    expect(failures.map(({ rule, entry }) => [rule, entry])).toEqual([
      ['E11', 2],
      ['MSR load', 3],
    ]);
    expect(vmEntryOutcome(vmcs, failures)).toEqual({ kind: 'entry-failure', reason: 34, qualification: 2 });
    expect(vmcs.exitReason).toBe(0x8000_0022);
    expect(vmcs.exitQualification).toEqual([2, 0]);
  });
});

describe('MSR areas', () => {
  const good: MsrAreaEntry = { index: 0x277, reserved: 0, data: 0n };
  const at = (index: number): MsrAreaEntry => ({ ...good, index });

  it('load anything but x2APIC MSRs, segment bases, and IA32_SMM_MONITOR_CTL outside SMM', () => {
    const area = [0x7ff, 0x800, 0x8ff, 0x900, 0xc000_0100, 0xc000_0101, 0xc000_0102, 0x9b].map(at);
    expect(failingEntryMsrLoads(area)).toEqual([2, 3, 5, 6, 8]);
    expect(failingEntryMsrLoads(area, true)).toEqual([2, 3, 5, 6]);
    expect(failingEntryMsrLoads([{ ...good, reserved: 1 }])).toEqual([1]);
  });

  it('abort the VM exit with indicator 1 on storing, 4 on loading', () => {
    expect(exitMsrAreas([good], [good])).toBeNull();
    expect(exitMsrAreas([good, at(0x808)], [at(0x808)])).toEqual({ indicator: 1, entry: 2 });
    expect(exitMsrAreas([at(0x9e)], [])).toEqual({ indicator: 1, entry: 1 });
    expect(exitMsrAreas([{ ...good, reserved: 1 }], [])).toEqual({ indicator: 1, entry: 1 });
    expect(exitMsrAreas([at(0xc000_0100)], [good, good, at(0x80b)])).toEqual({ indicator: 4, entry: 3 });
    expect(exitMsrAreas([], [at(0x9b)])).toEqual({ indicator: 4, entry: 1 });
  });

  it('reach the marks of what they lead to, and no other', () => {
    expect([...recordMarks(() => failingEntryMsrLoads([good]))]).toEqual([]);
    expect(recordMarks(() => exitMsrAreas([at(0x808)], []))).toContain('abort 1');
    const marks = recordMarks(() => exitMsrAreas([], [at(0x808)]));
    expect(marks).toContain('abort 4');
    expect(marks).toContain('E11');
  });
});
