import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveCosts } from '../../src/engine/costs.js';
import { InputError } from '../../src/engine/errors.js';
import { costKeysOf } from '../../src/engine/routine.js';
import { loadRun, type SavedRun, saveRun } from '../../src/engine/save.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState, type RunState } from '../../src/engine/timing.js';
import { type ToyMachine, toyCosts, toyDistance, toyHooks, toyMachine, toyRoutines, toySchemas } from './ping-pong.js';
import { buildPlan, plans, type RandomMachine, randomSchemas } from './random-machine.js';

const bytes = (state: RunState<RandomMachine, never>): string => JSON.stringify(saveRun(state, randomSchemas as never));

describe('saving a run', () => {
  it('and restoring it half-way ends in the same bytes', () => {
    fc.assert(
      fc.property(plans(4, 6, true), fc.nat(60), fc.boolean(), (plan, stages, plain) => {
        const built = buildPlan(plan);
        const whole = new TimedRun(built.state(), { ...built.timed, plain });
        const half = new TimedRun(built.state(), { ...built.timed, plain });
        half.run({ stages });
        const restored = loadRun(JSON.parse(bytes(half.state as never)), randomSchemas);
        expect(bytes(restored as never)).toBe(bytes(half.state as never));
        const rest = new TimedRun(restored, { ...built.timed, plain });
        rest.run({ stages: 5000 });
        whole.run({ stages: 5000 });
        expect(bytes(rest.state as never)).toBe(bytes(whole.state as never));
      }),
    );
  });

  it('leaves out cancelled events, so that equal states give equal bytes', () => {
    // A timer is armed for ever earlier times: its dead events must not show.
    const queueOf = (arms: readonly number[]) => {
      const { state, timed } = buildPlan({
        programs: [[...arms.map((n) => ({ op: 'arm', on: 0, n }) as const), { op: 'work', on: 2, n: 3 }]],
        steps: [0, 0, 0],
        flight: 0,
        line: 0,
        jitter: 0,
        seed: 1,
      });
      const run = new TimedRun(state(), timed);
      run.run({ time: 0 });
      expect(run.state.queue.size).toBe(1 + arms.length);
      return saveRun(run.state, randomSchemas).queue;
    };
    expect(queueOf([5, 4, 3, 2, 1])).toEqual(queueOf([1]));
  });
});

describe('what has no meaning at the moment', () => {
  it('is not saved', () => {
    const { state, timed } = buildPlan({
      programs: [[{ op: 'work', on: 2, n: 3 }], [{ op: 'wait', on: 0, n: 0 }]],
      steps: [0, 0, 0],
      flight: 0,
      line: 0,
      jitter: 0,
      seed: 1,
    });
    const run = new TimedRun(state(), timed);
    run.run({ time: 0 });
    const before = saveRun(run.state, randomSchemas);
    expect(before.timing).toMatchObject({ workEnd: [60, 0], deadline: [0, 0] });
    const { timing } = run.state;
    timing.workEnd[1] = 40;
    timing.deadline[0] = 50;
    timing.message[0] = 60;
    expect(saveRun(run.state, randomSchemas)).toEqual(before);
  });
});

