import { describe, expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { shared } from '../../src/engine/routine.js';
import {
  currentTask,
  type HostMachine,
  host,
  IdleMode,
  runQueueOf,
  type SchedulerOptions,
  TaskState,
} from '../../src/host/machine.js';
import { schedule } from '../../src/host/schedule.js';
import { tryToWakeUp } from '../../src/host/try-to-wake-up.js';
import { addProgram, busy, localsOf, runHost } from './small-host.js';

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

const run = (
  processors: number,
  options: Partial<SchedulerOptions>,
  fill: (machine: HostMachine) => void,
): HostMachine => runHost({ processors, options, programs: [sleeper, busy] }, fill);

const rounds = (machine: HostMachine, task: number): number => localsOf(machine, task)['rounds'] ?? 0;

function addSleepers(machine: HostMachine, places: readonly number[][]): number[] {
  const first = machine.tasks.length;
  return places.map((allowed, index) => addProgram(machine, sleeper, allowed, { partner: first + 1 - index }));
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
      tasks = [0, 1, 2].map(() => addProgram(m, busy, [0]));
    });
    const shares = tasks.map((task) => rounds(machine, task));
    expect(Math.min(...shares)).toBeGreaterThan(0.7 * Math.max(...shares));
  });

  test('leave an idle processor idle if they may not go there', () => {
    const machine = run(2, {}, (m) => {
      addProgram(m, busy, [0]);
      addProgram(m, busy, [0]);
    });
    const { current, idle } = runQueueOf(machine, 1);
    expect(current).toBe(idle);
    expect(machine.processors[1]?.halted).toBeGreaterThan(0);
  });
});
