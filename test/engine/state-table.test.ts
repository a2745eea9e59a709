import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { State } from '../../src/engine/schema.js';
import { cycles, flag, integer, list, record, register } from '../../src/engine/schema-values.js';
import { StateTable } from '../../src/engine/state-table.js';
import { ListChanged } from '../../src/engine/tracked.js';
import { WordTable } from '../../src/engine/word-table.js';

const small = integer(-3, 3);
const item = record({ x: small, bits: list(register, 2) });
const schema = record({
  count: small,
  time: cycles,
  word: register,
  numbers: list(small),
  nested: list(list(small)),
  inner: record({ a: small, deep: record({ b: flag, list: list(small) }) }),
  items: list(item),
  constant: record({ never: small, changes: list(small) }),
});
type Sample = State<typeof schema>;

function sample(): Sample {
  return {
    count: 0,
    time: 0,
    word: 0,
    numbers: [],
    nested: [[], [1]],
    inner: { a: 0, deep: { b: 0, list: [1, 2] } },
    items: [
      { x: 0, bits: [0, 0] },
      { x: 1, bits: [0, 0] },
    ],
    constant: { never: 1, changes: [1, 2, 3] },
  };
}

/** What an effect may do to a state. */
const changes: readonly ((state: Sample, n: number) => void)[] = [
  (s, n) => {
    s.count = n;
  },
  (s, n) => {
    s.time = n * 2 ** 40;
  },
  (s, n) => {
    s.word = (n << 30) >>> 0;
  },
  (s, n) => {
    s.numbers.push(n);
  },
  (s) => {
    s.numbers.pop();
  },
  (s, n) => {
    s.numbers = [n];
  },
  (s, n) => {
    s.nested[0]?.push(n);
  },
  (s) => {
    s.nested = [[]];
  },
  (s, n) => {
    s.inner.a += n;
    s.inner.a %= 3;
  },
  (s, n) => {
    s.inner = { a: n, deep: { b: 1, list: [n] } };
  },
  (s, n) => {
    const deep = { b: 0, list: [0] };
    s.inner.deep = deep;
    deep.list.push(n);
    deep.b = 1;
  },
  (s, n) => {
    Object.assign(s.inner.deep, { ...s.inner.deep, b: n & 1 });
  },
  (s, n) => {
    for (const { bits } of s.items) bits[1] = (n << 31) >>> 0;
  },
  (s, n) => {
    const last = s.items.at(-1);
    if (last !== undefined) last.x = n;
  },
  () => {},
];
const shapes: readonly ((state: Sample, n: number) => void)[] = [
  (s, n) => {
    s.items.push({ x: n, bits: [n & 1, 0] });
  },
  (s) => {
    s.items.pop();
  },
  (s) => {
    s.items.reverse();
  },
];

const value = fc.integer({ min: -3, max: 3 });
const someOf = (list: readonly ((state: Sample, n: number) => void)[]) =>
  fc.array(fc.tuple(fc.constantFrom(...list), value), { maxLength: 4 });
/** A walk: for each step the earlier state that it starts from (roughly) and what is done to that. */
const walks = (list: typeof changes) => fc.array(fc.tuple(fc.nat(30), someOf(list), fc.boolean()), { maxLength: 40 });
const text = (state: Sample): string => JSON.stringify(schema.save(state));

function follow(walk: readonly [number, [(s: Sample, n: number) => void, number][], boolean][], whole: Set<string>) {
  const table = new StateTable(schema, sample(), whole);
  const model = [text(sample())];
  for (const [from, what, dropped] of walk) {
    const start = from % model.length;
    table.restore(start);
    expect(text(table.state)).toBe(model[start]);
    for (const [change, n] of what) change(table.state, n);
    // Whoever only looks changes nothing; what is not added is forgotten.
    const now = text(table.state);
    if (dropped) continue;
    const known = model.indexOf(now);
    expect(table.add()).toBe(known < 0 ? model.length : -1 - known);
    if (known < 0) model.push(now);
    expect(text(table.state)).toBe(now);
    expect(table.count).toBe(model.length);
  }
  model.forEach((state, number) => {
    table.restore(number);
    expect(text(table.state)).toBe(state);
  });
}

