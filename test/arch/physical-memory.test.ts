import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  descriptorAddress,
  descriptorAt,
  descriptorIndex,
  mark,
  readPidPointer,
  recordMarks,
  toU64,
} from '../../src/arch/index.js';
import { descriptorBase, memoryOf, tableAddress } from './guest.js';

describe('physical memory', () => {
  it('addresses survive a round trip', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 53 - 1 }), (address) => {
        expect(addressOf(toU64(address))).toBe(address);
      }),
    );
    expect(toU64(0x12_3456_7890)).toEqual([0x3456_7890, 0x12]);
  });

  it('holds descriptors every 64 bytes from its base, and none elsewhere', () => {
    const memory = memoryOf(3);
    for (const index of [0, 1, 2]) {
      expect(descriptorAddress(memory, index)).toBe(descriptorBase + 64 * index);
      expect(descriptorIndex(memory, descriptorBase + 64 * index)).toBe(index);
      expect(descriptorAt(memory, index)).toBe(memory.descriptors[index]);
    }
    for (const address of [0, descriptorBase - 64, descriptorBase + 32, descriptorBase + 192]) {
      expect(descriptorIndex(memory, address)).toBe(-1);
    }
    expect(descriptorAt(memory, -1)).toBeUndefined();
  });

  it('reads as 0 where no table is', () => {
    const memory = memoryOf(2);
    expect(readPidPointer(memory, tableAddress + 8)).toBe(descriptorBase + 65);
    for (const address of [0, tableAddress - 8, tableAddress + 16]) expect(readPidPointer(memory, address)).toBe(0);
  });
});

describe('recordMarks', () => {
  it('returns what was reached inside, to outer recordings too', () => {
    let inner: ReadonlySet<string> = new Set();
    const outer = recordMarks(() => {
      mark('a');
      inner = recordMarks(() => mark('b'));
    });
    expect([...inner]).toEqual(['b']);
    expect([...outer].sort()).toEqual(['a', 'b']);
    mark('c');
    expect(outer.has('c')).toBe(false);
  });

  it('ends when its body throws', () => {
    const outer = recordMarks(() => {
      expect(() =>
        recordMarks(() => {
          mark('d');
          throw new RangeError('body');
        }),
      ).toThrow('body');
      mark('e');
    });
    expect([...outer].sort()).toEqual(['d', 'e']);
  });
});
