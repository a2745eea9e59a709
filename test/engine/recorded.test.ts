import fc from 'fast-check';
import { applyPatches, type Patch } from 'immer';
import { describe, expect, it } from 'vitest';
import { recordRun } from '../../src/engine/recorded.js';
import { recordSchedule } from '../../src/engine/recorded-schedule.js';
import { saveRun } from '../../src/engine/save.js';
import { runScheduled } from '../../src/engine/scheduled.js';
import { randomScheduler } from '../../src/engine/scheduler.js';
import { TimedRun } from '../../src/engine/timed.js';
import { increment, memoryHooks, memoryMachine, memorySchemas, broken as wrong } from './memory-machine.js';
import { buildPlan, observeWithoutTime, plans, randomHooks, randomSchemas } from './random-machine.js';

const anyPlan = plans(3, 5, true);
const enough = { stages: 5000 };
const noCosts = { steps: [10, 10, 10], flight: 5, line: 0, jitter: 0, seed: 1 };
/** One processor interrupts another, which computes. */
const interrupted = {
  ...noCosts,
  programs: [[{ op: 'send', on: 1, n: 3 }], [{ op: 'work', on: 2, n: 2 }]],
} as const;

function frozen(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
}

describe('a recorded run', () => {
  it('ends in the same bytes as one that is not recorded, and shows each state that it went through', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const state = built.state();
        const recording = recordRun(state, built.timed, randomSchemas, enough);
        const plain = new TimedRun(built.state(), { ...built.timed, plain: true });
        expect(recording.end).toBe(plain.run(enough));
        expect(saveRun(state, randomSchemas)).toEqual(saveRun(plain.state, randomSchemas));
        expect(recording.current.snapshot).toEqual(randomSchemas.machine.save(state.machine));
        expect(recording.entries.filter(({ kind }) => kind === 'stage')).toHaveLength(plain.stages);
        // Stage by stage, beside a run that goes the same way.
        const beside = new TimedRun(built.state(), { ...built.timed, plain: true });
        const stages = recording.entries.filter(({ kind }) => kind === 'stage');
        for (const { snapshot } of stages) {
          expect(beside.step()).toBe(true);
          expect(snapshot).toEqual(randomSchemas.machine.save(beside.state.machine));
        }
      }),
    );
  });

  it('says with patches how each snapshot came from the one before', () => {
    let patchCount = 0;
    let stepCount = 0;
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const { entries } = recordRun(built.state(), built.timed, randomSchemas, enough);
        let snapshot = entries[0]?.snapshot;
        for (const entry of entries.slice(1)) {
          snapshot = applyPatches(snapshot as object, entry.patches as Patch[]) as never;
          expect(snapshot).toEqual(entry.snapshot);
          expect(frozen(entry.snapshot)).toBe(true);
          patchCount += entry.patches.length;
          stepCount++;
        }
      }),
    );
    expect(patchCount / stepCount).toBeLessThan(5);
  });

  it('runs on from any of its steps to the same end', () => {
    fc.assert(
      fc.property(anyPlan, fc.nat(), (plan, anywhere) => {
        const built = buildPlan(plan);
        const state = built.state();
        const recording = recordRun(state, built.timed, randomSchemas, enough);
        const index = anywhere % recording.entries.length;
        const fork = recording.fork(index);
        const entry = recording.at(index);
        expect(randomSchemas.machine.save(fork.machine)).toEqual(entry.snapshot);
        const run = new TimedRun(fork, built.timed);
        run.run(enough);
        expect(saveRun(fork, randomSchemas)).toEqual(saveRun(state, randomSchemas));
        // The fork was a copy: the recording has not changed, and a recording of it goes on as this one did.
        const again = recordRun(recording.fork(index), built.timed, randomSchemas, enough);
        const rest = recording.entries.slice(index + 1).map(({ snapshot }) => snapshot);
        expect(again.entries.slice(1).map(({ snapshot }) => snapshot)).toEqual(rest);
      }),
    );
  });

  it('tells what happened at each step, and when', () => {
    const built = buildPlan(interrupted);
    const { entries } = recordRun(built.state(), built.timed, randomSchemas);
    const name = (stage: string): string => stage.replace(/^random-\d+/, 'program');
    expect(entries.map(({ kind, processor, stage, start, end }) => [kind, processor, name(stage), start, end])).toEqual(
      [
        ['begin', -1, '', 0, 0],
        ['stage', 0, 'program.send-0', 0, 10],
        ['arrival', 1, 'message 3', 15, 15],
        ['stage', 1, 'random-entry.save', 15, 25],
        ['stage', 1, 'random-entry.vector', 25, 35],
        ['stage', 1, 'random-handler.body', 35, 45],
        ['stage', 1, 'random-handler.tell', 45, 55],
        ['stage', 1, 'random-handler.leave', 55, 65],
        // 10 for the stage and 40 of work, of which 15 had been done.
        ['stage', 1, 'program.work-0', 65, 100],
      ],
    );
    expect(entries[1]?.patches).toContainEqual({ op: 'add', path: ['processors', 1, 'inFlight', 0], value: 3 });
    expect(entries[2]?.patches).toContainEqual({ op: 'replace', path: ['processors', 1, 'masked'], value: 1 });
    expect(entries[2]?.patches).toContainEqual({ op: 'replace', path: ['threads', 1, 0, 'left'], value: 35 });
  });

  it('tells of timers, and of what observers and callbacks are told', () => {
    const built = buildPlan({
      ...noCosts,
      programs: [
        [
          { op: 'arm', on: 0, n: 1 },
          { op: 'observe', n: 2 },
        ],
      ],
    });
    const told: number[] = [];
    const state = built.state();
    const timed = { ...built.timed, onStage: (_p: number, _stage: unknown, start: number) => told.push(start) };
    const { entries } = recordRun(state, timed as typeof built.timed, randomSchemas, { stages: 2 });
    expect(entries.map(({ kind, processor, stage }) => [kind, processor, stage.replace(/^random-\d+/, '')])).toEqual([
      ['begin', -1, ''],
      ['stage', 0, '.arm-0'],
      ['expiry', -1, 'timer 0'],
      ['stage', 0, '.observe-1'],
    ]);
    expect(told).toEqual([0, 10]);
    expect(state.observers.count).toEqual([1]);
  });

  it('ends at its limit', () => {
    const built = buildPlan(interrupted);
    const run = (limit: object) => {
      const { end, entries } = recordRun(built.state(), built.timed, randomSchemas, limit);
      return [end, entries.length];
    };
    expect(run({})).toEqual(['quiescent', 9]);
    expect(run({ time: 15 })).toEqual(['time', 3]);
    expect(run({ stages: 2 })).toEqual(['stages', 4]);
  });
});

