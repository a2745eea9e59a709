import { type Calibration, calibrateProblem } from '../../cost/calibration/calibrate.js';
import type { Parameter } from '../../cost/calibration/parameters.js';
import { fittedNumbers } from '../../cost/fitted-numbers.js';
import { type Processor, profileOfProcessor } from '../../cost/processor.js';
import type { Profile } from '../../cost/profile.js';
import { processors } from '../../cost/profiles.js';
import { InputError } from '../../engine/errors.js';
import { type VmexitTestName, vmexitTests } from '../../guest/vmexit.js';
import { type MachineInput, parseMachine, type ScenarioInput } from '../schema.js';
import { type Figure, parseFigures } from './figure.js';
import type { Measurements } from './measurements.js';
import { checkFigure, createSimulator, inFigure } from './simulate.js';

/** How a machine is calibrated. */
export interface CalibrateMachineOptions {
  /** The profile to begin with: the nearest processor of the library. `sapphire-rapids` by default. */
  readonly base?: string | undefined;
  /** Name of the new profile: `mine` by default. */
  readonly name?: string | undefined;
  /** Clock of the time-stamp counter in GHz; the base's by default. */
  readonly tscGhz?: number | undefined;
  /** The machine and VM that were measured, but for profile and workload: kernel, APIC mode, features. */
  readonly machine?: MachineInput | undefined;
}

/** A profile of one's own machine, and how it came about. */
export interface MachineCalibration {
  readonly profile: Profile;
  readonly calibration: Calibration;
}

/** Exit reasons of `perf kvm stat` that a test has alone. */
const testOfExit: Readonly<Record<string, VmexitTestName>> = { CPUID: 'cpuid', VMCALL: 'vmcall' };

/** What a measured round trip is off by in any case, in cycles: reading the clock, and the loop around the test. */
const constantError = 25;

/** How well a measurement is to be met, in percent. */
function toleranceOf(cycles: number, percent: number): number {
  return Math.min(1000, Math.hypot(percent, (100 * constantError) / cycles));
}

/** What lies between the tracepoints `kvm_exit` and `kvm_entry`: all of an exit but the processor's own part. */
function betweenTracepoints(cycles: number, { groups }: Profile): number {
  return Math.max(1, cycles - (groups['vmExit']?.cycles ?? 0) - (groups['vmEntry']?.cycles ?? 0));
}

/** What of a processor measurements can change: by how much from the base at most, either way. */
const groupsOfMachine: Readonly<Record<string, number>> = {
  vmExit: 1.8,
  vmEntry: 1.8,
  apicPageAccess: 1.8,
  ipiVirtualization: 1.8,
  eoiVirtualization: 2,
  lineTransfer: 1.6,
  ipiFlight: 1.6,
};
const scaleFactor = 2;

/** A processor with numbers of its own for all groups that measurements can change. */
function ownProcessor(base: Processor, name: string, tscGhz: number): Processor {
  const profile = profileOfProcessor(base);
  const hardware: Record<string, Processor['hardware'][string]> = {};
  const interconnect: Record<string, Processor['interconnect'][string]> = {};
  for (const [group, costs] of Object.entries(profile.groups)) {
    const { cycles, source, clock, byDistance } = costs;
    const width = groupsOfMachine[group] ?? 1.01;
    if (clock === 'uncore' && byDistance !== undefined) {
      const within = cycles / profile.tscGhz;
      interconnect[group] = {
        ns: byDistance.map((factor) => factor * within) as [number, number, number, number],
        range: [within / width, within * width],
        status: 'estimated',
        source,
      };
    } else if (groupsOfMachine[group] !== undefined || base.hardware[group] !== undefined) {
      hardware[group] = { cycles, range: [cycles / width, cycles * width], status: 'estimated', source };
    }
  }
  const scale = profile.scale ?? 1;
  return {
    ...base,
    name,
    title: `measured; from ${base.title}`,
    tscGhz,
    scale: { ...base.scale, cycles: scale, range: [scale / scaleFactor, scale * scaleFactor] },
    hardware,
    interconnect,
  };
}

