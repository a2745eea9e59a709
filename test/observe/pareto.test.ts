import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kneeOf, paretoFront } from '../../src/observe/pareto.js';

const costs = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 })), { maxLength: 30 });

describe('the Pareto front', () => {
  test('is what no other choice beats in both costs', () => {
    //                    0       1       2       3       4
    expect(
      paretoFront([
        [5, 1],
        [1, 9],
        [2, 2],
        [3, 3],
        [2, 8],
      ]),
    ).toEqual([1, 2, 0]);
    expect(
      paretoFront([
        [1, 1],
        [1, 1],
      ]),
    ).toEqual([0]);
    expect(paretoFront([])).toEqual([]);
  });

  test('every choice is on it, or equalled or beaten by one that is; none on it is', () => {
    fc.assert(
      fc.property(costs, (all) => {
        const front = paretoFront(all);
        const asGood = (a: readonly [number, number], b: readonly [number, number]) => a[0] <= b[0] && a[1] <= b[1];
        for (const [index, pair] of all.entries()) {
          const better = front.filter((other) => other !== index && asGood(all[other] as [number, number], pair));
          expect(better.length > 0).toBe(!front.includes(index));
        }
      }),
    );
  });
});

describe('the knee', () => {
  test('is the point farthest below the line between the ends', () => {
    expect(
      kneeOf([
        [0, 10],
        [1, 3],
        [4, 2],
        [10, 0],
      ]),
    ).toBe(1);
  });

  test('there is none on a straight line, on a bulge, or between two points', () => {
    expect(
      kneeOf([
        [0, 10],
        [5, 5],
        [10, 0],
      ]),
    ).toBeUndefined();
    expect(
      kneeOf([
        [0, 10],
        [5, 8],
        [10, 0],
      ]),
    ).toBeUndefined();
    expect(
      kneeOf([
        [0, 10],
        [10, 0],
      ]),
    ).toBeUndefined();
  });

  test('does not depend on the units', () => {
    fc.assert(
      fc.property(costs, fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 }), (all, a, b) => {
        const front = paretoFront(all).map((index) => all[index] as [number, number]);
        expect(kneeOf(front.map(([x, y]) => [x * 2 ** (a % 8), y * 2 ** (b % 8)] as const))).toBe(kneeOf(front));
      }),
    );
  });
});
