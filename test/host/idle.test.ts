import { expect, test } from 'vitest';
import { resolveCosts } from '../../src/engine/costs.js';
import { call } from '../../src/engine/frames.js';
import { costKeysOf, type Routine, shared, stageName } from '../../src/engine/routine.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import { hardwareHooks } from '../../src/hardware/events.js';
import { sendPhysicalIpi } from '../../src/hardware/physical-apic.js';
import { hardwareCostKeys, hardwareRoutines } from '../../src/hardware/routines.js';
import { addTask, createHost } from '../../src/host/create-host.js';
import {
  currentTask,
  FairClass,
  host,
  IdleGovernor,
  IdleMode,
  SystemVector,
  TaskState,
  WakeList,
} from '../../src/host/machine.js';
import { hostRoutines } from '../../src/host/routines.js';
import { schedule } from '../../src/host/schedule.js';
import { tryToWakeUp } from '../../src/host/try-to-wake-up.js';

const { program, stage, glue, until } = host;

const sleepOnce = program('test_sleep_once', () => ({}), [
  stage('mark', 'deactivateTask', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
  }),
  glue('sleep', (m, cpu) => {
    call(m, cpu, schedule);
  }),
  until('rest', 'idleLoop', () => false, { channel: () => -1 }),
]);

/** Wakes a task, whose processor sees the store, and then interrupts that processor on its way out of the C-state. */
const wakeThenInterrupt = program('test_wake_then_interrupt', () => ({}), [
  stage('long-sleep', 'testPause', shared, () => {}),
  glue('wake', (m, cpu) => {
    call(m, cpu, tryToWakeUp).task = 2;
  }),
  stage('interrupt', 'idleLoop', shared, (m) => {
    sendPhysicalIpi(m, 1, SystemVector.reschedule);
  }),
  until('rest', 'idleLoop', () => false, { channel: () => -1 }),
]);

const exitLatency = 5000;

test('an interrupt on the way out of a C-state waits for its end, which costs no second time', () => {
  const plan = createHost(
    { sockets: 1, coresPerSocket: 2, threadsPerCore: 1 },
    {
      fairClass: FairClass.cfs,
      latency: 20_000,
      minGranularity: 20_000,
      wakeupGranularity: 10_000,
      baseSlice: 20_000,
      wakeupPreemption: 1,
      idleMode: IdleMode.mwait,
      governor: IdleGovernor.menu,
      wakeList: WakeList.acrossCaches,
      tick: 1_000_000,
      idlePollMax: 0,
    },
    [
      { exitLatency: 0, targetResidency: 0 },
      { exitLatency, targetResidency: 50_000 },
    ],
  );
  const { machine } = plan;
  const task = addTask(machine, sleepOnce as unknown as Routine, { allowed: [1] });
  expect(task).toBe(2);
  addTask(machine, wakeThenInterrupt as unknown as Routine, { allowed: [0] });
  const routines = [...hostRoutines, ...hardwareRoutines, sleepOnce, wakeThenInterrupt] as unknown as Routine[];
  const costs: Record<string, number> = { lineTransfer: 10 };
  for (const key of [...costKeysOf(routines), ...hardwareCostKeys]) costs[key] = 100;
  costs['testPause'] = 300_000;
  const seen: { name: string; start: number; end: number }[] = [];
  const state = createRunState(machine, { channels: plan.channels, lines: plan.lines, seed: 1 }, undefined);
  new TimedRun(state, {
    hooks: hardwareHooks,
    costs: resolveCosts(costs, Object.keys(costs)),
    distance: (a, b) => (a === b ? 0 : 2),
    plain: true,
    onStage: (processor, { at }, start, end) => {
      if (processor === 1) seen.push({ name: stageName(at), start, end });
    },
  }).run({ time: 1_000_000 });

  const out = seen.filter(({ name, start }) => name === 'leave-halt.leave-c-state' && start > 300_000);
  expect(out.map(({ start, end }) => end - start)).toEqual([exitLatency + 100]);
  // The interrupt was taken then, before the idle loop went on.
  const after = seen.slice(seen.indexOf(out[0] as (typeof seen)[number]) + 1).map(({ name }) => name);
  expect(after[0]).toBe('external-interrupt.idt-vectoring');
  expect(after).toContain('do_idle.cpuidle_reflect');
});
