import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/engine/actions.js';
import { InputError } from '../../src/engine/errors.js';
import { parseSchedule, scheduleText } from '../../src/engine/schedule.js';
import { runScheduled } from '../../src/engine/scheduled.js';
import {
  firstScheduler,
  pctScheduler,
  randomScheduler,
  replayScheduler,
  type Scheduler,
} from '../../src/engine/scheduler.js';
import type { Processor } from '../../src/engine/state.js';
import { increment, type MemoryMachine, memoryHooks, memoryMachine } from './memory-machine.js';
import { buildPlan, observeWithoutTime, plans, randomHooks, randomSchemas } from './random-machine.js';

const own = { names: ['preempt', 'migrate-to'] };

describe('a schedule', () => {
  it('prints as one short string', () => {
    const stage = (of: number): Action => ({ kind: 'stage', of, detail: 0 });
    const schedule: Action[] = [
      stage(0),
      stage(0),
      stage(0),
      { kind: 'arrival', of: 1, detail: 7 },
      { kind: 'event', of: 1, detail: 0 },
      stage(1),
      { kind: 'expiry', of: 2, detail: 0 },
      { kind: 'drain', of: 0, detail: 0 },
      { kind: 'machine', of: 0, detail: 1 },
      { kind: 'machine', of: 1, detail: 1 },
    ];
    expect(scheduleText(schedule, own)).toBe('p0*3 m1:7 e1 p1 t2 d0 preempt:1 migrate-to:1');
    expect(parseSchedule('p0*3 m1:7 e1 p1 t2 d0 preempt:1 migrate-to:1', own)).toEqual(schedule);
    expect(scheduleText([])).toBe('');
    expect(parseSchedule('')).toEqual([]);
  });

  it('is read back from its string, whatever it is', () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constantFrom('stage', 'event', 'expiry', 'drain'),
        of: fc.nat(3),
        detail: fc.constant(0),
      }),
      fc.record({ kind: fc.constant('arrival'), of: fc.nat(3), detail: fc.nat(3) }),
      fc.record({ kind: fc.constant('machine'), of: fc.nat(1), detail: fc.nat(3) }),
    ) as fc.Arbitrary<Action>;
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (schedule) => {
        expect(parseSchedule(scheduleText(schedule, own), own)).toEqual(schedule);
      }),
    );
  });

  it('is checked', () => {
    const rejection = (text: string): string => {
      try {
        parseSchedule(text, own);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return (error as InputError).message;
      }
      return 'accepted';
    };
    expect(rejection('p0 p')).toMatch(/^schedule\[1\]: "p" is not an action such as p0/);
    expect(rejection('p0 m1')).toMatch(/^schedule\[1\]: "m1" is not an action/);
    expect(rejection('p0 p1*0')).toMatch(/^schedule\[1\]: "p1\*0" is not/);
    expect(rejection('p0 sleep:1')).toBe("schedule[1]: this machine has no action 'sleep'");
  });
});

describe('a scheduled run', () => {
  const run = (scheduler: Scheduler, machine: MemoryMachine = memoryMachine([increment, increment])) => {
    const names: string[] = [];
    const options = { hooks: memoryHooks, onAction: (_action: Action, name: string) => names.push(name) };
    return { ...runScheduled({ machine, observers: {} }, options, scheduler), machine, names };
  };

  it('runs one processor after the other if the first action is always taken', () => {
    const { end, schedule, steps, machine, names } = run(firstScheduler());
    expect([end, schedule, steps, machine.memory]).toEqual(['quiescent', 'p0*3 p1*3', 6, [2, 0]]);
    expect(names.slice(0, 4)).toEqual([
      'p0 memory-increment.read',
      'p0 memory-increment.add',
      'p0 memory-increment.write',
      'p1 memory-increment.read',
    ]);
  });

  it('replays a schedule from its string', () => {
    const replay = run(replayScheduler(parseSchedule('p0 p1 p0*2 p1*2')));
    expect([replay.end, replay.schedule, replay.machine.memory]).toEqual(['quiescent', 'p0 p1 p0*2 p1*2', [1, 0]]);
    expect(run(replayScheduler(parseSchedule('p0 p1')))).toMatchObject({ end: 'stopped', steps: 2, schedule: 'p0 p1' });
    expect(() => run(replayScheduler(parseSchedule('p0*4')))).toThrow(
      'schedule[3]: p0 is not possible here (possible: p1)',
    );
  });

  it('ends after as many steps as it may have', () => {
    const machine = memoryMachine([increment]);
    const ended = runScheduled({ machine, observers: {} }, { hooks: memoryHooks }, firstScheduler(), 2);
    expect(ended).toEqual({ end: 'steps', steps: 2, schedule: 'p0*2' });
  });

  it('does not wait for an event that is not recognised', () => {
    const machine = memoryMachine([increment]);
    const cpu = machine.processors[0] as Processor;
    const hooks = { ...memoryHooks, recognise: () => false };
    const last: Scheduler = { next: (actions) => actions.length - 1 };
    cpu.attention = 1;
    const ended = runScheduled({ machine, observers: {} }, { hooks }, last, 100);
    // It is tried once after each stage.
    expect(ended).toMatchObject({ end: 'quiescent', schedule: 'e0 p0 e0 p0 e0 p0 e0' });
  });

  it('finds a lost update by chance, the more readily if priorities change once', () => {
    const lost = (create: (seed: number) => Scheduler): number => {
      let found = 0;
      for (let seed = 0; seed < 200; seed++) if (run(create(seed)).machine.memory[0] === 1) found++;
      return found;
    };
    expect(lost((seed) => randomScheduler(seed))).toBeGreaterThan(20);
    expect(lost((seed) => pctScheduler(seed, 1, 6))).toBe(0);
    expect(lost((seed) => pctScheduler(seed, 2, 6))).toBeGreaterThan(200 / (2 * 6));
  });

  it('is the same for the same seed, and replays to the same state', () => {
    const schedulers = fc.oneof(
      fc.nat().map((seed) => () => randomScheduler(seed)),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 4 })).map(
        ([seed, depth]) =>
          () =>
            pctScheduler(seed, depth, 40),
      ),
    );
    fc.assert(
      fc.property(plans(4, 5, false), schedulers, (plan, create) => {
        const built = buildPlan(plan);
        const once = (scheduler: Scheduler) => {
          const state = { machine: built.machine(), observers: built.log() };
          const options = { hooks: randomHooks, observe: observeWithoutTime };
          const { end, schedule } = runScheduled(state, options, scheduler, 2000);
          const { machine, observers } = state;
          return { end, schedule, machine: randomSchemas.machine.save(machine), observers };
        };
        const first = once(create());
        expect(once(create())).toEqual(first);
        expect(once(replayScheduler(parseSchedule(first.schedule)))).toEqual(first);
      }),
    );
  });
});
