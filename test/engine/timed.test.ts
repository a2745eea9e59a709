import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { saveRun } from '../../src/engine/save.js';
import { TimedRun } from '../../src/engine/timed.js';
import { buildPlan, plans, randomSchemas } from './random-machine.js';

const anyPlan = plans(4, 6, true);
const enough = { stages: 5000 };

/** What must not depend on how the run was carried out: all but the numbers by which events of equal time are ordered. */
function outcome(state: Parameters<typeof saveRun>[0]) {
  const { machine, timing, observers } = saveRun(state as never, randomSchemas);
  const { event: _event, timerEvent: _timerEvent, ...rest } = timing as Record<string, unknown>;
  return { machine, timing: rest, observers };
}

describe('a timed run', () => {
  it('ends in the same state whether stages are merged or not', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const merged = new TimedRun(built.state(), built.timed);
        const plain = new TimedRun(built.state(), { ...built.timed, plain: true, checkWaits: true });
        expect(merged.run(enough)).toBe(plain.run(enough));
        expect(outcome(merged.state)).toEqual(outcome(plain.state));
        expect(merged.stages).toBe(plain.stages);
      }),
    );
  });
});
void assert;
