import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Scheduler } from '../../src/engine/scheduler.js';
import { findConfiguration } from '../../src/testing/models/catalogue.js';
import { recordModel, scheduleChart } from '../../src/testing/models/record-model.js';
import { modelSchedulers, runModel } from '../../src/testing/models/run-model.js';
import { type MutantReport, mutants, withMutant } from '../../src/testing/mutants/index.js';
import { parseXml } from '../observe/xml.js';

// What `vmx-apic mutants --json` once printed. A schedule keeps its meaning: it says who acts, not in which stage. Where a change of a
// routine's stages changes how many actions something takes, record anew: `vmx-apic mutants --json > test/data/schedules.json`.
const { mutants: recorded } = JSON.parse(readFileSync(new URL('../data/schedules.json', import.meta.url), 'utf8')) as {
  mutants: MutantReport[];
};

const explored = recorded.filter(({ by }) => by === 'explorer');
const replayable = explored.filter(({ invariant }) => invariant !== 'INV8-comes-to-rest');
/** What never comes to rest has no end that a schedule could lead to: it leads to where no end can be reached any more. */
const restless = explored.filter(({ invariant }) => invariant === 'INV8-comes-to-rest');

/** Replays a schedule, then goes on at random. */
function thenRandom(schedule: string, actions: number, seed: number): Scheduler {
  const [replay, random] = [modelSchedulers.replay(schedule), modelSchedulers.random(seed)];
  let done = 0;
  return { next: (among, machine) => (done++ < actions ? replay : random).next(among, machine) };
}

describe('a recorded schedule', () => {
  test.each(replayable.map((report) => [report.id, report] as const))('of %s replays', (id, report) => {
    const { where, invariant, schedule = '' } = report;
    const [model = '', name = ''] = where.split('/');
    const configuration = findConfiguration(model, name);
    const run = withMutant(id, () => runModel(configuration, modelSchedulers.replay(schedule)));
    expect(run.broken?.invariant).toBe(invariant);
    expect(run.schedule).toBe(schedule);
  });

  test.each(restless.map((report) => [report.id, report] as const))(
    'of %s leads to where nothing comes to rest, and with the right routines all does',
    (id, { where, schedule = '' }) => {
      const [model = '', name = ''] = where.split('/');
      const configuration = findConfiguration(model, name);
      const replayed = withMutant(id, () => runModel(configuration, modelSchedulers.replay(schedule)));
      expect(replayed).toMatchObject({ schedule, end: 'stopped' });
      for (let seed = 1; seed <= 5; seed++) {
        const run = () => runModel(configuration, thenRandom(schedule, replayed.actions, seed), 3000);
        expect(withMutant(id, run)).toMatchObject({ end: 'steps', actions: 3000 });
        expect(run().end).toBe('quiescent');
      }
    },
  );

  test.each(replayable.map((report) => [report.id, report] as const))(
    'of %s replays recorded, and draws',
    (id, report) => {
      const { where, invariant = '', schedule = '' } = report;
      const [model = '', name = ''] = where.split('/');
      const { steps, trace, svg } = withMutant(id, () => {
        const recording = recordModel(findConfiguration(model, name), schedule);
        return { ...recording, svg: scheduleChart(recording, id) };
      });
      // Every stage of the trace is a step of the recording, and the other way round.
      const stages = steps.entries.filter(({ kind }) => kind === 'stage');
      expect(trace.stages.map(({ stage, processor, end }) => [stage, processor, end])).toEqual(
        stages.map(({ stage, processor, index }) => [stage, processor, index]),
      );
      expect(stages.some(({ patches }) => patches.length > 0)).toBe(true);
      for (const { from, to, message, arrives } of trace.flights) {
        expect(steps.entries[arrives]).toMatchObject({ kind: 'arrival', processor: to, stage: `message ${message}` });
        expect(from).toBeGreaterThanOrEqual(-1);
      }
      expect(parseXml(svg).name).toBe('svg');
      expect(svg).toContain(`>${invariant}: `);
      expect(svg).toContain(`class="wrong"`);
      const last = stages.at(-1);
      expect(svg).toContain(`>${last?.stage}`);
    },
  );

  test('shows who sent what to whom, and what each step changed', () => {
    const { schedule = '', where } = recorded.find(({ id }) => id === 'PI-10') as MutantReport;
    const [model = '', name = ''] = where.split('/');
    const { steps, trace } = withMutant('PI-10', () => recordModel(findConfiguration(model, name), schedule));
    expect(trace.flights).toHaveLength(1);
    const post = steps.entries.find(({ stage }) => stage === 'vmx_deliver_posted_interrupt.set-on');
    expect(post?.patches).toContainEqual(
      expect.objectContaining({ path: ['memory', 'descriptors', 0, 'on'], value: 1 }),
    );
    expect(steps.back()?.index).toBe(steps.entries.length - 2);
  });

  test('is there for every mutant that the explorer catches', () => {
    const wanted = mutants.filter(({ detector }) => detector.by === 'explorer').map(({ id }) => id);
    expect(recorded.filter(({ by }) => by === 'explorer').map(({ id }) => id)).toEqual(wanted);
  });
});
