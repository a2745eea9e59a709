import { clocksOf, costsOf } from '../cost/profile.js';
import { resolveCosts } from '../engine/costs.js';
import { InputError, InternalError } from '../engine/errors.js';
import { recordKindOf } from '../engine/records.js';
import { costKeysOf } from '../engine/routine.js';
import { type TimedOptions, TimedRun } from '../engine/timed.js';
import { createRunState, type RunState } from '../engine/timing.js';
import { hardwareHooks } from '../hardware/events.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { distanceBetween } from '../host/topology.js';
import { kernels } from '../kvm/kernels.js';
import { type Convergence, createConvergence, hasConverged } from '../observe/convergence.js';
import { addCpuTimes, type CpuTime, cpuTimeOf } from '../observe/cpu-time.js';
import { criticalPath, type PathSegment } from '../observe/critical-path.js';
import { exitTotals, mergeExits } from '../observe/exit-statistics.js';
import { haltPollStatistics } from '../observe/halt-poll-statistics.js';
import { type Counters, createCounters, createRecorder, finishCounters, OtherTask } from '../observe/recorder.js';
import { scaleSummary, standardDeviation, summarize } from '../observe/statistics.js';
import { createTrace, type Trace } from '../observe/trace.js';
import { recordTrace } from '../observe/trace-recorder.js';
import { buildMachine, profileOf } from './build.js';
import { idleStateNames } from './host-options.js';
import { metricOf } from './metric.js';
import {
  createTally,
  destinationOf,
  hasStopped,
  migrationOf,
  missing,
  restoreVm,
  saveVm,
  tallyRecorder,
} from './migration.js';
import type {
  BreakdownRow,
  ComparedFigure,
  ExitRow,
  MachineLeg,
  MigrationReport,
  Report,
  VariantReport,
} from './report.js';
import { systemCostKeys, systemRoutines } from './routines.js';
import {
  type MachineConfig,
  type PublishedFigure,
  parseScenario,
  type Scenario,
  type ScenarioInput,
  withValue,
} from './schema.js';
import type { SystemMachine } from './system-machine.js';
import type { MigrationWorkload } from './workloads/migration.js';
import { countedIterations } from './workloads/workload.js';
import { workloadOf } from './workloads/workloads.js';

/** The state of a run of a whole machine. */
export type SystemState = RunState<SystemMachine, Counters>;
/** A timed run of a whole machine. */
export type SystemRun = TimedRun<SystemMachine, LogicalProcessor, Counters>;

const iterationRecord = recordKindOf('iteration').number;
const measuredRecord = recordKindOf('measured').number;

/**
 * What a core's other thread costs: one that spins without PAUSE, as older kernels' halt polling does, slows this one. Nothing where that
 * cannot happen.
 */
function paceOf({
  host,
  topology,
}: MachineConfig): Pick<TimedOptions<SystemMachine, LogicalProcessor, Counters>, 'pace'> {
  const pauses = host.haltPollPause ?? kernels[host.kernel].haltPollPause;
  if (topology.threadsPerCore === 1 || pauses || host.smtFactor === 1) return {};
  const { smtFactor } = host;
  return {
    // The other thread of a core of two has the number next to it.
    pace: (machine, { id }) => (machine.processors[id ^ 1]?.spinning === 1 ? smtFactor : 1),
  };
}

/** How a scenario is charged, ordered and observed. Throws an {@link InputError} if the profile lacks a cost. */
export function timedOptions(scenario: MachineConfig): TimedOptions<SystemMachine, LogicalProcessor, Counters> {
  const profile = profileOf(scenario.profile);
  return {
    hooks: hardwareHooks,
    costs: resolveCosts(costsOf(profile, clocksOf(profile, scenario.topology)), [
      ...costKeysOf(systemRoutines),
      ...systemCostKeys,
    ]),
    distance: distanceBetween(scenario.topology),
    jitter: scenario.jitter,
    ...paceOf(scenario),
    observe: createRecorder(),
  };
}

