import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, randomUnit } from '../../src/engine/random.js';
import { createConvergence, hasConverged, relativeHalfWidth } from '../../src/observe/convergence.js';

const series = (seed: number, length: number, spread: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length }, () => 100 * (1 + spread * (2 * randomUnit(random) - 1)));
};

describe('how well a mean is known', () => {
  test('exactly, if all values are equal; not at all, from less than a value for each batch', () => {
    expect(relativeHalfWidth(new Array<number>(160).fill(7))).toBe(0);
    expect(relativeHalfWidth([1, 2, 3])).toBe(Number.POSITIVE_INFINITY);
  });

  test('better by the root of ten with ten times the values', () => {
    const ratio = relativeHalfWidth(series(1, 2000, 0.5)) / relativeHalfWidth(series(1, 200_000, 0.5));
    expect(ratio).toBeGreaterThan(5);
    expect(ratio).toBeLessThan(20);
  });

  test('of 100 series the true mean is within the interval for nearly 95', () => {
    let inside = 0;
    for (let seed = 0; seed < 100; seed++) {
      const values = series(seed, 320, 0.5);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      if (Math.abs(mean - 100) <= mean * relativeHalfWidth(values)) inside++;
    }
    expect(inside).toBeGreaterThanOrEqual(88);
  });

  test('steps that come in long runs are not taken for as many values', () => {
    // The same values, once mixed and once in runs of 100.
    const mixed = Array.from({ length: 3200 }, (_, i) => (i % 2 === 0 ? 90 : 110));
    const runs = Array.from({ length: 3200 }, (_, i) => (Math.floor(i / 100) % 3 === 0 ? 90 : 110));
    expect(relativeHalfWidth(runs)).toBeGreaterThan(10 * relativeHalfWidth(mixed));
  });
});

describe('a run that stops when its mean is known', () => {
  test('looks again each time the series is a quarter longer, and stops at the first look that suffices', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(0.002, 0.01, 0.05), (seed, tolerance) => {
        const convergence = createConvergence(tolerance);
        const values: number[] = [];
        const source = series(seed, 20_000, 0.5);
        while (values.length < source.length && !hasConverged(convergence, values)) {
          values.push(source[values.length] as number);
        }
        expect(convergence.reached).toBe(convergence.halfWidth <= tolerance);
        if (convergence.reached) expect(relativeHalfWidth(values)).toBeLessThanOrEqual(tolerance);
      }),
      { numRuns: 20 },
    );
  });
});
