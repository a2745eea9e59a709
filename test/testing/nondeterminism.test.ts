import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadRun, saveRun } from '../../src/engine/save.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createMachine, restoreMachine } from '../../src/scenarios/machine.js';
import type { MachineInput } from '../../src/scenarios/schema.js';
import { findNondeterminism, type SavableRun } from '../../src/testing/nondeterminism.js';
import { buildPlan, plans, randomSchemas } from '../engine/random-machine.js';

const input: MachineInput = { jitter: 0.2, workload: { kind: 'vmexit', test: 'ipi_halt', iterations: 200 } };

/** A run that shows only a number. */
function counter(next: (old: number) => number, start = 0): SavableRun {
  let value = start;
  return {
    run: () => {
      value = next(value);
    },
    save: () => ({ list: [1, { value }] }),
  };
}

describe('a check for nondeterminism', () => {
  it('finds none in whole machines', () => {
    expect(findNondeterminism(() => createMachine(input), restoreMachine, { stages: 6000 })).toBeUndefined();
  });

  it('finds none in random programs', () => {
    fc.assert(
      fc.property(plans(3, 5, true), (plan) => {
        const built = buildPlan(plan);
        const runOf = (state: ReturnType<typeof built.state>): SavableRun => {
          const run = new TimedRun(state, built.timed);
          return { run: (limit) => run.run(limit), save: () => saveRun(run.state, randomSchemas) };
        };
        const restore = (saved: unknown) => runOf(loadRun(saved, randomSchemas));
        expect(findNondeterminism(() => runOf(built.state()), restore, { stages: 60, pieces: 5 })).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });

  it('finds state that is kept outside of the machine', () => {
    let outside = 0;
    expect(
      findNondeterminism(
        () => counter((old) => old + outside++),
        () => counter(Number),
      ),
    ).toEqual({
      how: 'again',
      stages: 2500,
      path: 'list[1].value',
      first: 0,
      second: 1,
    });
  });

  it('finds state that is not saved', () => {
    const restore = (saved: unknown): SavableRun => {
      const { value } = (saved as { list: [number, { value: number }] }).list[1];
      return counter((old) => old * 2, value);
    };
    expect(findNondeterminism(() => counter((old) => old + 1), restore, { stages: 10, pieces: 5 })).toEqual({
      how: 'restored',
      stages: 2,
      path: 'list[1].value',
      first: 1,
      second: 0,
    });
  });

  it('tells lists from objects, and what is missing', () => {
    const shows = (...saves: unknown[]) => {
      let made = 0;
      const create = (): SavableRun => {
        const saved = saves[Math.min(made++, saves.length - 1)];
        return { run: () => {}, save: () => saved };
      };
      return findNondeterminism(create, create);
    };
    expect(shows({ a: [1] }, { a: { 0: 1 } })).toMatchObject({ path: 'a', first: [1], second: { 0: 1 } });
    expect(shows({ a: 1 }, {})).toMatchObject({ path: 'a', first: 1, second: undefined });
    expect(shows({ a: [1, 2] }, { a: [1] })).toMatchObject({ path: 'a[1]', first: 2, second: undefined });
    expect(shows({ a: null }, { a: 0 })).toMatchObject({ path: 'a', first: null, second: 0 });
    expect(shows({ a: 'x' })).toBeUndefined();
  });
});
