import { isDeepStrictEqual } from 'node:util';
import type { Watch } from './detectors.js';

// What stands for vitest in the round: tests are gathered instead of run, so that they can be run again and again, in one process, with a
// changed routine. Of its matchers it has those that the tests of the routines use; any other one throws, so it says that a test fails
// without a change.

const gathered: Watch[] = [];
const path: string[] = [];
let hooks: (() => void)[] = [];

/** The tests of a file that `load` imports. */
export async function gather(file: string, load: () => Promise<unknown>): Promise<Watch[]> {
  const from = gathered.length;
  path.push(file);
  await load();
  path.pop();
  hooks = [];
  return gathered.slice(from);
}

function within(name: string, body: () => void): void {
  const outer = hooks;
  path.push(name);
  body();
  path.pop();
  hooks = outer;
}

function add(name: string, body: () => unknown): void {
  const before = [...hooks];
  gathered.push({
    name: [...path, name].join(' > '),
    run: () => {
      for (const hook of before) hook();
      if (body() instanceof Promise) throw new Error('the round runs no test that takes a promise');
      return undefined;
    },
  });
}

/** A name with what `%s`, `%d` and the like stand for. */
function named(name: string, row: readonly unknown[]): string {
  let next = 0;
  return name.replace(/%[sdifjo]/g, () => String(row[next++]));
}

function each<B extends (...row: never[]) => unknown>(one: (name: string, body: () => void) => void) {
  return (table: readonly unknown[]) =>
    (name: string, body: B): void => {
      for (const row of table) {
        const list = Array.isArray(row) ? row : [row];
        one(named(name, list), () => (body as unknown as (...list: unknown[]) => void)(...list));
      }
    };
}

export const describe = Object.assign(within, { each: each(within) });
export const test = Object.assign(add, { each: each(add) });

export function beforeEach(hook: () => void): void {
  hooks = [...hooks, hook];
}

/** `undefined` in an object is as if it were not there, as for vitest's `toEqual`. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key, plain(one)]),
  );
}

function matches(value: unknown, part: unknown): boolean {
  if (part === null || typeof part !== 'object' || Array.isArray(part))
    return isDeepStrictEqual(plain(value), plain(part));
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(part).every(([key, one]) => matches((value as Record<string, unknown>)[key], one))
  );
}

function throws(body: unknown, like: unknown): boolean {
  try {
    (body as () => void)();
  } catch (error) {
    const { message } = error as Error;
    if (typeof like === 'string') return message.includes(like);
    if (like instanceof RegExp) return like.test(message);
    return typeof like !== 'function' || error instanceof like;
  }
  return false;
}

type Matcher = (value: unknown, expected: unknown, more: unknown) => boolean;
const compare =
  (holds: (a: number, b: number) => boolean): Matcher =>
  (value, expected) =>
    holds(value as number, expected as number);

const matchers: Readonly<Record<string, Matcher>> = {
  toBe: (value, expected) => Object.is(value, expected),
  toEqual: (value, expected) => isDeepStrictEqual(plain(value), plain(expected)),
  toMatchObject: matches,
  toBeUndefined: (value) => value === undefined,
  toBeGreaterThan: compare((a, b) => a > b),
  toBeGreaterThanOrEqual: compare((a, b) => a >= b),
  toBeLessThan: compare((a, b) => a < b),
  toBeLessThanOrEqual: compare((a, b) => a <= b),
  toBeCloseTo: (value, expected, digits = 2) =>
    Math.abs((value as number) - (expected as number)) < 10 ** -(digits as number) / 2,
  toBeInstanceOf: (value, expected) => value instanceof (expected as new () => object),
  toContain: (value, expected) =>
    value instanceof Set ? value.has(expected) : (value as unknown[]).includes(expected),
  toHaveLength: (value, expected) => (value as unknown[]).length === expected,
  toMatch: (value, expected) =>
    expected instanceof RegExp ? expected.test(value as string) : (value as string).includes(expected as string),
  toThrow: throws,
};

/** What a test expects; a matcher that does not match throws. */
export function expect(value: unknown, message = ''): Record<string, unknown> {
  const all = (wanted: boolean): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(matchers).map(([name, matcher]) => [
        name,
        (expected: unknown, more: unknown): void => {
          if (matcher(value, expected, more) !== wanted) throw new Error(`${message} ${name} does not hold`.trim());
        },
      ]),
    );
  return { ...all(true), not: all(false) };
}
