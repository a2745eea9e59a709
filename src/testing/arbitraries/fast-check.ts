/**
 * An arbitrary of fast-check, by what it looks like: what {@link arbitraries} returns is one of the module that it was given, and goes
 * wherever that module takes arbitraries. Written out here so that the types of this entry need no package that its user may not have.
 */
export interface Arbitrary<T> {
  /** Makes a value; fast-check's to call. */
  generate(random: never, bias: number | undefined): never;
  /** Whether a value that it did not make can be shrunk; fast-check's to call. */
  canShrinkWithoutContext(value: unknown): value is T;
  /** Smaller values; fast-check's to call. */
  shrink(value: T, context: unknown): never;
  /** Only the values that pass. */
  filter<U extends T>(refinement: (value: T) => value is U): Arbitrary<U>;
  /** Only the values that pass. */
  filter(predicate: (value: T) => boolean): Arbitrary<T>;
  /** What a function makes of each value. */
  map<U>(mapper: (value: T) => U, unmapper?: (possible: unknown) => T): Arbitrary<U>;
  /** Values of an arbitrary that depends on each value. */
  chain<U>(chainer: (value: T) => Arbitrary<U>): Arbitrary<U>;
}

/** The module fast-check (version 3 or 4): `import fc from 'fast-check'`. */
export interface FastCheck {
  /** fast-check's `constant`. */
  readonly constant: (...args: never[]) => unknown;
  /** fast-check's `constantFrom`. */
  readonly constantFrom: (...args: never[]) => unknown;
  /** fast-check's `integer`. */
  readonly integer: (...args: never[]) => unknown;
  /** fast-check's `boolean`. */
  readonly boolean: (...args: never[]) => unknown;
  /** fast-check's `record`. */
  readonly record: (...args: never[]) => unknown;
  /** fast-check's `array`. */
  readonly array: (...args: never[]) => unknown;
  /** fast-check's `tuple`. */
  readonly tuple: (...args: never[]) => unknown;
  /** fast-check's `oneof`. */
  readonly oneof: (...args: never[]) => unknown;
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
