import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, actionName, enabledActions, perform } from '../../src/engine/actions.js';
import { stageOf, topFrame } from '../../src/engine/frames.js';
import { StageType } from '../../src/engine/routine.js';
import { difference } from '../../src/engine/schema.js';
import type { Thread } from '../../src/engine/state.js';
import { Untimed, type UntimedState } from '../../src/engine/untimed.js';
import {
  buildPlan,
  type Log,
  observeWithoutTime,
  plans,
  type RandomMachine,
  type RandomProcessor,
  randomHooks,
  randomSchemas,
} from './random-machine.js';

type Run = UntimedState<RandomMachine, Log>;
const untimed = new Untimed<RandomMachine, RandomProcessor, Log>({ hooks: randomHooks, observe: observeWithoutTime });

/** True if the action is a local stage (and whatever local ones are merged with it). */
function isLocal({ machine }: Run, action: Action): boolean {
  if (action.kind !== 'stage') return false;
  const cpu = machine.processors[action.of] as RandomProcessor;
  const frame = topFrame(machine.threads[cpu.thread] as Thread);
  return frame !== undefined && stageOf(frame).type === StageType.ordinary && stageOf(frame).local;
}

/** The processor that an action is about. */
function processorOf({ machine }: Run, { kind, of }: Action): number {
  return kind === 'expiry' ? of % machine.processors.length : of;
}

describe('a local stage', () => {
  it('can change places with whatever other processors do', () => {
    let swaps = 0;
    fc.assert(
      fc.property(plans(4, 8, false), fc.infiniteStream(fc.nat()), (plan, choices) => {
        const built = buildPlan(plan);
        const state: Run = { machine: built.machine(), observers: built.log() };
        untimed.begin(state);
        for (let step = 0; step < 60; step++) {
          const actions = enabledActions(untimed, state.machine);
          const local = actions.find((action) => isLocal(state, action));
          const others = actions.filter((action) => local !== undefined && processorOf(state, action) !== local.of);
          for (const other of others) {
            if (local === undefined) break;
            const [first, second] = [structuredClone(state), structuredClone(state)];
            perform(untimed, first, local);
            perform(untimed, first, other);
            perform(untimed, second, other);
            perform(untimed, second, local);
            expect(difference(randomSchemas.machine, first.machine, second.machine)).toEqual([]);
            expect(first.observers).toEqual(second.observers);
            swaps++;
          }
          const chosen = actions[(choices.next().value as number) % actions.length];
          if (chosen === undefined) break;
          perform(untimed, state, chosen);
        }
      }),
    );
    expect(swaps).toBeGreaterThan(100);
  });
});

describe('an event that comes while a processor rests', () => {
  const noCosts = { steps: [0, 0, 0], flight: 0, line: 0, jitter: 0, seed: 1 };

  it('is recognised at once, or after the stage that had begun', () => {
    const built = buildPlan({
      ...noCosts,
      programs: [
        [
          { op: 'send', on: 0, n: 3 },
          { op: 'look', n: 0 },
        ],
      ],
    });
    const state: Run = { machine: built.machine(), observers: built.log() };
    untimed.begin(state);
    const possible = () => enabledActions(untimed, state.machine).map((action) => actionName(state.machine, action));
    const act = (kind: Action['kind']) => {
      const action = enabledActions(untimed, state.machine).find((candidate) => candidate.kind === kind);
      if (action !== undefined) perform(untimed, state, action);
    };
    act('stage');
    expect(possible()).toEqual([expect.stringMatching(/^p0 .*\.look-1$/), 'message 3 reaches p0']);
    act('arrival');
    expect(possible()).toEqual([
      expect.stringMatching(/^p0 .*\.look-1$/),
      expect.stringMatching(/^p0 recognises an event before .*\.look-1$/),
    ]);
    act('stage');
    // What was pending when the processor came to the next boundary has been recognised there, and its local stages done.
    expect(possible()).toEqual(['p0 random-handler.tell']);
  });

  it('is not taken while it cannot be, and then nothing has happened', () => {
    const built = buildPlan({ ...noCosts, programs: [[{ op: 'look', n: 0 }]] });
    const state: Run = { machine: built.machine(), observers: built.log() };
    untimed.begin(state);
    const cpu = state.machine.processors[0] as RandomProcessor;
    cpu.attention = 1;
    expect(perform(untimed, state, { kind: 'event', of: 0, detail: 0 })).toBe(false);
  });
});

describe('what can happen next', () => {
  it('is in an order that the state alone decides; of equal messages, one can arrive', () => {
    const built = buildPlan({
      steps: [0, 0, 0],
      flight: 0,
      line: 0,
      jitter: 0,
      seed: 1,
      programs: [[5, 1, 5].map((n) => ({ op: 'send', on: 1, n })), [{ op: 'arm', on: 1, n: 1 }]],
    });
    const state: Run = { machine: built.machine(), observers: built.log() };
    untimed.begin(state);
    for (const of of [0, 0, 0, 1]) perform(untimed, state, { kind: 'stage', of, detail: 0 });
    expect(state.machine.processors[1]?.inFlight).toEqual([1, 5, 5]);
    const reused: Action[] = [{ kind: 'drain', of: 9, detail: 9 }];
    expect(enabledActions(untimed, state.machine, undefined, reused)).toBe(reused);
    expect(reused).toEqual([
      { kind: 'stage', of: 0, detail: 0 },
      { kind: 'stage', of: 1, detail: 0 },
      { kind: 'arrival', of: 1, detail: 1 },
      { kind: 'arrival', of: 1, detail: 5 },
      { kind: 'expiry', of: 1, detail: 0 },
    ]);
    expect(actionName(state.machine, { kind: 'expiry', of: 1, detail: 0 })).toBe('timer 1 expires');
    expect(actionName(state.machine, { kind: 'drain', of: 1, detail: 0 })).toBe('p1 drains a store');
    state.machine.threads[1] = [];
    expect(actionName(state.machine, { kind: 'event', of: 1, detail: 0 })).toBe('p1 recognises an event before idle');
  });
});

describe('a message', () => {
  it('must be in flight to arrive', () => {
    const built = buildPlan({ steps: [0, 0, 0], flight: 0, line: 0, jitter: 0, seed: 1, programs: [[]] });
    const state: Run = { machine: built.machine(), observers: built.log() };
    expect(() => perform(untimed, state, { kind: 'arrival', of: 0, detail: 4 })).toThrow(
      'processor 0: message 4 arrives but was not in flight',
    );
    expect(() => perform(untimed, state, { kind: 'expiry', of: 9, detail: 0 })).toThrow(
      'timer 9: expires but does not exist',
    );
  });
});
