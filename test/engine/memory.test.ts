import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Memory, unknown } from '../../src/engine/memory.js';

/** A function of the numbers that goes from one place to another as it finds them, and what it came to. */
function walk(of: number, numbers: Int32Array): { read: number[]; outcome: number } {
  const read: number[] = [];
  let outcome = 0;
  let at = of;
  for (let i = 0; i < 5; i++) {
    if (read.includes(at)) break;
    read.push(at);
    const number = numbers[at] as number;
    outcome = 3 * outcome + number;
    at = (at + 1 + number) % numbers.length;
  }
  return { read, outcome };
}

const states = fc.array(fc.int32Array({ min: 0, max: 2, minLength: 6, maxLength: 6 }), {
  minLength: 1,
  maxLength: 200,
});

describe('what is remembered of functions', () => {
  it('is what they come to, and is found wherever they would read the same', () => {
    let found = 0;
    fc.assert(
      fc.property(states, (list) => {
        const memory = new Memory();
        const known = new Set<string>();
        for (const numbers of list) {
          for (let of = 0; of < 3; of++) {
            const { read, outcome } = walk(of, numbers);
            const key = `${of}: ${read.map((place) => numbers[place]).join()}`;
            expect(memory.find(of, numbers)).toBe(known.has(key) ? outcome : unknown);
            if (known.has(key)) found++;
            else memory.remember(of, read, numbers, outcome);
            known.add(key);
          }
        }
      }),
    );
    expect(found).toBeGreaterThan(100);
  });

  it('may have read nothing, or next to nothing', () => {
    const memory = new Memory();
    const numbers = Int32Array.of(1, 2, 3);
    expect(memory.find(0, numbers)).toBe(unknown);
    memory.remember(0, [], numbers, 7);
    memory.remember(1, [2], numbers, 8);
    expect([memory.find(0, numbers), memory.find(1, numbers)]).toEqual([7, 8]);
    expect([memory.find(0, Int32Array.of(9, 9, 9)), memory.find(1, Int32Array.of(9, 9, 9))]).toEqual([7, unknown]);
    memory.clear();
    expect([memory.find(0, numbers), memory.find(1, numbers)]).toEqual([unknown, unknown]);
  });
});