/** A scenario's machine at time 0, and the run that will drive it. */
export function createRun(
  scenario: MachineConfig,
  seed: number = scenario.seed,
  more: Partial<TimedOptions<SystemMachine, LogicalProcessor, Counters>> = {},
): SystemRun {
  const { machine, channels, lines } = buildMachine(scenario, seed);
  const idle = new Set(machine.runQueues.map((queue) => queue.idle));
  const counters = createCounters({
    processors: machine.processors.length,
    warmup: scenario.workload?.warmup ?? 0,
    total: scenario.workload === undefined ? 0 : countedIterations(scenario.workload),
    virtualCpus: machine.vcpus.length,
    tasks: machine.tasks.map((task) =>
      idle.has(task.id) ? OtherTask.idle : task.owner < 0 ? OtherTask.load : task.owner,
    ),
  });
  const state = createRunState(machine, { channels, lines, seed }, counters);
  return new TimedRun(state, { ...timedOptions(scenario), ...more });
}

/** Progress of {@link runScenario}. */
export interface Progress {
  readonly variant: string;
  /** Runs that are done, and how many there are in all. */
  readonly done: number;
  readonly total: number;
}

/** Options of {@link runScenario}. */
export interface RunOptions {
  /** Called after each run. */
  readonly onProgress?: (progress: Progress) => void;
  /** Whether one more iteration of each variant is traced for its breakdown; without, that is empty. True by default. */
  readonly breakdown?: boolean;
}

/**
 * Runs a scenario with all its variants and reports what came of them.
 *
 * @param input - a scenario; what it does not say has the schema's defaults
 * @returns the report; the same input gives the same report, to the last digit
 * @throws InputError if the scenario is wrong, before anything runs
 * @throws InternalError if the simulator breaks one of its own expectations; its `reproduction` says how to get there again
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { presets, runScenario } from 'vmx-apic';
 *
 * const report = runScenario({ ...presets['ipi-virtualization'], runs: 1 });
 * const withoutExits = report.variants.filter((variant) => variant.exitsPerIteration === 0);
 * assert.equal(withoutExits.length, 2);
 * ```
 */
export function runScenario(input: ScenarioInput, options: RunOptions = {}): Report {
  const base = parseScenario(input);
  const rows = checkedVariants(input, base);
  const total = rows.reduce((sum, { scenario }) => sum + scenario.runs, 0);
  let done = 0;
  return {
    scenario: base.name,
    title: base.title ?? base.name,
    profile: profileOf(base.profile).name,
    seed: base.seed,
    assumed: [...base.assumed.map(({ path, value, why }) => ({ path, value, why })), ...countedKernels(input, base)],
    variants: rows.map(({ name, scenario }) =>
      runVariant(name, scenario, options.breakdown ?? true, () => {
        done++;
        options.onProgress?.({ variant: name, done, total });
      }),
    ),
  };
}

/** Kernel versions that the library does not know, and what they count as. */
function countedKernels(input: ScenarioInput, { host, vms, assumed }: Scenario): Report['assumed'] {
  const said = (path: string): boolean => assumed.some((assumption) => assumption.path === path);
  const named = [
    { path: 'host.kernel', asked: input.host?.kernel, value: host.kernel },
    ...vms.map((vm, index) => ({
      path: `vms[${index}].guestKernel`,
      asked: input.vms?.[index]?.guestKernel,
      value: vm.guestKernel,
    })),
  ];
  return named
    .filter(({ path, asked, value }) => asked !== undefined && asked !== value && !said(path))
    .map(({ path, asked, value }) => ({
      path,
      value,
      why: `${asked} is not among the kernels here; the nearest`,
    }));
}

/**
 * Checks a scenario as {@link runScenario} does before anything runs: its form, and that each variant's machine can be built.
 *
 * @throws InputError that says what is wrong, with its path
 */
export function checkScenario(input: ScenarioInput): void {
  checkedVariants(input, parseScenario(input));
}

interface Row {
  readonly name: string;
  readonly scenario: Scenario;
}

