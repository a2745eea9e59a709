import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ExploreCounts,
  type ExploreOptions,
  explore,
  type Invariant,
  noDeadlock,
} from '../../src/engine/explored.js';
import { within } from '../../src/engine/frames.js';
import type { Routine } from '../../src/engine/routine.js';
import { parseSchedule } from '../../src/engine/schedule.js';
import { runScheduled } from '../../src/engine/scheduled.js';
import { replayScheduler } from '../../src/engine/scheduler.js';
import { record, register } from '../../src/engine/schema-values.js';
import type { Processor } from '../../src/engine/state.js';
import { TimedRun } from '../../src/engine/timed.js';
import {
  broken,
  increment,
  liar,
  lockedIncrement,
  type MemoryMachine,
  memoryHooks,
  memoryMachine,
  memorySchemas,
  spinIfSet,
} from './memory-machine.js';
import { exploreNaively } from './naive-explorer.js';
import {
  type Built,
  buildPlan,
  costsOf,
  type Log,
  observeWithoutTime,
  plans,
  type RandomMachine,
  randomHooks,
  randomSchemas,
} from './random-machine.js';

/** A machine without what belongs to time, as a string. */
function fingerprint(machine: RandomMachine, log: Log): string {
  for (const thread of machine.threads) for (const frame of thread) frame.left = 0;
  return JSON.stringify([randomSchemas.machine.save(machine), log]);
}

const noCosts = { steps: [0, 0, 0], flight: 0, line: 0, jitter: 0, seed: 1 };

const lostUpdate: Invariant<MemoryMachine, unknown> = {
  name: 'no-update-is-lost',
  holds: ({ memory, processors }) => memory[0] === processors.length,
};

/** All interleavings of processors that each run one routine. */
function exploreMemory(routines: readonly Routine[], more: Partial<ExploreOptions<MemoryMachine, Processor, object>>) {
  return explore(
    { machine: memoryMachine(routines), observers: {} },
    { hooks: memoryHooks, schemas: memorySchemas, ...more },
  );
}

/** The words of each state in the order of their numbers, of each final state in the order in which they were looked at. */
function wordsSeen(built: Built, limit: number, plain = false) {
  const states: string[] = [];
  const finals: string[] = [];
  const wordsOf = (machine: RandomMachine, log: Log): string => {
    const words = new Int32Array(10_000);
    const end = randomSchemas.observers.encode(log, words, randomSchemas.machine.encode(machine, words, 0));
    return words.subarray(0, end).join();
  };
  const noted = (into: string[]): Invariant<RandomMachine, Log> => ({
    name: 'note',
    holds: (machine, log) => into.push(wordsOf(machine, log)) > 0,
  });
  const options = { hooks: randomHooks, schemas: randomSchemas, observe: observeWithoutTime, plain };
  const state = { machine: built.machine(), observers: built.log() };
  const result = explore(state, {
    ...options,
    limits: { states: limit },
    invariants: [noted(states)],
    finally: [noted(finals)],
  });
  return { options, state, result, states, finals };
}

