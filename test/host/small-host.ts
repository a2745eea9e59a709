import { resolveCosts } from '../../src/engine/costs.js';
import { call } from '../../src/engine/frames.js';
import { costKeysOf, type Routine, shared } from '../../src/engine/routine.js';
import { type TimedOptions, TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import { hardwareHooks } from '../../src/hardware/events.js';
import type { LogicalProcessor } from '../../src/hardware/machine.js';
import { hardwareCostKeys, hardwareRoutines } from '../../src/hardware/routines.js';
import { addTask, createHost } from '../../src/host/create-host.js';
import {
  FairClass,
  type HostMachine,
  host,
  IdleGovernor,
  IdleMode,
  runQueueOf,
  type SchedulerOptions,
  WakeList,
} from '../../src/host/machine.js';
import { hostRoutines } from '../../src/host/routines.js';
import { schedule } from '../../src/host/schedule.js';

const { program, stage, glue } = host;

/** A task that never sleeps, but lets others run when it is told to. */
export const busy = program('test_busy', () => ({ rounds: 0 }), [
  stage('work', 'contextSwitch', shared, (_m, _cpu, f) => {
    f.rounds++;
  }),
  stage('exit-to-user', 'idleLoop', shared, (m, cpu) => {
    if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule).preempt = 1;
  }),
  glue('again', () => 'work', { to: ['work'] }),
]);

/** A host's scheduler with slices of 20,000 cycles. */
const scheduler: SchedulerOptions = {
  fairClass: FairClass.cfs,
  latency: 20_000,
  minGranularity: 20_000,
  wakeupGranularity: 10_000,
  baseSlice: 20_000,
  wakeupPreemption: 1,
  idleMode: IdleMode.mwait,
  governor: IdleGovernor.menu,
  wakeList: WakeList.idleToo,
  tick: 100_000,
  idlePollMax: 20_000,
};

const idleStates = [
  { exitLatency: 0, targetResidency: 0 },
  { exitLatency: 0, targetResidency: 100 },
  { exitLatency: 5000, targetResidency: 50_000 },
];

/** How a small host is run. */
export interface SmallHost {
  readonly processors: number;
  /** The programs of its tasks. */
  readonly programs: readonly object[];
  readonly options?: Partial<SchedulerOptions>;
  readonly states?: typeof idleStates;
  /** Costs other than 100 cycles for each stage. */
  readonly costs?: Readonly<Record<string, number>>;
  /** When it ends, in cycles; a million if not given. */
  readonly time?: number;
  readonly run?: Partial<TimedOptions<HostMachine, LogicalProcessor, unknown>>;
}

/** Runs a host of its own, without guests, for a million cycles. */
export function runHost(
  { processors, programs, options, states = idleStates, costs: own, time = 1_000_000, run }: SmallHost,
  fill: (machine: HostMachine) => void,
): HostMachine {
  const topology = { sockets: 1, coresPerSocket: processors, threadsPerCore: 1 };
  const plan = createHost(topology, { ...scheduler, ...options }, states);
  fill(plan.machine);
  const routines = [...hostRoutines, ...hardwareRoutines, ...programs] as unknown as Routine[];
  const costs: Record<string, number> = { lineTransfer: 10 };
  for (const key of [...costKeysOf(routines), ...hardwareCostKeys]) costs[key] = 100;
  Object.assign(costs, own);
  const state = createRunState(plan.machine, { channels: plan.channels, lines: plan.lines, seed: 1 }, undefined);
  new TimedRun(state, {
    hooks: hardwareHooks,
    costs: resolveCosts(costs, Object.keys(costs)),
    distance: (a, b) => (a === b ? 0 : 2),
    checkWaits: true,
    ...run,
  }).run({ time });
  return plan.machine;
}

/** Adds a task that runs a program with these locals; returns its number. */
export function addProgram(
  machine: HostMachine,
  program: object,
  allowed: readonly number[],
  locals: Readonly<Record<string, number>> = {},
): number {
  const task = addTask(machine, program as Routine, { allowed });
  Object.assign(localsOf(machine, task), locals);
  return task;
}

/** What a task's program keeps. */
export function localsOf(machine: HostMachine, task: number): Record<string, number> {
  return machine.threads[machine.tasks[task]?.thread ?? -1]?.[0]?.locals ?? {};
}
