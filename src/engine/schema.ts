import { InputError } from './errors.js';

/** What the presented form of a state is made of. */
export type Json = number | string | null | Json[] | { [name: string]: Json };

/** Where in a state: names of fields and indices of lists, from the outside in. */
export type Path = readonly (string | number)[];

/** A place at which two states differ, and what stands there in presented form (undefined: nothing is there). */
export interface Difference {
  readonly path: Path;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/** What the loading of a state puts off until every list has its length: {@link Schema.load} adds to it. */
export type Later = ((lengthOf: (list: string) => number) => void)[];

/**
 * What a part of the state looks like: the one declaration from which everything else follows. `T` is its type in
 * memory.
 *
 * A state leaves memory in two forms. As *words*: signed 32-bit integers, equal exactly if the states are; the explorer
 * stores them. *Presented*: as JSON in which stages, and whatever else has a number in memory only, go by their names;
 * that is what is saved and shown.
 */
export interface Schema<T> {
  /**
   * 1 if it is one signed word, 2 if one unsigned word: lists and records read and write these themselves. 0: anything
   * else.
   */
  readonly word: 0 | 1 | 2;
  /** What it is at the beginning, if it is part of neither form. */
  readonly omitted: (() => T) | undefined;
  /**
   * Writes the words of `value` from `offset` on and returns where they end. If that is beyond the end of `words`,
   * these were too short.
   */
  encode(value: T, words: Int32Array, offset: number): number;
  /** Reads words into `holder[key]`, reusing the objects it finds there, and returns where they ended. */
  decode(words: Int32Array, offset: number, holder: object, key: string | number): number;
  /** The presented form. */
  save(value: T): Json;
  /** From the presented form. Throws an {@link InputError} that says where and why. */
  load(json: unknown, path: string, later: Later): T;
  /** Appends how `value` differs from a presented one. `path` leads here; it is as before when the call ends. */
  compare(presented: Json, value: T, path: (string | number)[], differences: Difference[]): void;
  /** @internal What its words consist of, if somebody may look at them one by one. */
  readonly composition?: Composition;
}

/** @internal What a value is made of. It holds for a schema with these `encode` and `decode`, and for no other. */
export type Composition = {
  readonly encode: Schema<never>['encode'];
  readonly decode: Schema<never>['decode'];
} & (
  | { readonly kind: 'record'; readonly fields: readonly (readonly [string, Schema<unknown>])[] }
  | { readonly kind: 'list'; readonly of: Schema<unknown>; readonly counted: boolean }
  | { readonly kind: 'thread' }
);

/** @internal What the words of a schema consist of; undefined for one that somebody has made over. */
export function compositionOf<T>({ composition, encode, decode }: Schema<T>): Composition | undefined {
  return composition?.encode === encode && composition.decode === decode ? composition : undefined;
}

/** The type, in memory, of what a schema describes. */
export type State<S> = S extends Schema<infer T> ? T : never;

/**
 * A state from its presented form. Throws an {@link InputError} for anything that is missing, unknown, out of range, or
 * an id of something that does not exist.
 *
 * @param path - where `json` stands in the user's input
 * @param lists - the lengths of lists outside of this state that its ids refer to
 */
export function loadState<T>(
  schema: Schema<T>,
  json: unknown,
  path = '',
  lists: Readonly<Record<string, number>> = {},
): T {
  const later: Later = [];
  const state = schema.load(json, path, later);
  const lengthOf = (list: string): number => {
    const inside = (state as Record<string, unknown>)[list];
    return Array.isArray(inside) ? inside.length : (lists[list] ?? 0);
  };
  for (const check of later) check(lengthOf);
  return state;
}

/** Everything in which `to` differs from `from`. */
export function difference<T>(schema: Schema<T>, from: T, to: T): Difference[] {
  return differenceTo(schema, schema.save(from), to);
}

/** Everything in which a state differs from a presented one. */
export function differenceTo<T>(schema: Schema<T>, presented: Json, to: T): Difference[] {
  const differences: Difference[] = [];
  schema.compare(presented, to, [], differences);
  return differences;
}

/** True if two states present themselves alike. */
export function equal<T>(schema: Schema<T>, a: T, b: T): boolean {
  return difference(schema, a, b).length === 0;
}

/** A path as one writes it: `threads[3][0].at`. */
export function pathName(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

/** @internal The path of a field. */
export function fieldPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** @internal A value in the reason of an error. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** @internal {@link Schema.compare} of what presents itself as one number or name. */
export function compareOne(from: Json, to: Json, path: Path, differences: Difference[]): void {
  if (from !== to) differences.push({ path: [...path], from, to });
}

/** @internal The fields of a presented record, of which there must be exactly these. */
export function loadFields(json: unknown, path: string, names: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new InputError(path, `${show(json)} is not an object`);
  }
  for (const name of Object.keys(json)) {
    if (!names.includes(name)) throw new InputError(fieldPath(path, name), 'is not a field of the state');
  }
  for (const name of names) {
    if (!Object.hasOwn(json, name)) throw new InputError(fieldPath(path, name), 'is missing');
  }
  return json as Record<string, unknown>;
}
