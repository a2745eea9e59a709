import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { median } from '../../../src/observe/statistics.js';
import type { FigureInput } from '../../../src/scenarios/figures/figure.js';
import { validate } from '../../../src/scenarios/figures/validate.js';

// Published figures that nothing was fitted to: what a user's own file would be like.

const file = JSON.parse(readFileSync(new URL('../../data/other-figures.json', import.meta.url), 'utf8')) as {
  figures: FigureInput[];
};

describe('published figures that are not among those of the library', () => {
  const { figures, failed } = validate(file, { intervals: false });

  test('all run, and say what they assume', () => {
    expect(failed).toEqual([]);
    expect(figures).toHaveLength(file.figures.length);
    for (const { id, source, assumed } of figures) {
      expect(source.length, id).toBeGreaterThan(20);
      expect(assumed.length, id).toBeGreaterThan(0);
    }
  });

  test('are predicted within 20 % in the median, those left out that a cost was estimated from', () => {
    const predicted = figures.filter(({ note }) => note === undefined);
    expect(predicted.length).toBeGreaterThan(figures.length / 2);
    expect(median(predicted.map(({ errorPct }) => Math.abs(errorPct)))).toBeLessThan(20);
  });
});