/** Everything is built once before anything runs, so that what is wrong in the last variant is said now. */
function checkedVariants(input: ScenarioInput, base: Scenario): Row[] {
  const rows = variantsOf(input, base);
  for (const { name, scenario } of rows) {
    if (base.variants === undefined) checkMachines(scenario);
    else inVariant(name, () => checkMachines(scenario));
  }
  return rows;
}

/** Its machine can be made, and so can the one that its VM goes to. */
function checkMachines(scenario: Scenario): void {
  createRun(scenario);
  const workload = migrationOf(scenario);
  if (workload === undefined) return;
  const destination = destinationOf(scenario, workload);
  inDestination(() => createRun(destination));
}

/** What does not fit on the destination is said as what the destination lacks. */
function inDestination(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const path = error.path.replace(/^vms\[0\]\.|^host\./, '');
    throw new InputError(`workload.destination.${path}`, error.reason);
  }
}

/** What is wrong in a variant is said with its name. */
function inVariant<T>(name: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(error.path, `${error.reason} (variant '${name}')`);
    throw error;
  }
}

function variantsOf(input: ScenarioInput, base: Scenario): Row[] {
  if (base.variants === undefined) return [{ name: base.name, scenario: base }];
  const { variants: _, ...plain } = input;
  return base.variants.map((variant, index) => {
    let changed: unknown = { ...plain, published: variant.published };
    for (const [path, value] of Object.entries(variant.set)) {
      if (/^variants\b/.test(path)) throw new InputError(`variants[${index}].set`, 'a variant cannot have variants');
      changed = withValue(changed, path, value);
    }
    return inVariant(variant.name, () => ({ name: variant.name, scenario: parseScenario(changed) }));
  });
}

/** Runs until the last iteration has ended: what goes on for ever, as processors shared by turns, need not end. */
function drive(run: SystemRun, scenario: Scenario, seed: number, convergence?: Convergence): void {
  try {
    run.run();
    if (
      convergence?.reached !== true &&
      run.state.observers.iterations.length !== countedIterations(scenario.workload)
    ) {
      throw new InternalError('workload', `ended after ${run.state.observers.iterations.length} iterations`);
    }
  } catch (error) {
    if (error instanceof InternalError) error.reproduction = JSON.stringify({ ...scenario, seed, runs: 1 });
    throw error;
  }
}

/** The counters of a run: of one machine, or of both that a VM was on. */
interface Outcome {
  readonly legs: readonly Counters[];
  readonly convergence?: Convergence;
  readonly moved?: { readonly inFlight: number; readonly sent: number; readonly lost: number };
}

type Observe = NonNullable<TimedOptions<SystemMachine, LogicalProcessor, Counters>['observe']>;

/** Records into counters, and calls `end` when enough iterations have been counted. */
function measuring(convergence: Convergence | undefined, end: () => void): Observe {
  const count = createRecorder();
  return (counters, time, processor, kind, a, b) => {
    count(counters, time, processor, kind, a, b);
    if (kind !== iterationRecord && kind !== measuredRecord) return;
    if (counters.closed >= 0 || (convergence !== undefined && hasConverged(convergence, counters.iterations))) end();
  };
}

function runOnce(scenario: Scenario, seed: number): Outcome {
  const { workload } = scenario;
  const convergence = workload.iterations === 'auto' ? createConvergence(workload.tolerance) : undefined;
  const migrates = migrationOf(scenario);
  const outcome = convergence === undefined ? {} : { convergence };
  if (migrates !== undefined) return { ...outcome, ...runMigration(scenario, migrates, seed, convergence) };
  const run: SystemRun = createRun(scenario, seed, { observe: measuring(convergence, () => run.stop()) });
  drive(run, scenario, seed, convergence);
  return { ...outcome, legs: [run.state.observers] };
}

/** How often is looked whether a VM has stopped, and how often and until when whether an IPI arrives after all: in cycles. */
const stopSlice = 1000;
const arrivalSlice = 200;
const arrivalSlices = 5000;

