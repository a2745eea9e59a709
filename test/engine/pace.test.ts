import { expect, test } from 'vitest';
import { resolveCosts } from '../../src/engine/costs.js';
import { costKeysOf } from '../../src/engine/routine.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import { toyCosts, toyDistance, toyHooks, toyMachine, toyRoutines } from './ping-pong.js';

/** Cycles for so many stages, with every stage's cost multiplied. */
function elapsed(factor?: number): number {
  const size = { channels: 2, lines: 2, seed: 1 };
  const run = new TimedRun(createRunState(toyMachine(2), size, { rounds: 0 }), {
    hooks: toyHooks,
    costs: resolveCosts(toyCosts, [...costKeysOf(toyRoutines), 'toy-flight']),
    distance: toyDistance,
    plain: true,
    ...(factor === undefined ? {} : { pace: () => factor }),
  });
  run.run({ stages: 2000 });
  return run.state.timing.now;
}

test('a pace multiplies the costs of stages', () => {
  expect(elapsed(1)).toBe(elapsed());
  expect(elapsed(3)).toBeGreaterThan(1.5 * elapsed());
});
