import { describe, expect, test } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { shared } from '../../src/engine/routine.js';
import { FairClass, host, runQueueOf, type SchedulerOptions } from '../../src/host/machine.js';
import { schedule } from '../../src/host/schedule.js';
import { yieldTo } from '../../src/host/yield-to.js';
import { addProgram, busy, localsOf, runHost } from './small-host.js';

const { program, stage, glue } = host;

/** A task that gives its turn to another at once, then works on. */
const yielder = program('test_yielder', () => ({ to: 0, result: -9, rounds: 0 }), [
  stage('start', 'contextSwitch', shared, () => {}),
  glue('yield_to', (m, cpu, f) => {
    call(m, cpu, yieldTo).task = f.to;
  }),
  glue('yielded', (_m, _cpu, f, result) => {
    f.result = result;
  }),
  stage('work', 'contextSwitch', shared, (_m, _cpu, f) => {
    f.rounds++;
  }),
  stage('exit-to-user', 'idleLoop', shared, (m, cpu) => {
    if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule).preempt = 1;
  }),
  glue('again', () => 'work', { to: ['work'] }),
]);

interface Place {
  readonly own: readonly number[];
  readonly other: readonly number[];
  /** One more task, where the other is. */
  readonly third?: readonly number[];
}

/** Rounds that each has worked when the host has run for `time` cycles, and what `yield_to` came to. */
function yields({ own, other, third }: Place, time: number, options: Partial<SchedulerOptions> = {}) {
  let tasks: number[] = [];
  const machine = runHost(
    { processors: 2, programs: [busy, yielder], options, run: { checkWaits: false }, time },
    (m) => {
      const first = m.tasks.length;
      tasks = [addProgram(m, yielder, own, { to: first + (third === undefined ? 1 : 2) })];
      if (third !== undefined) tasks.push(addProgram(m, busy, third));
      tasks.push(addProgram(m, busy, other));
    },
  );
  const [caller = 0, ...others] = tasks.map((task) => localsOf(machine, task));
  return {
    result: (caller as Record<string, number>)['result'],
    caller: (caller as Record<string, number>)['rounds'] ?? 0,
    others: others.map((locals) => (locals as Record<string, number>)['rounds'] ?? 0),
  };
}

describe('yield_to', () => {
  test('lets the one that was named run next, before another that has waited as long', () => {
    // Three on one processor; the caller names the last.
    const { caller, others } = yields({ own: [0], third: [0], other: [0] }, 15_000);
    expect(caller).toBe(0);
    expect(others[0]).toBe(0);
    expect(others[1]).toBeGreaterThan(0);
  });

  test('gives the caller its turn back', () => {
    const { result, caller } = yields({ own: [0], third: [0], other: [0] }, 1_000_000);
    expect(result).toBe(1);
    expect(caller).toBeGreaterThan(0);
  });

  test('does nothing where both processors have one task only: -ESRCH', () => {
    expect(yields({ own: [0], other: [1] }, 10_000).result).toBe(-3);
  });

  test('does nothing for one that runs already', () => {
    // The other is alone on its processor and runs; on the caller's own somebody waits.
    expect(yields({ own: [0], third: [0], other: [1] }, 10_000).result).toBe(0);
  });

  test('makes another processor switch to the one that waits there', () => {
    // On processor 1 the third runs, the other waits: a slice of 20,000 cycles is not over.
    const { result, caller, others } = yields({ own: [0], third: [1], other: [1] }, 15_000);
    expect(result).toBe(1);
    expect(others[1]).toBeGreaterThan(0);
    // The caller had nobody to give its own processor to.
    expect(caller).toBeGreaterThan(others[1] ?? 0);
  });

  test('with EEVDF puts off what the caller asked for, and names nobody', () => {
    const { result, caller, others } = yields({ own: [0], third: [0], other: [0] }, 15_000, {
      fairClass: FairClass.eevdf,
    });
    expect(result).toBe(-9);
    expect(caller).toBe(0);
    expect(Math.max(...others)).toBeGreaterThan(0);
  });
});
