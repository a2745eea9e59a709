import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stageOf, topFrame } from '../../src/engine/frames.js';
import { saveRun } from '../../src/engine/save.js';
import type { Machine, Thread } from '../../src/engine/state.js';
import { TimedRun } from '../../src/engine/timed.js';
import type { RunState } from '../../src/engine/timing.js';
import { buildPlan, type Log, plans, type RandomMachine, randomSchemas } from './random-machine.js';

const anyPlan = plans(4, 6, true);
const enough = { stages: 5000 };
const saved = (state: RunState<RandomMachine, Log>) => saveRun(state, randomSchemas);

/** No effect lies before the last one of its processor, and none before the event that leads to it. */
function watchTime(state: () => RunState<Machine, unknown>) {
  const last: number[] = [];
  let now = 0;
  return (p: number, _stage: unknown, start: number, end: number) => {
    expect(start).toBeGreaterThanOrEqual(last[p] ?? 0);
    expect(end).toBeGreaterThanOrEqual(start);
    expect(state().timing.now).toBeGreaterThanOrEqual(now);
    expect(end).toBeGreaterThanOrEqual(state().timing.now);
    last[p] = end;
    now = state().timing.now;
  };
}

describe('a timed run', () => {
  it('ends in the same bytes whether stages are merged or not', () => {
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

  it('has done the same at any time, whether stages are merged or not, and in however many pieces', () => {
    fc.assert(
      fc.property(anyPlan, fc.array(fc.nat(60), { minLength: 1, maxLength: 5 }), (plan, pieces) => {
        const built = buildPlan(plan);
        const merged = new TimedRun(built.state(), built.timed);
        const plain = new TimedRun(built.state(), { ...built.timed, plain: true });
        let time = 0;
        for (const piece of pieces) {
          time += piece;
          merged.run({ time });
        }
        plain.run({ time });
        expect(saved(merged.state).machine).toEqual(saved(plain.state).machine);
        expect(merged.state.observers).toEqual(plain.state.observers);
        merged.run(enough);
        plain.run(enough);
        expect(saved(merged.state)).toEqual(saved(plain.state));
      }),
    );
  });

  it('is the same for the same seed, with jitter too', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const bytes = () => {
          const run = new TimedRun(built.state(), built.timed);
          run.run(enough);
          return JSON.stringify(saved(run.state));
        };
        expect(bytes()).toBe(bytes());
      }),
    );
  });

  it('differs with the seed if there is jitter', () => {
    const work = { op: 'work', on: 1, n: 4 } as const;
    const programs = [[work, work, work]];
    const end = (seed: number, jitter: number): number => {
      const built = buildPlan({ programs, steps: [0, 10_000, 0], flight: 0, line: 0, jitter, seed });
      const run = new TimedRun(built.state(), built.timed);
      run.run();
      return run.state.timing.now;
    };
    expect(end(1, 0)).toBe(3 * 10_040);
    expect(end(2, 0)).toBe(3 * 10_040);
    const ends = [1, 2, 3, 4].map((seed) => end(seed, 0.1));
    expect(new Set(ends).size).toBe(4);
    for (const time of ends) expect(Math.abs(time - 3 * 10_040)).toBeLessThanOrEqual(3 * 1000);
  });

  it('never goes back in time', () => {
    fc.assert(
      fc.property(anyPlan, fc.boolean(), (plan, plain) => {
        const built = buildPlan(plan);
        const state = built.state();
        const run = new TimedRun(state, { ...built.timed, plain, onStage: watchTime(() => state) });
        for (let now = 0; run.step(); now = state.timing.now) {
          expect(state.timing.now).toBeGreaterThanOrEqual(now);
          expect(run.nextTime()).toBeGreaterThanOrEqual(state.timing.now);
        }
      }),
    );
  });

  it('tells what happens without changing it', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const silent = new TimedRun(built.state(), built.timed);
        silent.run(enough);
        let stages = 0;
        const told = new TimedRun(built.state(), {
          ...built.timed,
          onStage: () => {
            stages++;
          },
          onBegin: () => {},
          onWake: () => {},
          onSend: () => {},
          onArrive: () => {},
        });
        told.run(enough);
        expect(saved(told.state)).toEqual(saved(silent.state));
        expect(stages).toBe(silent.stages);
      }),
    );
  });

  it('leaves nothing pending that could be taken, nothing in flight, and nobody at a wait that could end', () => {
    let handled = 0;
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const built = buildPlan(plan);
        const run = new TimedRun(built.state(), built.timed);
        expect(run.run(enough)).toBe('quiescent');
        const { machine, timing, queue } = run.state;
        expect(queue.size).toBe(0);
        for (const cpu of machine.processors) {
          const frame = topFrame(machine.threads[cpu.thread] as Thread);
          const open = cpu.masked === 0 && cpu.shadow === 0 && (frame === undefined || stageOf(frame).boundary);
          expect(open ? cpu.pending : []).toEqual([]);
          expect(cpu.inFlight).toEqual([]);
          if (frame !== undefined) expect(stageOf(frame).condition?.(machine, cpu, frame.locals)).toBe(false);
          expect(timing.event[cpu.id]).toBe(0);
        }
        handled += machine.cells[0] === 0 ? 0 : 1;
      }),
    );
    expect(handled).toBeGreaterThan(10);
  });
});
