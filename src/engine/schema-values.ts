import { InputError } from './errors.js';
import {
  compareOne,
  type Difference,
  fieldPath,
  type Json,
  loadFields,
  type Schema,
  type State,
  show,
} from './schema.js';

/** An object or array whose slots are set by name or index. */
type Slots = Record<string | number, unknown>;

const twoTo32 = 2 ** 32;

/**
 * An integer from `min` to `max`. One word if both fit into 32 bits (signed, or unsigned and not below 0), two words
 * otherwise.
 *
 * @param min - not below -2^53 + 1
 * @param max - not above 2^53 - 1
 */
export function integer(min: number, max: number): Schema<number> {
  const common = {
    omitted: undefined,
    save: (value: number) => value,
    load: (json: unknown, path: string): number => {
      if (typeof json === 'number' && Number.isInteger(json) && json >= min && json <= max) return json;
      throw new InputError(path, `${show(json)} is not an integer from ${min} to ${max}`);
    },
    compare: compareOne,
  };
  const encode = (value: number, words: Int32Array, offset: number): number => {
    words[offset] = value;
    return offset + 1;
  };
  if (min >= -(2 ** 31) && max < 2 ** 31) {
    return {
      ...common,
      word: 1,
      encode,
      decode: (words, offset, holder, key) => {
        (holder as Slots)[key] = words[offset];
        return offset + 1;
      },
    };
  }
  if (min >= 0 && max < twoTo32) {
    return {
      ...common,
      word: 2,
      encode,
      decode: (words, offset, holder, key) => {
        (holder as Slots)[key] = (words[offset] as number) >>> 0;
        return offset + 1;
      },
    };
  }
  return {
    ...common,
    word: 0,
    encode: (value, words, offset) => {
      words[offset] = value;
      words[offset + 1] = Math.floor(value / twoTo32);
      return offset + 2;
    },
    decode: (words, offset, holder, key) => {
      (holder as Slots)[key] = (words[offset + 1] as number) * twoTo32 + ((words[offset] as number) >>> 0);
      return offset + 2;
    },
  };
}

/** 0 or 1. */
export const flag: Schema<number> = integer(0, 1);

/** A register: 32 bits, unsigned. */
export const register: Schema<number> = integer(0, twoTo32 - 1);

/** A time or a number of cycles: 0 to 2^53 - 1. */
export const cycles: Schema<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** Any integer that a number holds exactly. */
export const safeInteger: Schema<number> = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

/**
 * The index of an element of a list.
 *
 * @param of - the name of the list, which is a field of the outermost record (or of the machine)
 * @param least - -1 if that stands for none
 */
export function id(of: string, least: 0 | -1 = 0): Schema<number> {
  const index = integer(least, 2 ** 31 - 1);
  return {
    ...index,
    load: (json, path, later) => {
      const value = index.load(json, path, later);
      later.push((lengthOf) => {
        const length = lengthOf(of);
        if (value >= length) throw new InputError(path, `${of}[${value}] does not exist (${length} available)`);
      });
      return value;
    },
  };
}

/**
 * A list of values of one kind.
 *
 * @param length - how long it is if that is fixed: a number; or the name of a list that is a field of the outermost
 * record (or of the machine), if there is one element for each of its elements
 */
export function list<T>(of: Schema<T>, length?: number | string): Schema<T[]> {
  const fixed = typeof length === 'number' ? length : -1;
  const { word } = of;
  const checkLength = (count: number, wanted: number, path: string): void => {
    if (count !== wanted) {
      const why = typeof length === 'string' ? `, one for each of '${length}'` : '';
      throw new InputError(path, `has ${count} elements, not ${wanted}${why}`);
    }
  };
  const schema: Schema<T[]> = {
    word: 0,
    omitted: undefined,
    encode: (value, words, offset) => {
      const count = value.length;
      let at = offset;
      if (fixed < 0) words[at++] = count;
      if (word === 0) {
        for (let i = 0; i < count; i++) at = of.encode(value[i] as T, words, at);
      } else {
        for (let i = 0; i < count; i++) words[at++] = value[i] as number;
      }
      return at;
    },
    decode: (words, offset, holder, key) => {
      let value = (holder as Slots)[key] as unknown[] | undefined;
      if (value === undefined) {
        value = [];
        (holder as Slots)[key] = value;
      }
      let at = offset;
      const count = fixed < 0 ? (words[at++] as number) : fixed;
      while (value.length > count) value.pop();
      if (word === 0) for (let i = 0; i < count; i++) at = of.decode(words, at, value, i);
      else if (word === 1) for (let i = 0; i < count; i++) value[i] = words[at++];
      else for (let i = 0; i < count; i++) value[i] = (words[at++] as number) >>> 0;
      return at;
    },
    save: (value) => value.map((element) => of.save(element)),
    load: (json, path, later) => {
      if (!Array.isArray(json)) throw new InputError(path, `${show(json)} is not a list`);
      const count = json.length;
      if (typeof length === 'string') later.push((lengthOf) => checkLength(count, lengthOf(length), path));
      else if (length !== undefined) checkLength(count, length, path);
      return json.map((element: unknown, index) => of.load(element, `${path}[${index}]`, later));
    },
    compare: (presented, value, path, differences) => {
      compareLists(of, presented as Json[], value, path, differences);
    },
  };
  const { encode, decode } = schema;
  return { ...schema, composition: { kind: 'list', of: of as Schema<unknown>, counted: fixed < 0, encode, decode } };
}

