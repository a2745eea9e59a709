import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findConfiguration } from '../../src/testing/models/catalogue.js';
import { modelSchedulers, runModel } from '../../src/testing/models/run-model.js';
import { type MutantReport, mutants, withMutant } from '../../src/testing/mutants/index.js';

// What `vmx-apic mutants --json` once printed. A schedule keeps its meaning: it says who acts, not in which stage. Where a change of a
// routine's stages changes how many actions something takes, record anew: `vmx-apic mutants --json > test/data/schedules.json`.
const { mutants: recorded } = JSON.parse(readFileSync(new URL('../data/schedules.json', import.meta.url), 'utf8')) as {
  mutants: MutantReport[];
};

/** What never comes to rest has no end that a schedule could lead to. */
const replayable = recorded.filter(({ by, invariant }) => by === 'explorer' && invariant !== 'INV8-comes-to-rest');

describe('a recorded schedule', () => {
  test.each(replayable.map((report) => [report.id, report] as const))('of %s replays', (id, report) => {
    const { where, invariant, schedule = '' } = report;
    const [model = '', name = ''] = where.split('/');
    const configuration = findConfiguration(model, name);
    const run = withMutant(id, () => runModel(configuration, modelSchedulers.replay(schedule)));
    expect(run.broken?.invariant).toBe(invariant);
    expect(run.schedule).toBe(schedule);
  });

  test('is there for every mutant that the explorer catches', () => {
    const wanted = mutants.filter(({ detector }) => detector.by === 'explorer').map(({ id }) => id);
    expect(recorded.filter(({ by }) => by === 'explorer').map(({ id }) => id)).toEqual(wanted);
  });
});
