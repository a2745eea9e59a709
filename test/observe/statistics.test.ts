import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scaleSummary, standardDeviation, summarize } from '../../src/observe/index.js';

describe('a summary', () => {
  it('has mean, bounds and quantiles of the nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(summarize(values)).toEqual({ mean: 100.5, min: 1, max: 200, p50: 100, p99: 198, n: 200 });
    expect(summarize([7])).toEqual({ mean: 7, min: 7, max: 7, p50: 7, p99: 7, n: 1 });
    expect(summarize([])).toEqual({ mean: 0, min: 0, max: 0, p50: 0, p99: 0, n: 0 });
  });

  it('has quantiles that are measurements, with enough of them on either side', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 300 }), (values) => {
        const { p50, p99, min, max, mean } = summarize(values);
        for (const [quantile, part] of [
          [p50, 0.5],
          [p99, 0.99],
        ] as const) {
          expect(values).toContain(quantile);
          expect(values.filter((value) => value <= quantile).length).toBeGreaterThanOrEqual(part * values.length);
          expect(values.filter((value) => value < quantile).length).toBeLessThan(part * values.length);
        }
        expect(min).toBeLessThanOrEqual(mean);
        expect(mean).toBeLessThanOrEqual(max);
      }),
    );
  });

  it('can be had in another unit', () => {
    expect(scaleSummary(summarize([2, 4]), 0.5)).toEqual({ mean: 1.5, min: 1, max: 2, p50: 1, p99: 2, n: 2 });
  });
});

describe('a standard deviation', () => {
  it('is that of a sample', () => {
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(standardDeviation([5])).toBe(0);
    expect(standardDeviation([])).toBe(0);
  });
});