/**
 * @internal Differences in common elements, then elements that are new, or those that are gone from the last to the
 * first.
 */
export function compareLists<T>(
  of: Schema<T>,
  presented: readonly Json[],
  value: readonly T[],
  path: (string | number)[],
  differences: Difference[],
): void {
  const common = Math.min(presented.length, value.length);
  for (let i = 0; i < common; i++) {
    path.push(i);
    of.compare(presented[i] as Json, value[i] as T, path, differences);
    path.pop();
  }
  for (let i = common; i < value.length; i++) {
    differences.push({ path: [...path, i], from: undefined, to: of.save(value[i] as T) });
  }
  for (let i = presented.length - 1; i >= common; i--) {
    differences.push({ path: [...path, i], from: presented[i], to: undefined });
  }
}

/** Two values of one kind, such as the low and the high half of a 64-bit value. */
export function pair<T>(of: Schema<T>): Schema<[T, T]> {
  return list(of, 2) as Schema<unknown> as Schema<[T, T]>;
}

/** Part of the state in memory, of neither form: it is as `initial` makes it whenever a state is looked at. */
export function ignored<T extends object>(initial: () => T): Schema<T> {
  return {
    word: 0,
    omitted: initial,
    encode: (_value, _words, offset) => offset,
    decode: (_words, offset) => offset,
    save: () => null,
    load: initial,
    compare: () => {},
  };
}

/** The fields of a record and what they look like. */
export type Fields = Readonly<Record<string, Schema<unknown>>>;

/** What a record with these fields is in memory. */
export type RecordState<F extends Fields> = { -readonly [Name in keyof F]: State<F[Name]> };

/** A record and its fields, which another record may take over. */
export interface RecordSchema<F extends Fields> extends Schema<RecordState<F>> {
  readonly fields: F;
}

/** An object with exactly these fields. */
export function record<const F extends Fields>(fields: F): RecordSchema<F> {
  const all = Object.entries(fields);
  const kept = all.filter(([, schema]) => schema.omitted === undefined);
  const names = kept.map(([name]) => name);
  const schemas = kept.map(([, schema]) => schema);
  const wordOf = schemas.map(({ word }) => word);
  const count = names.length;
  // Objects parsed from one text share one hidden class; with its fields added by name, a record of many would become a dictionary.
  const blank = JSON.stringify(Object.fromEntries(all.map(([name]) => [name, 0])));

  /**
   * A new object, its fields in their order, so that it has the same hidden class as those that a constructor function
   * made.
   */
  const create = (words: Int32Array, offset: number, holder: Slots, key: string | number): number => {
    const object: Slots = {};
    let at = offset;
    for (const [name, schema] of all) {
      if (schema.omitted === undefined) at = schema.decode(words, at, object, name);
      else object[name] = schema.omitted();
    }
    holder[key] = object;
    return at;
  };
  const schema: RecordSchema<F> = {
    word: 0,
    omitted: undefined,
    fields,
    encode: (value, words, offset) => {
      const object = value as Slots;
      let at = offset;
      for (let i = 0; i < count; i++) {
        const field = object[names[i] as string];
        if (wordOf[i] === 0) at = (schemas[i] as Schema<unknown>).encode(field, words, at);
        else words[at++] = field as number;
      }
      return at;
    },
    decode: (words, offset, holder, key) => {
      const object = (holder as Slots)[key] as Slots | undefined;
      if (object === undefined) return create(words, offset, holder as Slots, key);
      let at = offset;
      for (let i = 0; i < count; i++) {
        const name = names[i] as string;
        const word = wordOf[i];
        if (word === 0) at = (schemas[i] as Schema<unknown>).decode(words, at, object, name);
        else object[name] = word === 1 ? words[at++] : (words[at++] as number) >>> 0;
      }
      return at;
    },
    save: (value) => {
      const object = value as Slots;
      return Object.fromEntries(kept.map(([name, schema]) => [name, schema.save(object[name])]));
    },
    load: (json, path, later) => {
      const presented = loadFields(json, path, names);
      const state = JSON.parse(blank) as Slots;
      for (const [name, schema] of all) {
        state[name] = schema.omitted?.() ?? schema.load(presented[name], fieldPath(path, name), later);
      }
      return state as RecordState<F>;
    },
    compare: (presented, value, path, differences) => {
      const from = presented as Record<string, Json>;
      const object = value as Slots;
      for (let i = 0; i < count; i++) {
        const name = names[i] as string;
        path.push(name);
        (schemas[i] as Schema<unknown>).compare(from[name] as Json, object[name], path, differences);
        path.pop();
      }
    },
  };
  const { encode, decode } = schema;
  return { ...schema, composition: { kind: 'record', fields: all, encode, decode } };
}
