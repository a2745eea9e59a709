/**
 * A generator of pseudo-random numbers as plain state: four unsigned 32-bit words (xoshiro128**, Blackman and Vigna 2018).
 */
export type RandomState = number[];

/** A generator for a seed (any integer) and a stream number, so that each processor has its own. */
export function createRandom(seed: number, stream = 0): RandomState {
  let x = (Math.imul(seed | 0, 0x9e37_79b1) ^ Math.imul(stream | 0, 0x85eb_ca77) ^ Math.floor(seed / 2 ** 32)) >>> 0;
  const words: number[] = [];
  for (let i = 0; i < 4; i++) {
    // splitmix32 (after Steele, Lea and Flood 2014), so that near seeds give unrelated states.
    x = (x + 0x9e37_79b9) >>> 0;
    let z = x;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    words.push((z ^ (z >>> 15)) >>> 0);
  }
  if (words.join() === '0,0,0,0') words[0] = 1;
  return words;
}

/** The next number, uniform over 0 to 2^32 - 1. */
export function randomU32(state: RandomState): number {
  const s0 = state[0] as number;
  const s1 = state[1] as number;
  const s2 = state[2] as number;
  const s3 = state[3] as number;
  const x = Math.imul(s1, 5);
  const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
  const t2 = s2 ^ s0;
  const t3 = s3 ^ s1;
  state[1] = (s1 ^ t2) >>> 0;
  state[0] = (s0 ^ t3) >>> 0;
  state[2] = (t2 ^ (s1 << 9)) >>> 0;
  state[3] = ((t3 << 11) | (t3 >>> 21)) >>> 0;
  return result;
}

/** The next number, uniform over [0, 1). */
export function randomUnit(state: RandomState): number {
  return randomU32(state) / 2 ** 32;
}

/** The next integer, uniform over 0 to `below` - 1. */
export function randomBelow(state: RandomState, below: number): number {
  return Math.floor(randomUnit(state) * below);
}
