import { expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { shared, stageName } from '../../src/engine/routine.js';
import { sendPhysicalIpi } from '../../src/hardware/physical-apic.js';
import { currentTask, host, SystemVector, TaskState, WakeList } from '../../src/host/machine.js';
import { schedule } from '../../src/host/schedule.js';
import { tryToWakeUp } from '../../src/host/try-to-wake-up.js';
import { addProgram, runHost } from './small-host.js';

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
  const seen: { name: string; start: number; end: number }[] = [];
  runHost(
    {
      processors: 2,
      programs: [sleepOnce, wakeThenInterrupt],
      options: { wakeList: WakeList.acrossCaches, tick: 1_000_000, idlePollMax: 0 },
      states: [
        { exitLatency: 0, targetResidency: 0 },
        { exitLatency, targetResidency: 50_000 },
      ],
      costs: { testPause: 300_000 },
      run: {
        plain: true,
        onStage: (processor, { at }, start, end) => {
          if (processor === 1) seen.push({ name: stageName(at), start, end });
        },
      },
    },
    (machine) => {
      expect(addProgram(machine, sleepOnce, [1])).toBe(2);
      addProgram(machine, wakeThenInterrupt, [0]);
    },
  );

  const out = seen.filter(({ name, start }) => name === 'leave-halt.leave-c-state' && start > 300_000);
  expect(out.map(({ start, end }) => end - start)).toEqual([exitLatency + 100]);
  // The interrupt was taken then, before the idle loop went on.
  const after = seen.slice(seen.indexOf(out[0] as (typeof seen)[number]) + 1).map(({ name }) => name);
  expect(after[0]).toBe('external-interrupt.idt-vectoring');
  expect(after).toContain('do_idle.cpuidle_reflect');
});
