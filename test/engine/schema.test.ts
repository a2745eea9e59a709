import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { InputError, InternalError } from '../../src/engine/errors.js';
import { call } from '../../src/engine/frames.js';
import { stageNumber } from '../../src/engine/routine.js';
import { difference, equal, loadState, pathName, type Schema, type State } from '../../src/engine/schema.js';
import { frames, stageAt } from '../../src/engine/schema-frames.js';
import { storeBuffer } from '../../src/engine/schema-store-buffer.js';
import {
  flag,
  id,
  ignored,
  integer,
  list,
  pair,
  record,
  register,
  safeInteger,
} from '../../src/engine/schema-values.js';
import { emptyRequests, type Machine, type Thread } from '../../src/engine/state.js';
import { location } from '../../src/engine/store-buffer.js';
import { TimedRun } from '../../src/engine/timed.js';
import { sendMessage, type ToyMachine, toyMachine, toySchemas } from './ping-pong.js';
import { buildPlan, plans, randomSchemas } from './random-machine.js';

/** The words of a value. */
function encode<T>(schema: Schema<T>, value: T): Int32Array {
  const words = new Int32Array(4096);
  return words.slice(0, schema.encode(value, words, 0));
}

/** A value from its words, read into an object that may hold another value already. */
function decode<T>(schema: Schema<T>, words: Int32Array, into: { value?: T } = {}): T {
  expect(schema.decode(words, 0, into, 'value')).toBe(words.length);
  return into.value as T;
}

/** Where and why loading fails. */
function rejection(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
  return 'accepted';
}

const point = record({ x: integer(-5, 5), y: register, tags: list(flag) });

describe('a schema', () => {
  it('gives the type of the state', () => {
    expectTypeOf<State<typeof point>>().toEqualTypeOf<{ x: number; y: number; tags: number[] }>();
    expectTypeOf<State<typeof toySchemas.machine>>().toExtend<Machine>();
    expectTypeOf<ToyMachine>().toExtend<State<typeof toySchemas.machine>>();
  });

  it('encodes a state as words and decodes them into an object that is there', () => {
    const scratch = { value: { x: 0, y: 0, tags: [1, 1, 1] } };
    const { tags } = scratch.value;
    const words = encode(point, { x: -5, y: 0xffff_fffe, tags: [0, 1] });
    expect([...words]).toEqual([-5, -2, 2, 0, 1]);
    expect(decode(point, words, scratch)).toEqual({ x: -5, y: 0xffff_fffe, tags: [0, 1] });
    expect(scratch.value.tags).toBe(tags);
  });

  it('makes a new object as a constructor would, with what is left out of its words', () => {
    const schema = record({ a: flag, scratchpad: ignored(() => ({ size: 0 })), b: list(record({ c: flag })) });
    const made = decode(schema, encode(schema, { a: 1, scratchpad: { size: 9 }, b: [{ c: 1 }] }));
    expect(Object.entries(made)).toEqual([
      ['a', 1],
      ['scratchpad', { size: 0 }],
      ['b', [{ c: 1 }]],
    ]);
    expect(schema.save(made)).toEqual({ a: 1, b: [{ c: 1 }] });
    expect(loadState(schema, { a: 1, b: [] })).toEqual({ a: 1, scratchpad: { size: 0 }, b: [] });
    expect(equal(schema, made, { ...made, scratchpad: { size: 3 } })).toBe(true);
  });

  it('takes two words for what does not fit into one', () => {
    for (const value of [0, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      const words = encode(safeInteger, value);
      expect(words).toHaveLength(2);
      expect(decode(safeInteger, words)).toBe(value);
    }
  });

  it('says that words were too few by ending beyond them', () => {
    const words = new Int32Array(3);
    expect(point.encode({ x: 1, y: 2, tags: [0, 1] }, words, 0)).toBe(5);
  });

  it('round-trips, as words and as JSON, whatever object is decoded into', () => {
    const pixels = list(record({ at: pair(safeInteger), colour: register, names: list(list(integer(-9, 9), 3)) }));
    const values = fc.array(
      fc.record({
        at: fc.tuple(fc.maxSafeInteger(), fc.maxSafeInteger()),
        colour: fc.nat(0xffff_ffff),
        names: fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 })),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(values, values, (value, other) => {
        expect(decode(pixels, encode(pixels, value))).toEqual(value);
        expect(decode(pixels, encode(pixels, value), { value: structuredClone(other) })).toEqual(value);
        expect(loadState(pixels, JSON.parse(JSON.stringify(pixels.save(value))))).toEqual(value);
        expect(equal(pixels, value, other)).toBe(String(encode(pixels, value)) === String(encode(pixels, other)));
      }),
    );
  });
});