describe('an explored run', () => {
  it('sees the same states in the same order as one that copies every state', () => {
    let finished = 0;
    fc.assert(
      fc.property(plans(3, 3, false), (plan) => {
        const built = buildPlan(plan);
        const { options, state, result, states, finals } = wordsSeen(built, 300);
        if (!result.complete) return;
        finished++;
        const naive: string[] = [];
        const expected = exploreNaively(state, options, (words) => naive.push(words));
        expect({ ...result, finals }).toEqual(expected);
        expect(states).toEqual(naive);
      }),
    );
    expect(finished).toBeGreaterThan(30);
  });

  it('comes to the same whether it remembers what was done or carries everything out again', () => {
    const sumBelow = (limit: number): Invariant<RandomMachine, Log> => ({
      name: `sum-below-${limit}`,
      holds: ({ cells }) => cells.reduce((sum, cell) => sum + cell, 0) < limit,
    });
    const quiet: Invariant<RandomMachine, Log> = {
      name: 'quiet',
      holds: ({ threads, processors }) => processors.some(({ thread }) => (threads[thread]?.length ?? 0) < 3),
    };
    let broken = 0;
    fc.assert(
      fc.property(plans(3, 3, false), fc.integer({ min: 1, max: 8 }), (plan, limit) => {
        const built = buildPlan(plan);
        const [remembered, plain] = [true, false].map((remember) =>
          explore(
            { machine: built.machine(), observers: built.log() },
            {
              hooks: randomHooks,
              schemas: randomSchemas,
              observe: observeWithoutTime,
              limits: { states: 1000 },
              invariants: [quiet, sumBelow(limit)],
              finally: [sumBelow(limit - 1)],
              comesToRest: 'rest',
              remember,
            },
          ),
        );
        if (plain?.violation !== undefined) broken++;
        expect(remembered).toEqual(plain);
      }),
    );
    expect(broken).toBeGreaterThan(10);
  });

  it('comes to the same ends whether local stages are merged or not, by way of the same states and more', () => {
    let finished = 0;
    let merged = 0;
    fc.assert(
      fc.property(plans(2, 4, false), (plan) => {
        const built = buildPlan(plan);
        const short = wordsSeen(built, 300);
        if (!short.result.complete) return;
        const long = wordsSeen(built, 10_000, true);
        if (!long.result.complete) return;
        finished++;
        if (long.result.states > short.result.states) merged++;
        expect(new Set(short.finals)).toEqual(new Set(long.finals));
        const all = new Set(long.states);
        expect(short.states.filter((state) => !all.has(state))).toEqual([]);
      }),
    );
    expect(finished).toBeGreaterThan(30);
    expect(merged).toBeGreaterThan(10);
  });

  it('finds every state in which a timed run can end, whatever the stages cost', () => {
    let complete = 0;
    fc.assert(
      fc.property(plans(3, 3, false), fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }), (plan, steps) => {
        const built = buildPlan(plan);
        const finals = new Set<string>();
        const { complete: all } = explore(
          { machine: built.machine(), observers: built.log() },
          {
            hooks: randomHooks,
            schemas: randomSchemas,
            observe: observeWithoutTime,
            limits: { states: 20_000 },
            finally: [{ name: 'note', holds: (machine, log) => finals.add(fingerprint(machine, log)) !== undefined }],
          },
        );
        if (!all) return;
        complete++;
        for (const costs of [plan.steps, steps, [0, 0, 0], [1, 30, 3]]) {
          const run = new TimedRun(built.state(), {
            ...built.timed,
            costs: costsOf({ ...plan, steps: costs }),
            observe: (log, _time, p, kind, a, b) => observeWithoutTime(log, p, kind, a, b),
          });
          expect(run.run({ stages: 5000 })).toBe('quiescent');
          expect(finals).toContain(fingerprint(run.state.machine, run.state.observers));
        }
      }),
    );
    expect(complete).toBeGreaterThan(50);
  });

  it('finds an update that is lost, by a shortest schedule, which can be replayed', () => {
    const { complete, violation } = exploreMemory([increment, increment], { finally: [lostUpdate] });
    expect(complete).toBe(false);
    expect(violation).toEqual({
      invariant: 'no-update-is-lost',
      schedule: 'p0*2 p1 p0 p1*2',
      trace: [
        'p0 memory-increment.read',
        'p0 memory-increment.add',
        'p1 memory-increment.read',
        'p0 memory-increment.write',
        'p1 memory-increment.add',
        'p1 memory-increment.write',
      ],
    });
    const machine = memoryMachine([increment, increment]);
    const replay = replayScheduler(parseSchedule(violation?.schedule ?? ''));
    const { end, schedule } = runScheduled({ machine, observers: {} }, { hooks: memoryHooks }, replay);
    expect([end, schedule]).toEqual(['quiescent', violation?.schedule]);
    expect(lostUpdate.holds(machine, {})).toBe(false);
  });

  it('merges local stages across boundaries at which no event can come', () => {
    const apart = exploreMemory([increment, increment], {});
    const merged = exploreMemory([increment, increment], { interruptible: () => false, finally: [lostUpdate] });
    expect(apart).toEqual({ complete: true, states: 21, edges: 28, depth: 6 });
    expect(merged.violation?.schedule).toBe('p0 p1 p0 p1');
    expect(exploreMemory([increment, increment], { interruptible: () => false })).toEqual({
      complete: true,
      states: 12,
      edges: 14,
      depth: 4,
    });
  });

  it('is silent if no schedule breaks an invariant', () => {
    const locked = Array.from({ length: 3 }, () => lockedIncrement);
    const mutual: Invariant<MemoryMachine, unknown> = {
      name: 'one-at-a-time',
      holds: ({ threads }) => threads.filter(within(increment)).length <= 1,
    };
    const result = exploreMemory(locked, { invariants: [mutual], finally: [lostUpdate, noDeadlock] });
    expect(result).toMatchObject({ complete: true });
    expect(result.states).toBeGreaterThan(100);
    expect(exploreMemory([increment, increment], { invariants: [mutual] }).violation?.schedule).toBe('');
  });

  it('finds what never comes to rest, and does not mistake a way round for it', () => {
    const options = { comesToRest: 'rest' };
    // Every state of the two increments leads to an end.
    expect(exploreMemory([increment, increment], options)).toMatchObject({ complete: true });
    // Who looks in time ends; who comes late goes round for ever.
    const { complete, violation } = exploreMemory([increment, spinIfSet], options);
    expect(complete).toBe(false);
    expect(violation).toMatchObject({ invariant: 'rest', schedule: 'p0*3' });
    expect(exploreMemory([increment, spinIfSet], {})).toMatchObject({ complete: true });
  });

  it('finds a deadlock', () => {
    const machine = memoryMachine([lockedIncrement]);
    machine.memory[1] = 1;
    const options = { hooks: memoryHooks, schemas: memorySchemas, finally: [noDeadlock] };
    const { violation } = explore({ machine, observers: {} }, options);
    expect(violation).toEqual({ invariant: 'no-deadlock', schedule: '', trace: [] });
  });

  it('reports an InternalError as a violation', () => {
    const { violation } = exploreMemory([increment, broken], {});
    expect(violation).toEqual({
      invariant: "memory-broken.fail: goes to 'nowhere', which it does not list",
      schedule: 'p1',
      trace: ["memory-broken.fail: goes to 'nowhere', which it does not list"],
    });
  });

  it('reports a stage that is declared local and is not', () => {
    expect(exploreMemory([liar], {}).violation).toMatchObject({
      invariant: 'memory-liar.tell: is declared local but sends, notifies or arms a timer',
      schedule: 'p0',
    });
  });

  it('explores what only the machine itself knows can happen', () => {
    const { violation } = exploreMemory([increment], {
      actions: {
        names: ['bit-flip'],
        enabled: ({ memory }, add) => {
          if (memory[0] === 1) add(0, 7);
        },
        perform: (machine, _which, detail) => {
          machine.memory[0] = detail;
        },
      },
      finally: [lostUpdate],
    });
    expect(violation).toEqual({
      invariant: 'no-update-is-lost',
      schedule: 'p0*3 bit-flip:7',
      trace: ['p0 memory-increment.read', 'p0 memory-increment.add', 'p0 memory-increment.write', 'bit-flip 7'],
    });
  });

  it('traces arrivals, recognition and expiry', () => {
    const built = buildPlan({ ...noCosts, programs: [[{ op: 'send', on: 1, n: 3 }], [{ op: 'wait', on: 0, n: 0 }]] });
    const { violation } = explore(
      { machine: built.machine(), observers: built.log() },
      {
        hooks: randomHooks,
        schemas: randomSchemas,
        invariants: [{ name: 'nobody-handles', holds: ({ cells }) => cells[0] === 0 }],
      },
    );
    expect(violation?.schedule).toBe('p0 m1:3 e1 p1');
    expect(violation?.trace).toEqual([
      expect.stringMatching(/^p0 random-\d+\.send-0$/),
      'message 3 reaches p1',
      expect.stringMatching(/^p1 recognises an event before random-\d+\.first$/),
      'p1 random-entry.save',
      'p1 random-entry.vector',
      'p1 random-handler.body',
      'p1 random-handler.tell',
    ]);
  });

  it('keeps what checks remember apart', () => {
    const built = buildPlan({ ...noCosts, programs: [[{ op: 'observe', n: 1 }], [{ op: 'observe', n: 2 }]] });
    const { states } = explore(
      { machine: built.machine(), observers: { sum: 0 } },
      {
        hooks: randomHooks,
        schemas: { machine: randomSchemas.machine, observers: record({ sum: register }) },
        observe: (observers, _p, kind) => {
          observers.sum = 10 * observers.sum + kind;
        },
      },
    );
    // Each is before its observation, behind it, or at its end. Where both are behind it, the order makes two of one.
    expect(states).toBe(3 * 3 + 2 * 2);
  });

  it('ends at its limits', () => {
    const locked = Array.from({ length: 3 }, () => lockedIncrement);
    expect(exploreMemory(locked, { limits: { states: 20 } })).toMatchObject({
      complete: false,
      limit: 'states',
      states: 21,
    });
    expect(exploreMemory(locked, { limits: { depth: 2 } })).toMatchObject({
      complete: false,
      limit: 'depth',
      depth: 2,
    });
    expect(exploreMemory(locked, { limits: { bytes: 1 } })).toMatchObject({ complete: false, limit: 'bytes' });
    const seen: ExploreCounts[] = [];
    const progress = (counts: ExploreCounts) => seen.push(counts) < 1;
    expect(exploreMemory(locked, { progress })).toMatchObject({ complete: false, limit: 'progress' });
    expect(seen).toEqual([{ states: 1, edges: 0, depth: 0 }]);
  });

  it('finds the same final states as going through every schedule one by one', () => {
    const routines = [lockedIncrement, increment];
    const explored = new Set<string>();
    const note: Invariant<MemoryMachine, unknown> = {
      name: 'note',
      holds: (machine) => explored.add(JSON.stringify(memorySchemas.machine.save(machine))).size > 0,
    };
    expect(exploreMemory(routines, { finally: [note] }).complete).toBe(true);
    const { finals, schedules } = everySchedule(() => memoryMachine(routines));
    expect([...finals].sort()).toEqual([...explored].sort());
    expect(schedules).toBeGreaterThan(50);
  });
});

/** Goes through all schedules of a machine that comes to an end in each, without remembering states. */
function everySchedule(create: () => MemoryMachine): { finals: Set<string>; schedules: number } {
  const finals = new Set<string>();
  const path: { choice: number; of: number }[] = [];
  let schedules = 0;
  do {
    let step = 0;
    const machine = create();
    const next = (actions: readonly unknown[]): number => {
      path[step] ??= { choice: 0, of: actions.length };
      return path[step++]?.choice ?? 0;
    };
    runScheduled({ machine, observers: {} }, { hooks: memoryHooks }, { next });
    finals.add(JSON.stringify(memorySchemas.machine.save(machine)));
    schedules++;
    for (let last = path.at(-1); last !== undefined && ++last.choice === last.of; last = path.at(-1)) path.pop();
  } while (path.length > 0);
  return { finals, schedules };
}
