import { InputError } from './errors.js';
import { type Json, type Schema, show } from './schema.js';
import { integer, safeInteger } from './schema-values.js';
import type { Machine } from './state.js';
import { type Location, locations } from './store-buffer.js';

const locationIndex = integer(0, 2 ** 31 - 1);

/** What one store takes in words: its location, its index, two for its value. */
const storeWords = 4;

/** The stores in a buffer, presented as `[location, index, value]` each, the oldest first. */
export const storeBuffer: Schema<number[]> = {
  word: 0,
  omitted: undefined,
  encode: (buffer, words, offset) => {
    words[offset] = buffer.length / 3;
    let at = offset + 1;
    for (let i = 0; i < buffer.length; i += 3, at += storeWords) {
      words[at] = buffer[i] as number;
      words[at + 1] = buffer[i + 1] as number;
      safeInteger.encode(buffer[i + 2] as number, words, at + 2);
    }
    return at;
  },
  decode: (words, offset, holder, key) => {
    const slots = holder as Record<string | number, number[] | undefined>;
    let buffer = slots[key];
    if (buffer === undefined) {
      buffer = [];
      slots[key] = buffer;
    }
    const length = 3 * (words[offset] as number);
    while (buffer.length > length) buffer.pop();
    let at = offset + 1;
    for (let i = 0; i < length; i += 3, at += storeWords) {
      buffer[i] = words[at] as number;
      buffer[i + 1] = words[at + 1] as number;
      safeInteger.decode(words, at + 2, buffer, i + 2);
    }
    return at;
  },
  save: present,
  load: (json, path) => {
    if (!Array.isArray(json)) throw new InputError(path, `${show(json)} is not a list of stores`);
    return json.flatMap((entry: unknown, i) => loadStore(entry, `${path}[${i}]`));
  },
  compare: (presented, buffer, path, differences) => {
    const old = presented as Json[][];
    const now = present(buffer);
    for (let i = 0; i < now.length; i++) {
      const [from, to] = [old[i], now[i] as Json[]];
      if (from === undefined || from.some((part, j) => part !== to[j])) {
        differences.push({ path: [...path, i], from, to });
      }
    }
    for (let i = old.length - 1; i >= now.length; i--) {
      differences.push({ path: [...path, i], from: old[i], to: undefined });
    }
  },
};

function present(buffer: readonly number[]): [string, number, number][] {
  const stores: [string, number, number][] = [];
  for (let i = 0; i < buffer.length; i += 3) {
    const { name } = locations[buffer[i] as number] as Location<Machine>;
    stores.push([name, buffer[i + 1] as number, buffer[i + 2] as number]);
  }
  return stores;
}

function loadStore(entry: unknown, path: string): number[] {
  if (!Array.isArray(entry) || entry.length !== 3) {
    throw new InputError(path, `${show(entry)} is not a store [location, index, value]`);
  }
  const found = locations.find(({ name }) => name === entry[0]);
  if (found === undefined) throw new InputError(`${path}[0]`, `no location ${show(entry[0])}`);
  return [found.number, locationIndex.load(entry[1], `${path}[1]`, []), safeInteger.load(entry[2], `${path}[2]`, [])];
}