function runMigration(
  scenario: Scenario,
  workload: MigrationWorkload,
  seed: number,
  convergence: Convergence | undefined,
): Pick<Outcome, 'legs' | 'moved'> {
  const tally = createTally();
  const tell = tallyRecorder(tally);
  const count = createRecorder();
  const source = createRun(scenario, seed, {
    observe: (counters, time, processor, kind, a, b) => {
      count(counters, time, processor, kind, a, b);
      tell(kind, a, b);
    },
  });
  // As many iterations as there is time for.
  source.state.observers.total = 0;
  for (let time = stopSlice; !hasStopped(source.state.machine); time += stopSlice) {
    if (source.run({ time }) === 'quiescent') throw new InternalError('migration', 'the VM does not stop');
  }
  const { now } = source.state.timing;
  const stopped = saveVm(source.state.machine, now);

  const destination = destinationOf(scenario, workload);
  const measure = measuring(convergence, () => run.stop());
  const run: SystemRun = createRun(destination, seed, {
    observe: (counters, time, processor, kind, a, b) => {
      tell(kind, a, b);
      measure(counters, time, processor, kind, a, b);
    },
  });
  restoreVm(run.state.machine, stopped, source.state.machine);
  run.state.timing.now = now;
  // The iteration that the migration came into counts for neither machine.
  run.state.observers.warmup = tally.iteration + 1 + workload.warmup;
  drive(run, destination, seed, convergence);
  const { sent } = tally;
  // What was sent last may be on its way.
  let lost = missing(tally, run.state.machine);
  const end = run.state.timing.now;
  for (let slice = 1; slice <= arrivalSlices && lost > 0; slice++) {
    run.run({ time: end + slice * arrivalSlice });
    lost = Math.min(lost, missing(tally, run.state.machine));
  }
  return { legs: [source.state.observers, run.state.observers], moved: { inFlight: stopped.inFlight, sent, lost } };
}

function exitRows(exits: readonly number[]): ExitRow[] {
  const totals = exitTotals(exits);
  const exitCycles = totals.reduce((sum, row) => sum + row.cycles, 0);
  const workCycles = totals.reduce((sum, row) => sum + row.work, 0);
  return totals.map((row) => ({
    ...row,
    share: exitCycles === 0 ? 0 : row.cycles / exitCycles,
    workShare: workCycles === 0 ? 0 : row.work / workCycles,
  }));
}

function exitsOf(rows: readonly ExitRow[], iterations: number): number {
  return iterations === 0 ? 0 : rows.reduce((sum, row) => sum + row.count, 0) / iterations;
}

/** What a variant's VM met on one of the machines that it was on, over all runs. */
function legOf(outcomes: readonly Outcome[], which: number, tscGhz: number): MachineLeg {
  const exits: number[] = [];
  const iterations = outcomes.flatMap(({ legs }) => legs[which]?.iterations ?? []);
  for (const { legs } of outcomes) mergeExits(exits, legs[which]?.exits ?? []);
  const rows = exitRows(exits);
  return {
    latencyNs: scaleSummary(summarize(iterations), 1 / tscGhz),
    exits: rows,
    exitsPerIteration: exitsOf(rows, iterations.length),
  };
}

function migrationReport(outcomes: readonly Outcome[], tscGhz: number): MigrationReport | undefined {
  const moved = outcomes.flatMap((outcome) => outcome.moved ?? []);
  if (moved.length === 0) return undefined;
  const sum = (name: 'inFlight' | 'sent' | 'lost'): number => moved.reduce((total, each) => total + each[name], 0);
  return {
    inFlight: sum('inFlight'),
    sent: sum('sent'),
    lost: sum('lost'),
    before: legOf(outcomes, 0, tscGhz),
    after: legOf(outcomes, 1, tscGhz),
  };
}