describe('restoring a run', () => {
  /** Two pairs of processors: a message is in flight, one processor waits on its channel, one on nothing, two run. */
  const saved = (): SavedRun => {
    const costs = resolveCosts(toyCosts, [...costKeysOf(toyRoutines), 'toy-flight']);
    const size = { channels: 4, lines: 4, seed: 1 };
    const state = createRunState<ToyMachine, { rounds: number }>(toyMachine(4), size, { rounds: 0 });
    const run = new TimedRun(state, { hooks: toyHooks, costs, distance: toyDistance });
    run.run({ time: 65 });
    return JSON.parse(JSON.stringify(saveRun(state, toySchemas)));
  };
  type Json = Record<string, Record<string, unknown[]>>;
  const rejection = (change: (json: Json) => void): string => {
    const json = saved();
    change(json as unknown as Json);
    try {
      loadRun(json, toySchemas);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    }
    return 'accepted';
  };
  const set = (part: string, list: string, index: number, value: unknown): string =>
    rejection((json) => {
      (json[part] as Record<string, unknown[]>)[list]?.splice(index, 1, value);
    });

  it('accepts what was saved', () => {
    expect(saveRun(loadRun(saved(), toySchemas), toySchemas)).toEqual(saved());
    expect(saved()).toMatchObject({
      format: 1,
      machine: {
        threads: [
          [{ at: 'toy-source.acknowledged', value: 0, left: 0, event: 0, locals: { rounds: 0 } }],
          [{ at: 'toy-target.idle' }],
          [{ at: 'toy-source.acknowledged' }],
          [{ at: 'toy-target.idle' }],
        ],
      },
      timing: { now: 60, phase: [0, -2, 2, -2], waiters: [[0], [], [2], []], messageTo: [1, 3], message: [1, 1] },
      queue: { size: 2, next: 3, time: [150, 150], sequence: [1, 2], event: [-1, -3] },
    });
  });

  it('refuses what is not a run', () => {
    const without = (part: string, name?: string): string =>
      rejection((json) => {
        if (name === undefined) delete json[part];
        else delete json[part]?.[name];
      });
    expect(rejection((json) => Object.assign(json, { format: 2 }))).toMatch(
      /^format: 2 is not a format of this version/,
    );
    expect(rejection((json) => Object.assign(json, { more: 2 }))).toBe('more: is not a field of the state');
    expect(without('timing')).toBe('timing: is missing');
    expect(without('timing', 'event')).toBe('timing.event: is missing');
  });

  it('refuses a machine that does not fit together', () => {
    const first = (saved().machine as { processors: object[] }).processors[0];
    expect(set('machine', 'processors', 0, { ...first, id: 1 })).toBe('machine.processors[0].id: is 1, not its index');
    expect(set('machine', 'timers', 0, { armed: 0, expired: 0, channel: 4 })).toBe(
      "timing.timerEvent: has 0 elements, not 1, one for each of 'timers'",
    );
  });

  it('refuses a queue that contradicts the rest', () => {
    expect(set('queue', 'time', 0, 59)).toBe('queue.time[0]: is before 60, which is now');
    expect(set('queue', 'time', 2, 200)).toBe('queue.time: has 3 elements, not 2');
    expect(set('queue', 'sequence', 0, 3)).toBe('queue.sequence[0]: 3 is not from 1 to 2');
    expect(set('queue', 'sequence', 1, 1)).toBe('queue.sequence[1]: 1 is there already');
    expect(set('queue', 'event', 0, 0)).toBe('queue.event[0]: is not the event of its processor or timer in timing');
    expect(set('queue', 'event', 0, 9)).toBe('queue.event[0]: is not the event of its processor or timer in timing');
    expect(set('queue', 'event', 0, -5)).toBe('queue.event[0]: there is no message 2, or two of it');
    expect(set('queue', 'event', 0, -3)).toBe('queue.event[1]: there is no message 1, or two of it');
    expect(set('timing', 'message', 0, 7)).toBe('queue.event[0]: its message is not in flight to its processor');
    expect(set('timing', 'messageTo', 0, 3)).toBe('queue.event[1]: its message is not in flight to its processor');
    expect(set('timing', 'messageTo', 0, 4)).toBe('timing.messageTo[0]: processors[4] does not exist (4 available)');
    expect(set('timing', 'messageTo', 2, 0)).toBe('timing.messageTo: has 3 elements, not 2');
  });

  it('refuses timing that contradicts the machine', () => {
    expect(set('timing', 'event', 0, 7)).toBe('timing.event[0]: no event of sequence 7 in the queue');
    expect(set('timing', 'event', 1, 1)).toBe('timing.phase[1]: is -2, but the processor has an event');
    expect(set('timing', 'phase', 1, -1)).toBe('timing.phase[1]: is -1, but the processor has no event');
    expect(set('timing', 'phase', 1, 0)).toBe('timing.phase[1]: is channel 0, on which the processor does not wait');
    expect(set('timing', 'phase', 0, -2)).toBe('timing.waiters: has 2 processors, but 1 wait');
    expect(set('timing', 'waiters', 1, [0])).toBe('timing.waiters: has 3 processors, but 2 wait');
    expect(set('machine', 'threads', 1, [])).toBe('accepted');
    const stage = { at: 'toy-source.prepare', value: 0, left: 0, event: 0, locals: { rounds: 0 } };
    expect(set('machine', 'threads', 1, [stage])).toBe(
      'timing.phase[1]: is -2, which does not go with the next stage of the thread',
    );
    expect(set('timing', 'random', 1, [0, 0, 0, 0])).toBe(
      'timing.random[1]: is all 0, which is no state of a generator',
    );
  });

  it('refuses a timer that contradicts its event', () => {
    const { state, timed } = buildPlan({
      programs: [[{ op: 'arm', on: 0, n: 5 }]],
      steps: [0, 0, 0],
      flight: 0,
      line: 0,
      jitter: 0,
      seed: 1,
    });
    const run = new TimedRun(state(), timed);
    run.run({ time: 0 });
    const json = saveRun(run.state, randomSchemas);
    expect(loadRun(json, randomSchemas).queue.time).toEqual([35]);
    (json.machine as { timers: object[] }).timers[0] = { armed: 0, expired: 0, channel: -1 };
    expect(() => loadRun(json, randomSchemas)).toThrow('queue.event[0]: its timer is not armed');
    (json.machine as { timers: object[] }).timers[0] = { armed: 1, expired: 0, channel: 5 };
    expect(() => loadRun(json, randomSchemas)).toThrow(
      'machine.timers[0].channel: there is no channel 5 (5 available)',
    );
  });
});