describe('the difference of two states', () => {
  it('names every place that differs, in presented form', () => {
    const from = { x: 1, y: 2, tags: [0, 1, 1] };
    const found = difference(point, from, { x: 1, y: 3, tags: [1] });
    expect(found.map(({ path, from: a, to }) => [pathName(path), a, to])).toEqual([
      ['y', 2, 3],
      ['tags[0]', 0, 1],
      ['tags[2]', 1, undefined],
      ['tags[1]', 1, undefined],
    ]);
    expect(difference(point, from, from)).toEqual([]);
  });

  it('shows frames by the names of their stages', () => {
    const [before, after] = [toyMachine(2), toyMachine(2)];
    const frame = after.threads[0]?.[0];
    if (frame !== undefined) frame.at += 1;
    call(after, { ...after.processors[1], thread: 1 } as never, sendMessage).to = 1;
    const found = difference(toySchemas.machine, before, after);
    expect(found.map(({ path, from, to }) => [pathName(path), from, to])).toEqual([
      ['threads[0][0].at', 'toy-source.prepare', 'toy-source.fill'],
      ['threads[1][1]', undefined, { at: 'toy-send.decode', value: 0, left: 0, event: 0, locals: { to: 1, coded: 0 } }],
    ]);
  });

  it('shows the locals of a frame together if it is of another routine', () => {
    const machine = toyMachine(2);
    const [source, target] = machine.threads as [never[], never[]];
    const found = difference(frames, source, target);
    expect(found.map(({ path, from, to }) => [pathName(path), from, to])).toEqual([
      ['[0].at', 'toy-source.prepare', 'toy-target.idle'],
      ['[0].locals', { rounds: 0 }, {}],
    ]);
  });
});

describe('loading a state', () => {
  const machine = () => JSON.parse(JSON.stringify(toySchemas.machine.save(toyMachine(2))));
  const load = (change: (json: ReturnType<typeof machine>) => void): string => {
    const json = machine();
    change(json);
    return rejection(() => loadState(toySchemas.machine, json, 'machine'));
  };

  it('accepts what was saved', () => {
    expect(loadState(toySchemas.machine, machine())).toEqual(toyMachine(2));
  });

  it('says where and why not', () => {
    expect(
      load((m) => {
        m.threads[0][0].at = 'toy-source.missing';
      }),
    ).toBe("machine.threads[0][0].at: no stage 'toy-source.missing'");
    expect(
      load((m) => {
        m.threads[0][0].at = 3;
      }),
    ).toBe('machine.threads[0][0].at: 3 is not a name');
    expect(
      load((m) => {
        m.threads[0][0].locals.rounds = 1.5;
      }),
    ).toMatch(/^machine\.threads\[0\]\[0\]\.locals\.rounds: 1\.5 is not an integer/);
    expect(
      load((m) => {
        m.threads[0][0].locals.other = 1;
      }),
    ).toBe('machine.threads[0][0].locals.other: is not a field of the state');
    expect(
      load((m) => {
        delete m.threads[0][0].value;
      }),
    ).toBe('machine.threads[0][0].value: is missing');
    expect(
      load((m) => {
        m.threads = {};
      }),
    ).toBe('machine.threads: {} is not a list');
    expect(
      load((m) => {
        m.threads[0] = null;
      }),
    ).toBe('machine.threads[0]: null is not a list of frames');
    expect(
      load((m) => {
        m.processors[1].thread = 2;
      }),
    ).toBe('machine.processors[1].thread: threads[2] does not exist (2 available)');
    expect(
      load((m) => {
        m.processors[1] = [];
      }),
    ).toBe('machine.processors[1]: [] is not an object');
    expect(
      load((m) => {
        m.processors[1].masked = 2;
      }),
    ).toBe('machine.processors[1].masked: 2 is not an integer from 0 to 1');
    expect(
      load((m) => {
        m.processors[1].masked = '1';
      }),
    ).toBe('machine.processors[1].masked: "1" is not an integer from 0 to 1');
    expect(
      load((m) => {
        m.acknowledged.pop();
      }),
    ).toBe("machine.acknowledged: has 1 elements, not 2, one for each of 'processors'");
    expect(
      load((m) => {
        m.requests = { count: 0, words: [] };
      }),
    ).toBe('machine.requests: is not a field of the state');
    expect(rejection(() => loadState(pair(flag), [1]))).toBe('has 1 elements, not 2');
  });

  it('takes ids of lists outside of the state', () => {
    const schema = record({ owner: list(id('processors', -1)) });
    expect(loadState(schema, { owner: [-1, 3] }, 'timing', { processors: 4 })).toEqual({ owner: [-1, 3] });
    expect(rejection(() => loadState(schema, { owner: [-1, 4] }, 'timing', { processors: 4 }))).toBe(
      'timing.owner[1]: processors[4] does not exist (4 available)',
    );
  });
});

