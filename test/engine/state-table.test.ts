import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integer, list } from '../../src/engine/schema-values.js';
import { StateTable } from '../../src/engine/state-table.js';

const numbers = list(integer(-1000, 1000));

describe('a table of states', () => {
  it('numbers states in the order in which they come, and knows them again', () => {
    const state = fc.array(fc.integer({ min: -2, max: 2 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(state, { maxLength: 300 }), (states) => {
        const table = new StateTable(numbers);
        const model = new Map<string, number>();
        for (const value of states) {
          const known = model.get(String(value));
          expect(table.add(value)).toBe(known === undefined ? model.size : -1 - known);
          if (known === undefined) model.set(String(value), model.size);
          expect(table.count).toBe(model.size);
        }
        const holder = { value: [7, 7, 7, 7, 7, 7] };
        for (const [text, number] of model) {
          table.restore(number, holder, 'value');
          expect(String(holder.value)).toBe(text);
        }
      }),
    );
  });

  it('grows with what is put in', () => {
    const table = new StateTable(numbers);
    const states = Array.from({ length: 3000 }, (_, i) =>
      Array.from({ length: 40 }, (_unused, j) => (j === 0 ? i % 1000 : Math.floor(i / 1000) + j)),
    );
    const before = table.bytes;
    states.forEach((state, i) => {
      expect(table.add(state)).toBe(i);
    });
    // One state that is longer than all that the arena holds.
    const long = Array.from({ length: 300_000 }, (_, i) => i % 1000);
    expect(table.add(long)).toBe(3000);
    expect(table.bytes).toBeGreaterThan(before + 4 * (3000 * 41 + 300_001));
    states.forEach((state, i) => {
      expect(table.add(state)).toBe(-1 - i);
    });
    expect(table.add(long)).toBe(-3001);
    const holder = { value: [] };
    table.restore(3000, holder, 'value');
    expect(holder.value).toEqual(long);
    table.restore(1234, holder, 'value');
    expect(holder.value).toEqual(states[1234]);
  });
});
