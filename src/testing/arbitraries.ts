import type { ApicRegisters } from '../arch/apic-registers.js';
import type { LocalApic } from '../arch/local-apic/local-apic.js';
import type { PostedInterruptDescriptor } from '../arch/posted-interrupt-descriptor.js';
import type { ApicVmcs, VirtualProcessor } from '../arch/virtual-processor.js';
import type { Trace } from '../observe/trace.js';
import type { MachineInput, ScenarioInput } from '../scenarios/schema.js';
import * as architecture from './arbitraries/architecture.js';
import * as cases from './arbitraries/cases.js';
import { type Arbitrary, type FastCheck, typed } from './arbitraries/fast-check.js';
import * as lawCases from './arbitraries/law-cases.js';
import * as runs from './arbitraries/runs.js';
import * as systems from './arbitraries/systems.js';
import type { SystemStep } from './laws/apic-system.js';
import type { CaseSchedule, InterruptCase } from './laws/case.js';
import type { ApicCommand } from './laws/commands.js';
import type { GuestOperation, HostOperation } from './laws/operations.js';
import type { StartUpCase } from './laws/start-up.js';
import type { TimerMigrationCase } from './laws/timer-migration.js';

/** Generators of everything that interrupt delivery is about: what {@link arbitraries} returns. Each call makes a new arbitrary. */
export interface Arbitraries {
  /** An ICR value, by default for x2APIC mode and of any validity, which it says. */
  icr(setting?: {
    mode?: 'xapic' | 'x2apic';
    validity?: architecture.IcrValidity;
  }): Arbitrary<architecture.GeneratedIcr>;
  /** 256 bits, as IRR, ISR, TMR and PIR are: eight words. */
  vectorSet(): Arbitrary<number[]>;
  /** Registers of a local APIC (or a virtual-APIC page) as a guest can bring them about: nesting in service, PPR that fits. */
  apicRegisters(setting?: { mode?: 'xapic' | 'x2apic'; id?: number }): Arbitrary<ApicRegisters>;
  /** A local APIC with such registers. */
  localApic(setting?: { mode?: 'xapic' | 'x2apic'; id?: number }): Arbitrary<LocalApic>;
  /** A virtual CPU with such a virtual-APIC page, RVI and SVI as at a VM entry, under the controls given. */
  virtualProcessor(controls?: Partial<ApicVmcs>): Arbitrary<VirtualProcessor>;
  /** A posted-interrupt descriptor; `consistent: false` for ones that no protocol leaves at rest. */
  descriptor(setting?: { consistent?: boolean }): Arbitrary<PostedInterruptDescriptor>;
  /** A VMCS that passes every check of VM entry. */
  vmcs(): Arbitrary<architecture.GeneratedVmcs>;
  /** A VMCS that breaks one rule of VM entry, and only that one, which it names. */
  brokenVmcs(): Arbitrary<architecture.GeneratedBrokenVmcs>;
  /** A machine without a workload, as `createMachine` takes it: one VM or two, up to `vcpus` virtual CPUs (4). */
  machine(setting?: { vcpus?: number }): Arbitrary<MachineInput>;
  /** One operation of a guest's program. */
  guestOperation(setting?: cases.ProgramSetting): Arbitrary<GuestOperation>;
  /** A guest's program. */
  guestProgram(setting?: cases.ProgramSetting): Arbitrary<GuestOperation[]>;
  /** What host, devices and user space do meanwhile. */
  hostProgram(setting?: cases.ProgramSetting & { processors?: number }): Arbitrary<HostOperation[]>;
  /** Who runs when: by time, by chance, by PCT, or by a few switches; of all kinds unless some are named. */
  schedule(kinds?: readonly CaseSchedule['kind'][]): Arbitrary<CaseSchedule>;
  /** Machine, programs, interference and schedule: for `runCase`. Shrinks to a few operations, and prints itself as its story. */
  interruptCase(setting?: cases.CaseSetting): Arbitrary<InterruptCase>;
  /** Start-ups of processors by INIT and SIPI: for `checkStartUp`. */
  startUpCase(): Arbitrary<StartUpCase>;
  /** Timers that are pending when their virtual CPU is taken to another machine: for `checkTimerMigration`. */
  timerMigrationCase(): Arbitrary<TimerMigrationCase>;
  /** One operation, wherever the CPU is, whose outcome the SDM decides: for systems of your own. */
  systemOperation(setting?: systems.StepSetting): Arbitrary<GuestOperation>;
  /** Steps for `compareSystems`: what CPUs do, and what they must not notice. */
  systemSteps(setting?: systems.StepSetting): Arbitrary<SystemStep[]>;
  /** The same as commands for `fc.commands`: the model is a `ReferenceSystem`, the real system any `ApicSystem`. */
  apicCommands(setting?: systems.StepSetting): Arbitrary<ApicCommand>[];
  /** A scenario of a few iterations, for `runScenario`. */
  scenario(): Arbitrary<ScenarioInput>;
  /** What happened in an iteration of a scenario. */
  trace(): Arbitrary<Trace>;
}

