import { describe, expect, it } from 'vitest';
import { explore, type Invariant } from '../../src/engine/explored.js';
import type { Processor } from '../../src/engine/state.js';
import {
  compareExchange,
  drain,
  exchange,
  fence,
  load,
  location,
  store,
  testAndClear,
  testAndSet,
} from '../../src/engine/store-buffer.js';
import { announce, type MemoryMachine, memoryHooks, memoryMachine, memorySchemas, word } from './memory-machine.js';

function machineWithBuffers(): [MemoryMachine, Processor, Processor] {
  const machine = memoryMachine([announce, announce], {}, 1);
  return [machine, ...(machine.processors as [Processor, Processor])];
}

describe('a plain store', () => {
  it('takes effect at once in a machine without store buffers', () => {
    const machine = memoryMachine([announce]);
    store(machine, machine.processors[0] as Processor, word, 1, 5);
    expect(machine.memory).toEqual([0, 5]);
  });

  it('waits in the buffer, seen by its own processor only, until it drains: the oldest first', () => {
    const [machine, mine, other] = machineWithBuffers();
    store(machine, mine, word, 0, 1);
    store(machine, mine, word, 1, 2);
    store(machine, mine, word, 0, 3);
    expect([load(machine, mine, word, 0), load(machine, mine, word, 1)]).toEqual([3, 2]);
    expect([load(machine, other, word, 0), load(machine, other, word, 1)]).toEqual([0, 0]);
    drain(machine, mine);
    expect(machine.memory).toEqual([1, 0]);
    drain(machine, mine);
    expect(machine.memory).toEqual([1, 2]);
    expect(load(machine, mine, word, 0)).toBe(3);
    fence(machine, mine);
    expect(machine.memory).toEqual([3, 2]);
    expect(mine.storeBuffer).toEqual([]);
  });
});

describe('a locked operation', () => {
  it('drains the buffer, then reads and writes memory in one step', () => {
    const [machine, mine] = machineWithBuffers();
    const outcome = (operation: () => number): [number, number[]] => {
      machine.memory = [0, 0];
      store(machine, mine, word, 0, 6);
      const old = operation();
      expect(mine.storeBuffer).toEqual([]);
      return [old, machine.memory];
    };
    expect(outcome(() => exchange(machine, mine, word, 0, 9))).toEqual([6, [9, 0]]);
    expect(outcome(() => compareExchange(machine, mine, word, 0, 6, 9))).toEqual([6, [9, 0]]);
    expect(outcome(() => compareExchange(machine, mine, word, 0, 5, 9))).toEqual([6, [6, 0]]);
    expect(outcome(() => testAndSet(machine, mine, word, 0, 1))).toEqual([1, [6, 0]]);
    expect(outcome(() => testAndSet(machine, mine, word, 0, 31))).toEqual([0, [0x8000_0006, 0]]);
    expect(outcome(() => testAndSet(machine, mine, word, 0))).toEqual([0, [7, 0]]);
    expect(outcome(() => testAndClear(machine, mine, word, 0, 1))).toEqual([1, [4, 0]]);
    expect(outcome(() => testAndClear(machine, mine, word, 0, 0))).toEqual([0, [6, 0]]);
  });
});

describe('a kind of location', () => {
  it('is declared once', () => {
    expect(() => location('memory-word', { get: () => 0, set: () => {} })).toThrow(
      'memory-word: a location of this name',
    );
  });
});

describe('two processors that announce themselves and look for each other', () => {
  const oneFound: Invariant<MemoryMachine, unknown> = {
    name: 'one-finds-the-other',
    holds: ({ found }) => found[0] !== 0 || found[1] !== 0,
  };
  const run = (fenced: 0 | 1, storeBuffers: 0 | 1) =>
    explore(
      { machine: memoryMachine([announce, announce], { fenced }, storeBuffers), observers: {} },
      { hooks: memoryHooks, schemas: memorySchemas, invariants: [oneFound] },
    );

  it('miss each other if their stores are buffered and not fenced, and only then', () => {
    expect(run(0, 0)).toMatchObject({ complete: true });
    expect(run(1, 1)).toMatchObject({ complete: true });
    const { complete, violation } = run(0, 1);
    expect(complete).toBe(false);
    expect(violation).toEqual({
      invariant: 'one-finds-the-other',
      schedule: 'p0*3 p1*3',
      trace: [
        'p0 memory-announce.store',
        'p0 memory-announce.fence',
        'p0 memory-announce.load',
        'p1 memory-announce.store',
        'p1 memory-announce.fence',
        'p1 memory-announce.load',
      ],
    });
  });
});
