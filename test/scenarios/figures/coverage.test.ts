import { describe, expect, test } from 'vitest';
import { publishedFigures } from '../../../src/scenarios/figures/published-figures.js';
import { unscoredFigures } from '../../../src/scenarios/figures/unscored-figures.js';
import { publishedNumbers } from './published-numbers.js';

// Nothing that was published and collected is dropped silently: it is a figure, or it stands with the reason why not.

describe('every published number', () => {
  const scored = new Set(publishedFigures.figures.flatMap(({ covers }) => covers));
  const unscored = new Set(unscoredFigures.flatMap(({ covers }) => covers));

  test.each(publishedNumbers.map((name) => [name]))('%s: is scored, or listed with a reason', (name) => {
    expect(scored.has(name) || unscored.has(name)).toBe(true);
    expect(scored.has(name) && unscored.has(name)).toBe(false);
  });

  test('that is not scored has a reason and a source', () => {
    for (const { reason, source, published } of unscoredFigures) {
      expect(reason.length).toBeGreaterThan(15);
      expect(source.length).toBeGreaterThan(8);
      expect(published.length).toBeGreaterThan(3);
    }
  });

  test('stands once among those that are not scored', () => {
    const names = unscoredFigures.flatMap(({ covers }) => covers);
    expect(names.length).toBe(unscored.size);
  });
});