/**
 * The arbitraries, made with your fast-check. It is a parameter, not an import: whoever uses this entry for the explorer only need not
 * have it, there can be no second copy of it, and any version from 3 on will do.
 *
 * @param fc - the module: `import fc from 'fast-check'`
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import fc from 'fast-check';
 * import { checkVmEntry, decodeIcr, encodeIcr } from 'vmx-apic/arch';
 * import { arbitraries, checkCase } from 'vmx-apic/testing';
 *
 * const { brokenVmcs, icr, interruptCase } = arbitraries(fc);
 *
 * fc.assert(fc.property(icr({ validity: 'valid' }), ({ low, high }) => {
 *   assert.deepEqual(encodeIcr(decodeIcr(low, high, true), true), [low, high]);
 * }));
 * fc.assert(fc.property(brokenVmcs(), ({ vmcs, context, rule }) => {
 *   assert.deepEqual([...new Set(checkVmEntry(vmcs, context).map((failure) => failure.rule))], [rule]);
 * }));
 * // Whole machines under any schedule; a counterexample prints itself as a story.
 * fc.assert(fc.property(interruptCase(), (input) => { checkCase(input); }), { numRuns: 20 });
 * ```
 */
export function arbitraries(fc: FastCheck): Arbitraries {
  const own = typed(fc);
  return {
    icr: (setting) => architecture.icr(own, setting),
    vectorSet: () => architecture.vectorSet(own),
    apicRegisters: (setting) => architecture.apicRegisters(own, setting),
    localApic: (setting) => architecture.localApic(own, setting),
    virtualProcessor: (controls) => architecture.virtualProcessor(own, controls),
    descriptor: (setting) => architecture.descriptor(own, setting),
    vmcs: () => architecture.vmcs(own),
    brokenVmcs: () => architecture.brokenVmcs(own),
    machine: ({ vcpus = 4 } = {}) => cases.machine(own, vcpus),
    guestOperation: (setting) => cases.guestOperation(own, setting),
    guestProgram: (setting) => cases.guestProgram(own, setting),
    hostProgram: (setting) => cases.hostProgram(own, setting),
    schedule: (kinds) => cases.schedule(own, kinds),
    interruptCase: (setting) => cases.interruptCase(own, setting),
    startUpCase: () => lawCases.startUpCase(own),
    timerMigrationCase: () => lawCases.timerMigrationCase(own),
    systemOperation: (setting) => systems.systemOperation(own, setting),
    systemSteps: (setting) => systems.systemSteps(own, setting),
    apicCommands: (setting) => systems.apicCommands(own, setting),
    scenario: () => runs.scenario(own),
    trace: () => runs.trace(own),
  };
}

export type {
  GeneratedBrokenVmcs,
  GeneratedIcr,
  GeneratedVmcs,
  IcrValidity,
} from './arbitraries/architecture.js';
export type { CaseSetting, ProgramSetting } from './arbitraries/cases.js';
export type { Arbitrary, FastCheck } from './arbitraries/fast-check.js';
export type { StepSetting } from './arbitraries/systems.js';