function parametersOfMachine({ name, scale, hardware, interconnect }: Processor): Parameter[] {
  const of = (group: string): Parameter[] => {
    const costs = hardware[group];
    const times = interconnect[group];
    if (costs === undefined && times === undefined) return [];
    const { range, source } = (costs ?? times) as { range: readonly [number, number]; source: string };
    const estimate = costs?.cycles ?? times?.ns[2] ?? 0;
    return [{ name: `${name}.${group}`, processor: name, estimate, range, source }];
  };
  const { cycles, range, source } = scale;
  return [
    { name: `${name}.scale`, processor: name, estimate: cycles, range, source },
    ...Object.keys(groupsOfMachine).flatMap(of),
  ];
}

/**
 * Fits a processor's own numbers to what was measured on it: its scale, exit and entry, APIC-page accesses, the interconnect. Beside them stand the shared costs of
 * KVM's paths, as the library's figures have them.
 *
 * @param measurements - as {@link readMeasurements} gives them
 * @throws InputError if the base is not a profile of the library, or the machine cannot run a test that was measured
 */
export function calibrateMachine(
  { tests, exits }: Measurements,
  { base = 'sapphire-rapids', name = 'mine', tscGhz, machine = {} }: CalibrateMachineOptions = {},
): MachineCalibration {
  const found = processors.find((processor) => processor.name === base);
  if (found === undefined) {
    const names = processors.map((processor) => processor.name).join(', ');
    throw new InputError('base', `there is no profile '${base}' (there are: ${names})`);
  }
  if (!/^[A-Za-z][\w-]*$/.test(name))
    throw new InputError('name', `'${name}' is not a letter and letters, digits, '-'`);
  const processor = ownProcessor(found, name, tscGhz ?? found.tscGhz);
  inFigure('machine', () => parseMachine(machine));
  const scenario = (test: VmexitTestName): ScenarioInput => ({
    // A target that halts is a race, which single steps that always take the same would decide one way.
    jitter: 0.1,
    ...machine,
    profile: base,
    workload: { kind: 'vmexit', test, targetIdle: 'hlt', iterations: 100 },
    vms: machine.vms ?? [{ vcpus: vmexitTests[test].usesTarget || 'others' in vmexitTests[test] ? 2 : 1 }],
  });
  const shared = { source: 'measured', unit: 'cycles', fitted: true };
  const figures = parseFigures({
    figures: [
      ...Object.entries(tests).map(([test, cycles]) => ({
        ...shared,
        id: test,
        published: cycles,
        metric: 'latencyCycles.mean',
        tolerancePct: toleranceOf(cycles, 2.5),
        scenario: scenario(test as VmexitTestName),
      })),
      ...Object.entries(exits).flatMap(([reason, us]) => {
        const test = testOfExit[reason];
        if (test === undefined) return [];
        const published = us * 1000 * processor.tscGhz;
        return [
          {
            ...shared,
            id: `${reason} exits`,
            published,
            metric: `exits.${reason}.mean`,
            scenario: scenario(test),
            tolerancePct: toleranceOf(published, 10),
          },
        ];
      }),
    ],
  });
  figures.forEach(checkFigure);
  const profileWith = (numbers: Readonly<Record<string, number>>): Profile =>
    profileOfProcessor(processor, { ...fittedNumbers, ...numbers });
  const calibration = calibrateProblem({
    parameters: parametersOfMachine(processor),
    targets: figures.map(({ id, published, tolerancePct = 2.5 }) => ({
      id,
      family: id,
      processor: name,
      published,
      tolerancePct,
    })),
    simulate(numbers, which) {
      const profile = profileWith(numbers);
      const simulate = createSimulator({ iterations: 100 });
      return which.map((index) => {
        const figure = figures[index] as Figure;
        const { simulated } = simulate({ ...figure, scenario: { ...(figure.scenario as ScenarioInput), profile } });
        return figure.metric.startsWith('exits.') ? betweenTracepoints(simulated, profile) : simulated;
      });
    },
  });
  return { profile: profileWith(calibration.numbers), calibration };
}