function runVariant(name: string, scenario: Scenario, breakdown: boolean, onRun: () => void): VariantReport {
  const profile = profileOf(scenario.profile);
  const { tscGhz = profile.tscGhz } = scenario.topology;
  const iterations: number[] = [];
  const means: number[] = [];
  const oneWay: number[] = [];
  let halfWidth = 0;
  const exits: number[] = [];
  const outcomes: Outcome[] = [];
  const finished: Counters[] = [];
  const cpu: CpuTime[] = [];
  const interrupts = { sent: 0, delivered: 0, coalesced: 0 };
  let elapsed = 0;
  for (let number = 0; number < scenario.runs; number++) {
    const outcome = runOnce(scenario, scenario.seed + number);
    outcomes.push(outcome);
    let sum = 0;
    let counted = 0;
    for (const counters of outcome.legs) {
      finishCounters(counters);
      // A VM that moved at once has counted nothing before.
      if (counters.began < 0) continue;
      for (const cycles of counters.iterations) {
        iterations.push(cycles);
        sum += cycles;
      }
      counted += counters.iterations.length;
      for (const cycles of counters.oneWay) oneWay.push(cycles);
      mergeExits(exits, counters.exits);
      finished.push(counters);
      cpu.push(cpuTimeOf(counters, idleStateNames(profile, scenario)));
      interrupts.sent += counters.sent;
      interrupts.delivered += counters.delivered;
      interrupts.coalesced += counters.coalesced;
      elapsed += counters.ended - counters.began;
    }
    if (outcome.convergence !== undefined) halfWidth = Math.max(halfWidth, outcome.convergence.halfWidth);
    means.push(sum / counted);
    onRun();
  }
  const rows = exitRows(exits);
  const migration = migrationReport(outcomes, tscGhz);
  const latencyCycles = summarize(iterations);
  const report: VariantReport = {
    name,
    tscGhz,
    latencyCycles,
    latencyNs: scaleSummary(latencyCycles, 1 / tscGhz),
    runs: { ...summarize(means), stdev: standardDeviation(means) },
    ...(oneWay.length === 0 ? {} : { oneWayNs: scaleSummary(summarize(oneWay), 1 / tscGhz) }),
    ...(scenario.workload.iterations === 'auto' ? { meanWithinPct: 100 * halfWidth } : {}),
    totalNs: elapsed / tscGhz,
    exits: rows,
    exitsPerIteration: exitsOf(rows, iterations.length),
    cpu: addCpuTimes(cpu),
    kvmStat: haltPollStatistics(finished, tscGhz),
    interrupts,
    ...(migration === undefined ? {} : { migration }),
    breakdown: breakdown ? breakdownOf(traceIteration(scenario), scenario) : [],
    published: [],
  };
  return { ...report, published: scenario.published.map((figure) => compare(figure, report)) };
}

function compare(figure: PublishedFigure, report: VariantReport): ComparedFigure {
  const simulated = metricOf(report, figure.metric, 'published');
  return { ...figure, simulated, errorPct: (100 * (simulated - figure.value)) / figure.value };
}

/** One iteration in a steady state. */
export interface TracedIteration {
  readonly trace: Trace;
  /** First and last cycle of the iteration. */
  readonly from: number;
  readonly to: number;
  /** The logical processor that measured it: the sender's, at the end. */
  readonly processor: number;
  /** Where the sender was: the processors that it came to, and when; its first one since cycle 0. */
  readonly places: readonly { readonly since: number; readonly processor: number }[];
}

