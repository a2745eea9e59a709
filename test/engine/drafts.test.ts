import fc from 'fast-check';
import { createDraft, finishDraft, produce, setAutoFreeze } from 'immer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enabledActions, perform } from '../../src/engine/actions.js';
import { saveRun } from '../../src/engine/save.js';
import { TimedRun } from '../../src/engine/timed.js';
import { Untimed } from '../../src/engine/untimed.js';
import { buildPlan, observeWithoutTime, plans, randomHooks, randomSchemas } from './random-machine.js';

// In a file of its own, and so in a process of its own: once stages have run on drafts, all later runs of the process are slow.

describe('functions that change state are recipes', () => {
  beforeAll(() => setAutoFreeze(false));
  afterAll(() => setAutoFreeze(true));

  it('a timed run of a draft ends in the same bytes', () => {
    fc.assert(
      fc.property(plans(3, 4, true), (plan) => {
        const built = buildPlan(plan);
        const plain = new TimedRun(built.state(), built.timed);
        plain.run({ stages: 1000 });
        const draft = createDraft(built.state());
        new TimedRun(draft, built.timed).run({ stages: 1000 });
        expect(saveRun(finishDraft(draft), randomSchemas)).toEqual(saveRun(plain.state, randomSchemas));
      }),
    );
  });

  it('an action on a draft leads to the same state, and leaves the one before as it was', () => {
    fc.assert(
      fc.property(plans(3, 4, false), fc.infiniteStream(fc.nat()), (plan, choices) => {
        const built = buildPlan(plan);
        const untimed = new Untimed({ hooks: randomHooks, observe: observeWithoutTime });
        const state = { machine: built.machine(), observers: built.log() };
        untimed.begin(state);
        let before = structuredClone(state);
        for (let step = 0; step < 50; step++) {
          const actions = enabledActions(untimed, state.machine);
          const action = actions[(choices.next().value as number) % actions.length];
          if (action === undefined) break;
          const copy = structuredClone(before);
          const after = produce(before, (draft) => {
            perform(untimed, draft, action);
          });
          expect(before).toEqual(copy);
          perform(untimed, state, action);
          expect(after).toEqual(state);
          before = after;
        }
      }),
    );
  });
});