describe('a table of states', () => {
  it('numbers states in the order in which they come, knows them again, and restores them', () => {
    fc.assert(fc.property(walks(changes), (walk) => follow(walk, new Set())));
  });

  it('takes lists whose elements come and go as a whole', () => {
    fc.assert(fc.property(walks([...changes, ...shapes]), (walk) => follow(walk, new Set(['items']))));
  });

  it('says which list that is', () => {
    for (const change of shapes) {
      const table = new StateTable(schema, sample());
      change(table.state, 1);
      expect(() => table.add()).toThrow(ListChanged);
      expect(() => table.restore(0)).toThrow('items: has grown, shrunk or moved');
    }
  });

  it('shows what looks like any other state', () => {
    const { state } = new StateTable(schema, sample());
    expect(state).toEqual(sample());
    expect(JSON.stringify(state)).toBe(JSON.stringify(sample()));
    expect({ ...state.inner, deep: { ...state.inner.deep } }).toEqual(sample().inner);
    expect(Object.keys(state)).toEqual(Object.keys(sample()));
    expect(structuredClone(state)).toEqual(sample());
  });

  it('stores a part once, whichever states it is in, and nothing for what never changes', () => {
    const many = record({ n: integer(0, 1_000_000), big: list(register), constant: list(register) });
    const zeros = () => Array.from({ length: 1000 }, () => 0);
    const table = new StateTable(many, { n: 0, big: zeros(), constant: zeros() });
    const count = 20_000;
    for (let n = 1; n < count; n++) {
      table.restore(n - 1);
      table.state.n = n;
      table.state.big[0] = n % 4;
      expect(table.add()).toBe(n);
    }
    expect(table.bytes / count).toBeLessThan(300);
    for (const n of [0, 1, 4711, count - 1]) {
      table.restore(n);
      expect(table.state.n).toBe(n);
      expect(table.state.big[0]).toBe(n % 4);
    }
  });

  it('takes a schema that somebody has made over as a whole', () => {
    const reversed = list(small);
    const own = { ...reversed, encode: reversed.encode.bind(undefined) };
    const table = new StateTable(record({ own }), { own: [1, 2] });
    table.state.own.push(3);
    expect(table.add()).toBe(1);
    table.restore(0);
    expect(table.state.own).toEqual([1, 2]);
  });
});

describe('a table of rows of words', () => {
  it('numbers rows in the order in which they come, and knows them again', () => {
    const row = fc.array(fc.integer({ min: -2, max: 2 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 300 }), (rows) => {
        const table = new WordTable();
        const model = new Map<string, number>();
        for (const words of rows) {
          const known = model.get(String(words));
          expect(table.add(Int32Array.from([...words, 9]), words.length)).toBe(
            known === undefined ? model.size : -1 - known,
          );
          if (known === undefined) model.set(String(words), model.size);
          expect(table.count).toBe(model.size);
        }
        for (const [words, number] of model) {
          const [page, place] = [table.pageOf(number), table.placeOf(number)];
          expect(String(page.slice(place + 1, place + 1 + (page[place] as number)))).toBe(words);
        }
      }),
    );
  });

  it('grows page by page, whatever the length of a row', () => {
    const table = new WordTable();
    const before = table.bytes;
    const rowOf = (i: number) => Int32Array.from({ length: i % 7 === 0 ? 300_000 : 100_000 }, (_, j) => i + j);
    for (let i = 0; i < 8; i++) expect(table.add(rowOf(i), rowOf(i).length)).toBe(i);
    expect(table.bytes).toBeGreaterThan(before + 4 * (2 * 300_001 + 6 * 100_001));
    for (let i = 0; i < 8; i++) {
      expect(table.add(rowOf(i), rowOf(i).length)).toBe(-1 - i);
      expect(table.isRow(i, rowOf(i), rowOf(i).length)).toBe(true);
      expect(table.isRow(i, rowOf(i), 99_999)).toBe(false);
    }
  });
});