/** Records one iteration of a scenario's workload, after a few others, without jitter. */
function traceIteration(scenario: Scenario): TracedIteration {
  const quiet: Scenario = { ...scenario, jitter: 0, workload: { ...scenario.workload, warmup: 3, iterations: 1 } };
  const profile = profileOf(quiet.profile);
  const trace = createTrace(
    quiet.topology.tscGhz ?? profile.tscGhz,
    quiet.vms.flatMap((machine, vm) => Array.from({ length: machine.vcpus }, (_, number) => ({ vm, number }))),
  );
  const recorder = recordTrace(trace);
  const count = createRecorder();
  let processor = -1;
  const run: SystemRun = createRun(quiet, quiet.seed, {
    ...recorder.callbacks,
    observe: (counters, time, at, kind, a, b) => {
      count(counters, time, at, kind, a, b);
      recorder.callbacks.observe(counters, time, at, kind, a, b);
      if ((kind !== iterationRecord && kind !== measuredRecord) || counters.closed < 0 || processor >= 0) return;
      // The sender may have another processor now than when it began.
      processor = at;
      run.stop();
    },
  });
  const { machine } = run.state;
  const sender = machine.vcpus[workloadOf(quiet.workload.kind).measuredBy(quiet.workload)];
  const task = sender?.task ?? -1;
  const home = machine.tasks[task]?.cpu ?? 0;
  drive(run, quiet, quiet.seed);
  const { began: from, ended: to } = run.state.observers;
  // What is still under way on other processors.
  run.run({ stages: 2000 });
  recorder.finish(run.state.timing.now);
  return { trace, from, to, processor, places: placesOf(trace, task, home) };
}

/** Where a task was: it counts as on the processor that it comes to from when it left the one before. */
function placesOf(trace: Trace, task: number, home: number): TracedIteration['places'] {
  const places = [{ since: 0, processor: home }];
  let left = 0;
  for (const { kind, a, time, processor } of trace.events) {
    if (a !== task) continue;
    if (kind === 'sched-out') left = time;
    else if (kind === 'sched-in' && places[places.length - 1]?.processor !== processor)
      places.push({ since: left, processor });
  }
  return places;
}

/** One traced iteration of a variant: a panel of a sequence chart. */
export interface TracedVariant extends TracedIteration {
  /** Name of the variant. */
  readonly title: string;
}

/**
 * Records one iteration of each variant of a scenario, after a few others and without jitter: what `vmx-apic run --svg` draws.
 *
 * @throws InputError if the scenario is wrong, before anything runs
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { presets, traceScenario } from 'vmx-apic';
 * import { sequenceChart } from 'vmx-apic/observe';
 *
 * const [xapic] = traceScenario(presets['ipi-virtualization']);
 * assert.ok(xapic !== undefined && xapic.trace.events.some((event) => event.kind === 'vm-exit'));
 * assert.match(sequenceChart([xapic]), /^<svg /);
 * ```
 */
export function traceScenario(input: ScenarioInput): TracedVariant[] {
  const base = parseScenario(input);
  return variantsOf(input, base).map(({ name, scenario }) => ({
    title: name,
    ...traceIteration(scenario),
  }));
}

/**
 * The critical path of an iteration, over waits that a timer ended: there the processor that waited is what counts, from its last stage
 * before, and the time between is the timer's.
 */
function wholePath({ trace, processor, from, to }: TracedIteration): PathSegment[] {
  let path = criticalPath(trace, processor, from, to);
  for (;;) {
    const first = path[0];
    if (first === undefined || first.start <= from) return path;
    let before = from;
    for (const stage of trace.stages) {
      if (stage.processor === first.processor && stage.end < first.start) before = Math.max(before, stage.end);
    }
    const wait = { processor: first.processor, stage: 'timer', start: before, cycles: first.start - before };
    path = [...criticalPath(trace, first.processor, from, before), wait, ...path];
  }
}

function breakdownOf(traced: TracedIteration, scenario: Scenario): BreakdownRow[] {
  const path = wholePath(traced);
  const sum = path.reduce((total, segment) => total + segment.cycles, 0);
  if (sum !== traced.to - traced.from) {
    throw new InternalError(
      `breakdown of ${scenario.name}`,
      `the critical path has ${sum} cycles of ${traced.to - traced.from}`,
    );
  }
  const home = (time: number): number =>
    traced.places.reduce((at, { since, processor }) => (since <= time ? processor : at), traced.processor);
  return path.map(
    ({ stage, processor, start, cycles }: PathSegment): BreakdownRow => ({
      stage,
      on: stage === 'flight' ? 'bus' : processor === home(start) ? 'sender' : 'target',
      cycles,
    }),
  );
}
