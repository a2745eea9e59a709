/**
 * An arbitrary of fast-check, by what it looks like: what {@link arbitraries} returns is one of the module that it was given, and goes
 * wherever that module takes arbitraries. Written out here so that the types of this entry need no package that its user may not have.
 */
export interface Arbitrary<T> {
  generate(random: never, bias: number | undefined): never;
  canShrinkWithoutContext(value: unknown): value is T;
  shrink(value: T, context: unknown): never;
  filter<U extends T>(refinement: (value: T) => value is U): Arbitrary<U>;
  filter(predicate: (value: T) => boolean): Arbitrary<T>;
  map<U>(mapper: (value: T) => U, unmapper?: (possible: unknown) => T): Arbitrary<U>;
  chain<U>(chainer: (value: T) => Arbitrary<U>): Arbitrary<U>;
}

type Callable = (...args: never[]) => unknown;

/** The module fast-check (version 3 or 4): `import fc from 'fast-check'`. */
export interface FastCheck {
  readonly constant: Callable;
  readonly constantFrom: Callable;
  readonly integer: Callable;
  readonly boolean: Callable;
  readonly record: Callable;
  readonly array: Callable;
  readonly tuple: Callable;
  readonly oneof: Callable;
}

interface Weighted<T> {
  readonly weight: number;
  readonly arbitrary: Arbitrary<T>;
}

/** @internal What of it is used, typed. */
export interface Fc {
  constant<const T>(value: T): Arbitrary<T>;
  constantFrom<const T>(...values: readonly T[]): Arbitrary<T>;
  integer(range: { min: number; max: number }): Arbitrary<number>;
  boolean(): Arbitrary<boolean>;
  record<T>(model: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T>;
  array<T>(of: Arbitrary<T>, options?: { minLength?: number; maxLength?: number; size?: string }): Arbitrary<T[]>;
  tuple<T extends unknown[]>(...of: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T>;
  oneof<T>(...of: readonly (Arbitrary<T> | Weighted<T>)[]): Arbitrary<T>;
}

/** @internal */
export function typed(fc: FastCheck): Fc {
  return fc as unknown as Fc;
}
