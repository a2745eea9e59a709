import { createRandom, randomU32 } from '../../engine/random.js';
import type { Arbitrary, Fc } from './fast-check.js';

/**
 * Generation without fast-check, for those who look for a counterexample where it may not be installed (the command): a value is made from a
 * list of choices, and shrinks as the list does.
 */
class Choices {
  readonly made: number[] = [];
  private readonly given: readonly number[];
  private readonly random: number[] | undefined;

  constructor(given: readonly number[], seed?: number) {
    this.given = given;
    this.random = seed === undefined ? undefined : createRandom(seed);
  }

  /** A number from 0 to `most`. A list that is too short goes on with zeros. */
  next(most: number): number {
    const at = this.made.length;
    const raw = this.given[at] ?? (this.random === undefined ? 0 : randomU32(this.random));
    const choice = raw % (most + 1);
    this.made.push(choice);
    return choice;
  }
}

/** What it can do of an {@link Arbitrary}. */
class Drawn<T> {
  readonly draw: (choices: Choices) => T;

  constructor(draw: (choices: Choices) => T) {
    this.draw = draw;
  }

  map<U>(mapper: (value: T) => U): Drawn<U> {
    return new Drawn((choices) => mapper(this.draw(choices)));
  }

  chain<U>(chainer: (value: T) => Drawn<U>): Drawn<U> {
    return new Drawn((choices) => chainer(this.draw(choices)).draw(choices));
  }

  filter(predicate: (value: T) => boolean): Drawn<T> {
    return new Drawn((choices) => {
      for (let tries = 0; tries < 100; tries++) {
        const value = this.draw(choices);
        if (predicate(value)) return value;
      }
      throw new Rejected();
    });
  }
}

/** A value that no filter lets through. */
class Rejected extends Error {}

interface Option {
  readonly weight: number;
  readonly arbitrary: Drawn<unknown>;
}

const drawing = {
  constant: (value: unknown) => new Drawn(() => value),
  constantFrom: (...values: readonly unknown[]) => new Drawn((choices) => values[choices.next(values.length - 1)]),
  integer: ({ min, max }: { min: number; max: number }) =>
    new Drawn((choices) => min + choices.next(Math.min(max - min, 0xffff_fffe))),
  boolean: () => new Drawn((choices) => choices.next(1) === 1),
  record: (model: Record<string, Drawn<unknown>>) =>
    new Drawn((choices) => Object.fromEntries(Object.entries(model).map(([name, of]) => [name, of.draw(choices)]))),
  array: (of: Drawn<unknown>, { minLength = 0, maxLength = 10 }: { minLength?: number; maxLength?: number } = {}) =>
    new Drawn((choices) => {
      const list: unknown[] = [];
      // One more, or the end: a choice of 0 ends it, so that what is cut out of the choices is cut out of the list.
      while (list.length < maxLength && (list.length < minLength || choices.next(maxLength + 1) !== 0)) {
        list.push(of.draw(choices));
      }
      return list;
    }),
  tuple: (...of: readonly Drawn<unknown>[]) => new Drawn((choices) => of.map((one) => one.draw(choices))),
  oneof: (...of: readonly (Drawn<unknown> | Option)[]) => {
    const options = of.map((one) => (one instanceof Drawn ? { weight: 1, arbitrary: one } : one));
    const total = options.reduce((sum, { weight }) => sum + weight, 0);
    return new Drawn((choices) => {
      let at = choices.next(total - 1);
      for (const { weight, arbitrary } of options) {
        if (at < weight) return arbitrary.draw(choices);
        at -= weight;
      }
      throw new Rejected();
    });
  },
};

/** @internal The same functions as fast-check's, as far as this library's arbitraries use them. */
export const ownFc: Fc = drawing as unknown as Fc;

/** A value for which a property does not hold, and how many were tried before. */
export interface Found<T> {
  readonly value: T;
  readonly runs: number;
}

function drawn<T>(arbitrary: Arbitrary<T>, choices: Choices): { value: T } | undefined {
  try {
    return { value: (arbitrary as unknown as Drawn<T>).draw(choices) };
  } catch (error) {
    if (error instanceof Rejected) return undefined;
    throw error;
  }
}

const shrinksAtMost = 250;

/**
 * Looks for a value for which `fails` says so, and shrinks it: choices are cut out, in pieces of ever smaller size, and made smaller.
 *
 * @param arbitrary - one made with {@link ownFc}
 * @param runs - values to try
 * @returns the smallest it came to, or undefined if every value held
 */
export function search<T>(
  arbitrary: Arbitrary<T>,
  fails: (value: T) => boolean,
  { seed, runs }: { readonly seed: number; readonly runs: number },
): Found<T> | undefined {
  for (let run = 0; run < runs; run++) {
    const choices = new Choices([], seed * 65_537 + run);
    const first = drawn(arbitrary, choices);
    if (first !== undefined && fails(first.value)) {
      return { value: shrink(arbitrary, fails, choices.made, first.value), runs: run + 1 };
    }
  }
  return undefined;
}

function shrink<T>(arbitrary: Arbitrary<T>, fails: (value: T) => boolean, made: readonly number[], first: T): T {
  let best = [...made];
  let value = first;
  let left = shrinksAtMost;
  const attempt = (candidate: readonly number[]): boolean => {
    if (left-- <= 0) return false;
    const choices = new Choices(candidate);
    const next = drawn(arbitrary, choices);
    if (next === undefined || !isSmaller(choices.made, best) || !fails(next.value)) return false;
    best = [...choices.made];
    value = next.value;
    return true;
  };
  for (let progress = true; progress && left > 0; ) {
    progress = false;
    for (let size = Math.min(32, best.length); size >= 1; size >>= 1) {
      for (let at = 0; at + size <= best.length; ) {
        if (attempt([...best.slice(0, at), ...best.slice(at + size)])) progress = true;
        else at += size;
      }
    }
    for (let at = 0; at < best.length; at++) {
      const old = best[at] as number;
      for (const smaller of [0, old >> 1, old - 1]) {
        if (smaller >= 0 && smaller < old && attempt(best.map((choice, i) => (i === at ? smaller : choice)))) {
          progress = true;
          break;
        }
      }
    }
  }
  return value;
}

function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return a.length < b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
