import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { saveRun } from '../../src/engine/save.js';
import { TimedRun } from '../../src/engine/timed.js';
import type { RunState } from '../../src/engine/timing.js';
import { buildPlan, type Log, plans, type RandomMachine, randomSchemas } from './random-machine.js';

const anyPlan = plans(4, 6, true);
const enough = { stages: 5000 };

const saved = (state: RunState<RandomMachine, Log>) => saveRun(state, randomSchemas);

describe('a timed run', () => {
  it('ends in the same state whether stages are merged or not', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const merged = new TimedRun(built.state(), built.timed);
        const plain = new TimedRun(built.state(), { ...built.timed, plain: true, checkWaits: true });
        expect(merged.run(enough)).toBe(plain.run(enough));
        expect(saved(merged.state)).toEqual(saved(plain.state));
        expect(merged.stages).toBe(plain.stages);
      }),
    );
  });
});
