import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, randomBelow, randomU32, randomUnit } from '../../src/engine/random.js';

describe('the generator of randomness', () => {
  it('is xoshiro128**', () => {
    // The first outputs for the state 1, 2, 3, 4, worked out from its definition: rotl(s1 * 5, 7) * 9.
    const state = [1, 2, 3, 4];
    expect(randomU32(state)).toBe(((2 * 5) << 7) * 9);
    expect(state).toEqual([7, 0, 1026, 12_288]);
    expect(randomU32(state)).toBe(0);
  });

  it('gives every processor and every seed its own numbers, and the same ones again', () => {
    const first = (seed: number, stream: number) => randomU32(createRandom(seed, stream));
    const seen = new Set<number>();
    for (let seed = 0; seed < 50; seed++) for (let stream = 0; stream < 50; stream++) seen.add(first(seed, stream));
    expect(seen.size).toBe(2500);
    expect(first(2 ** 40, 0)).not.toBe(first(0, 0));
    expect(first(7, 3)).toBe(first(7, 3));
  });

  it('stays within its bounds and is even over them', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 8 }), (seed, below) => {
        const state = createRandom(seed);
        const counts = Array.from({ length: below }, () => 0);
        for (let i = 0; i < 800; i++) {
          const unit = randomUnit(state);
          expect(unit >= 0 && unit < 1).toBe(true);
          const n = randomBelow(state, below);
          counts[n] = (counts[n] ?? Number.NaN) + 1;
        }
        // Six standard deviations of a binomial count.
        for (const n of counts) expect(Math.abs(n - 800 / below)).toBeLessThan(6 * Math.sqrt(800 / below));
      }),
    );
  });
});
