import { describe, expect, test } from 'vitest';
import { resolveCosts } from '../../src/engine/costs.js';
import { call } from '../../src/engine/frames.js';
import { costKeysOf, type Routine, shared } from '../../src/engine/routine.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import { hardwareHooks } from '../../src/hardware/events.js';
import { hardwareCostKeys, hardwareRoutines } from '../../src/hardware/routines.js';
import { addTask, createHost } from '../../src/host/create-host.js';
import {
  currentTask,
  FairClass,
  type HostMachine,
  host,
  IdleGovernor,
  IdleMode,
  runQueueOf,
  type SchedulerOptions,
  TaskState,
  WakeList,
} from '../../src/host/machine.js';
import { hostRoutines } from '../../src/host/routines.js';
import { schedule } from '../../src/host/schedule.js';
import { tryToWakeUp } from '../../src/host/try-to-wake-up.js';

const { program, stage, glue } = host;

/** Two tasks that wake each other and sleep, as a pipe's two ends do. */
const sleeper = program('test_sleeper', () => ({ partner: 0, rounds: 0 }), [
  stage('mark', 'deactivateTask', shared, (m, cpu, f) => {
    f.rounds++;
    currentTask(m, cpu.id).state = TaskState.interruptible;
  }),
  glue('wake', (m, cpu, f) => {
    call(m, cpu, tryToWakeUp).task = f.partner;
  }),
  glue('sleep', (m, cpu) => {
    call(m, cpu, schedule);
  }),
  glue('again', () => 'mark', { to: ['mark'] }),
]);

/** A task that never sleeps, but lets others run when it is told to. */
const busy = program('test_busy', () => ({ rounds: 0 }), [
  stage('work', 'contextSwitch', shared, (_m, _cpu, f) => {
    f.rounds++;
  }),
  stage('exit-to-user', 'idleLoop', shared, (m, cpu) => {
    if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule).preempt = 1;
  }),
  glue('again', () => 'work', { to: ['work'] }),
]);

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

const routines = [...hostRoutines, ...hardwareRoutines, sleeper, busy] as unknown as Routine[];
const costs: Record<string, number> = { lineTransfer: 10 };
for (const key of [...costKeysOf(routines), ...hardwareCostKeys]) costs[key] = 100;

const states = [
  { exitLatency: 0, targetResidency: 0 },
  { exitLatency: 0, targetResidency: 100 },
  { exitLatency: 5000, targetResidency: 50_000 },
];

/** Runs a host for a million cycles. Slices are 20,000 cycles. */
function run(
  processors: number,
  options: Partial<SchedulerOptions>,
  fill: (machine: HostMachine) => void,
): HostMachine {
  const topology = { sockets: 1, coresPerSocket: processors, threadsPerCore: 1 };
  const plan = createHost(topology, { ...scheduler, ...options }, states);
  fill(plan.machine);
  const state = createRunState(plan.machine, { channels: plan.channels, lines: plan.lines, seed: 1 }, undefined);
  new TimedRun(state, {
    hooks: hardwareHooks,
    costs: resolveCosts(costs, Object.keys(costs)),
    distance: (a, b) => (a === b ? 0 : 2),
    checkWaits: true,
  }).run({ time: 1_000_000 });
  return plan.machine;
}

const rounds = (machine: HostMachine, task: number): number =>
  machine.threads[machine.tasks[task]?.thread ?? -1]?.[0]?.locals['rounds'] ?? 0;

function addSleepers(machine: HostMachine, places: readonly number[][]): number[] {
  const first = machine.tasks.length;
  return places.map((allowed, index) => {
    const task = addTask(machine, sleeper as unknown as Routine, { allowed });
    const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
    if (frame !== undefined) frame.locals['partner'] = first + 1 - index;
    return task;
  });
}

describe('two tasks that wake each other', () => {
  test.each([
    ['on one processor', 1, [[0], [0]]],
    ['on two', 2, [[0], [1]]],
    ['anywhere', 3, [[], []]],
  ])('never lose a wake-up %s', (_, processors, places) => {
    for (const idleMode of Object.values(IdleMode)) {
      let tasks: number[] = [];
      const machine = run(processors, { idleMode }, (m) => {
        tasks = addSleepers(m, places);
      });
      const [a = 0, b = 0] = tasks.map((task) => rounds(machine, task));
      expect(a).toBeGreaterThan(50);
      expect(Math.abs(a - b)).toBeLessThanOrEqual(1);
    }
  });
});

describe('tasks that do not sleep', () => {
  test('share a processor by slices, in turn', () => {
    let tasks: number[] = [];
    const machine = run(1, {}, (m) => {
      tasks = [0, 1, 2].map(() => addTask(m, busy as unknown as Routine, { allowed: [0] }));
    });
    const shares = tasks.map((task) => rounds(machine, task));
    expect(Math.min(...shares)).toBeGreaterThan(0.7 * Math.max(...shares));
  });

  test('leave an idle processor idle if they may not go there', () => {
    const machine = run(2, {}, (m) => {
      addTask(m, busy as unknown as Routine, { allowed: [0] });
      addTask(m, busy as unknown as Routine, { allowed: [0] });
    });
    const { current, idle } = runQueueOf(machine, 1);
    expect(current).toBe(idle);
    expect(machine.processors[1]?.halted).toBeGreaterThan(0);
  });
});