describe('a recording', () => {
  const built = buildPlan(interrupted);
  const recording = recordRun(built.state(), built.timed, randomSchemas);

  it('is stepped through back and forth', () => {
    expect(recording.current.index).toBe(8);
    expect(recording.forward()).toBeUndefined();
    expect(recording.back()?.index).toBe(7);
    expect(recording.forward()?.index).toBe(8);
    expect(recording.at(0).kind).toBe('begin');
    expect(recording.back()).toBeUndefined();
    expect(recording.current).toBe(recording.entries[0]);
    expect(() => recording.at(9)).toThrow('index: there is no step 9 (0 to 8)');
    expect(() => recording.fork(-1)).toThrow('index: there is no step -1 (0 to 8)');
    expect(recording.current.index).toBe(0);
  });

  it('runs on differently if the fork is changed', () => {
    recording.at(1);
    const fork = recording.fork();
    const masked = fork.machine.processors[1];
    if (masked !== undefined) masked.masked = 1;
    const { entries } = recordRun(fork, built.timed, randomSchemas);
    expect(entries.map(({ stage }) => stage).filter((stage) => stage.startsWith('random-handler'))).toEqual([]);
    expect(recording.entries).toHaveLength(9);
  });

  it('shares between its snapshots what did not change', () => {
    const [first, second] = [recording.at(0).snapshot, recording.at(1).snapshot] as Record<string, unknown>[];
    expect(second?.['timers']).toBe(first?.['timers']);
    expect(second?.['processors']).not.toBe(first?.['processors']);
  });
});

describe('a recorded schedule', () => {
  const options = { hooks: randomHooks, observe: observeWithoutTime };

  it('ends as one that is not recorded, step by step, and can be gone on with from any of them', () => {
    fc.assert(
      fc.property(plans(3, 4, false), fc.nat(), fc.nat(), (plan, seed, some) => {
        const built = buildPlan(plan);
        const create = () => ({ machine: built.machine(), observers: built.log() });
        const state = create();
        let begun = 0;
        const onStep = (index: number): void => {
          begun = index;
        };
        const recording = recordSchedule(state, { ...options, onStep }, randomSchemas, randomScheduler(seed), 500);
        const stages: number[] = [];
        const beside = create();
        const plain = runScheduled(
          beside,
          { ...options, onStage: (processor) => stages.push(processor) },
          randomScheduler(seed),
          500,
        );
        expect(recording.end).toBe(plain.end);
        expect(state).toEqual(beside);
        expect(recording.current.snapshot).toEqual(randomSchemas.machine.save(beside.machine));
        const { entries } = recording;
        expect(begun).toBe(entries.length - 1);
        const ran = entries.filter(({ kind }) => kind === 'stage');
        expect(ran.map(({ processor }) => processor)).toEqual(stages);
        entries.slice(1).forEach(({ patches, snapshot, index, start, end }, before) => {
          const from = entries[before]?.snapshot as object;
          expect(applyPatches(from, patches as Patch[])).toEqual(snapshot);
          expect([start, end]).toEqual([index - 1, index]);
        });
        const index = some % entries.length;
        const fork = recording.fork(index);
        expect(randomSchemas.machine.save(fork.machine)).toEqual(entries[index]?.snapshot);
        // A copy: what becomes of it does not show.
        runScheduled(fork, options, randomScheduler(seed + 1), 20);
        expect(recording.at(index).snapshot).toEqual(randomSchemas.machine.save(recording.fork(index).machine));
      }),
    );
  });

  it('ends where an internal expectation does not hold, and says which', () => {
    const state = { machine: memoryMachine([increment, wrong]), observers: {} };
    const recording = recordSchedule(state, { hooks: memoryHooks }, memorySchemas, { next: (all) => all.length - 1 });
    expect(recording.end).toBe('error');
    expect(recording.error).toContain("goes to 'nowhere'");
    expect(recording.current.stage).toBe('memory-broken.fail');
  });
});