describe('frames', () => {
  it('decode into whatever frames are there, and leave out only what belongs to time', () => {
    const anyPlan = plans(3, 5, false);
    const somewhere = fc.nat(40);
    fc.assert(
      fc.property(anyPlan, somewhere, somewhere, (plan, a, b) => {
        const built = buildPlan(plan);
        const [first, second] = [a, b].map((stages) => {
          const run = new TimedRun(built.state(), built.timed);
          run.run({ stages });
          const { machine } = run.state;
          machine.requests = emptyRequests();
          for (const thread of machine.threads) for (const frame of thread) frame.left = 0;
          return machine;
        }) as [ReturnType<typeof built.machine>, ReturnType<typeof built.machine>];
        const { machine } = randomSchemas;
        const words = encode(machine, second);
        expect(decode(machine, words, { value: first })).toEqual(second);
        expect(encode(machine, first)).toEqual(words);
        expect(decode(machine, words)).toEqual(second);
      }),
    );
  });

  it('decode into frames of other routines', () => {
    const [source, target] = toyMachine(2).threads as [Thread, Thread];
    const words = encode(frames, source);
    expect(decode(frames, words, { value: target })).toEqual(toyMachine(2).threads[0]);
    expect(decode(frames, encode(frames, toyMachine(2).threads[1] ?? []), { value: source })).toEqual(
      toyMachine(2).threads[1],
    );
  });

  it('hold numbers of any size', () => {
    const machine = toyMachine(2);
    call(machine, machine.processors[0] as never, sendMessage).to = -(2 ** 40);
    const thread = machine.threads[0] ?? [];
    expect(decode(frames, encode(frames, thread))).toEqual(thread);
    const narrow = encode(frames, toyMachine(2).threads[0] ?? []);
    expect(narrow).toHaveLength(1 + 3);
  });

  it('hold nothing but integers', () => {
    const machine = toyMachine(2);
    call(machine, machine.processors[0] as never, sendMessage).to = 0.5;
    expect(() => encode(frames, machine.threads[0] ?? [])).toThrow(InternalError);
    expect(() => encode(frames, machine.threads[0] ?? [])).toThrow('toy-send.decode: to is 0.5, not an integer');
  });
});

describe('the number of a stage', () => {
  it('goes by its name outside of memory', () => {
    const at = stageNumber('toy-send.check');
    expect([stageAt.save(at), stageAt.save(-1)]).toEqual(['toy-send.check', null]);
    expect([loadState(stageAt, 'toy-send.check'), loadState(stageAt, null)]).toEqual([at, -1]);
    expect(rejection(() => loadState(stageAt, 'toy-send.lost', 'idt[3]'))).toBe("idt[3]: no stage 'toy-send.lost'");
    expect(difference(stageAt, at, -1)).toEqual([{ path: [], from: 'toy-send.check', to: null }]);
  });
});

describe('the stores in a buffer', () => {
  const flagOf = location<ToyMachine>('toy-flag', { get: () => 0, set: () => {} });
  const stores = [flagOf.number, 3, 7, flagOf.number, 0, -(2 ** 40)];

  it('go by the names of their locations outside of memory', () => {
    const saved = [
      ['toy-flag', 3, 7],
      ['toy-flag', 0, -(2 ** 40)],
    ];
    expect(storeBuffer.save(stores)).toEqual(saved);
    expect(loadState(storeBuffer, saved)).toEqual(stores);
    expect(decode(storeBuffer, encode(storeBuffer, stores), { value: [1, 2, 3, 4, 5, 6, 7, 8, 9] })).toEqual(stores);
    expect(decode(storeBuffer, encode(storeBuffer, stores))).toEqual(stores);
  });

  it('differ one by one', () => {
    expect(difference(storeBuffer, stores, [flagOf.number, 3, 8])).toEqual([
      { path: [0], from: ['toy-flag', 3, 7], to: ['toy-flag', 3, 8] },
      { path: [1], from: ['toy-flag', 0, -(2 ** 40)], to: undefined },
    ]);
    expect(difference(storeBuffer, [], [flagOf.number, 3, 8])).toEqual([
      { path: [0], from: undefined, to: ['toy-flag', 3, 8] },
    ]);
  });

  it('are checked', () => {
    expect(rejection(() => loadState(storeBuffer, 5, 'b'))).toBe('b: 5 is not a list of stores');
    expect(rejection(() => loadState(storeBuffer, [['toy-flag', 3]], 'b'))).toMatch(/^b\[0\]: .* is not a store/);
    expect(rejection(() => loadState(storeBuffer, [['nowhere', 3, 4]], 'b'))).toBe('b[0][0]: no location "nowhere"');
    expect(rejection(() => loadState(storeBuffer, [['toy-flag', -3, 4]], 'b'))).toMatch(/^b\[0\]\[1\]: -3 is not/);
  });
});
