import { call } from '../../src/engine/frames.js';
import { type Hooks, noHooks } from '../../src/engine/interpreter.js';
import { notify } from '../../src/engine/requests.js';
import { done, local, notation, type Routine, shared } from '../../src/engine/routine.js';
import { machineSchema, processorSchema } from '../../src/engine/schema-engine.js';
import { list, record, register } from '../../src/engine/schema-values.js';
import { createProcessor, emptyRequests, type Locals, type Machine, type Processor } from '../../src/engine/state.js';
import { fence, load, location, store, testAndSet } from '../../src/engine/store-buffer.js';

/** Processors that share a memory of a few words: what races are made of. */
export interface MemoryMachine extends Machine {
  memory: number[];
  /** What each processor has found. */
  found: number[];
}

const { program, stage, glue, until } = notation<MemoryMachine, Processor>();

/** A word of the shared memory. */
export const word = location<MemoryMachine>('memory-word', {
  get: (m, index) => m.memory[index] as number,
  set: (m, index, value) => {
    m.memory[index] = value;
  },
});

/** Adds one to word 0, in two steps between which somebody else may do the same. */
export const increment = program('memory-increment', () => ({ value: 0 }), [
  stage('read', 'memory-step', shared, (m, cpu, f) => {
    f.value = load(m, cpu, word, 0);
  }),
  stage('add', 'memory-step', local, (_m, _cpu, f) => {
    f.value++;
  }),
  stage('write', 'memory-step', shared, (m, cpu, f) => {
    store(m, cpu, word, 0, f.value);
  }),
]);

/** The same with the lock in word 1. */
export const lockedIncrement = program('memory-locked-increment', () => ({ held: 0 }), [
  until('free', 'memory-step', (m, cpu) => load(m, cpu, word, 1) === 0, { channel: () => -1 }),
  stage('take', 'memory-step', shared, (m, cpu) => (testAndSet(m, cpu, word, 1) === 1 ? 'free' : undefined), {
    to: ['free'],
  }),
  glue('increment', (m, cpu) => {
    call(m, cpu, increment);
  }),
  stage('release', 'memory-step', shared, (m, cpu) => {
    store(m, cpu, word, 1, 0);
  }),
]);

/** Announces itself in its word, then looks whether the other has: they must not both find that it has not. */
export const announce = program('memory-announce', () => ({ fenced: 0 }), [
  stage('store', 'memory-step', shared, (m, cpu) => {
    store(m, cpu, word, cpu.id, 1);
  }),
  stage('fence', 'memory-step', shared, (m, cpu, f) => {
    if (f.fenced === 1) fence(m, cpu);
  }),
  stage('load', 'memory-step', shared, (m, cpu) => {
    m.found[cpu.id] = load(m, cpu, word, 1 - cpu.id);
  }),
]);

/** Goes round for ever once word 0 is 1; otherwise it ends. */
export const spinIfSet = program('memory-spin-if-set', () => ({}), [
  stage('look', 'memory-step', shared, (m) => (m.memory[0] === 1 ? 'round' : undefined), { to: ['round'] }),
  glue('leave', () => done),
  stage('round', 'memory-step', shared, () => 'round', { to: ['round'] }),
]);

/** A defect: a stage that names another which it does not list. */
export const broken = program('memory-broken', () => ({}), [
  stage('fail', 'memory-step', shared, (m) => (m.memory[0] === 0 ? ('nowhere' as never) : undefined)),
]);

/** A defect: a stage that others can notice, although it says not. */
export const liar = program('memory-liar', () => ({}), [
  stage('tell', 'memory-step', local, (m) => {
    notify(m, 0);
  }),
]);

export const memoryHooks: Hooks<MemoryMachine, Processor> = noHooks;

/** Each processor runs its routine, given its operands. */
export function memoryMachine(
  routines: readonly Routine[],
  operands: Locals = {},
  storeBuffers: 0 | 1 = 0,
): MemoryMachine {
  const machine: MemoryMachine = {
    processors: routines.map((_, id) => createProcessor(id, id)),
    threads: routines.map(() => []),
    timers: [],
    storeBuffers,
    requests: emptyRequests(),
    memory: [0, 0],
    found: routines.map(() => 2),
  };
  routines.forEach((routine, p) => {
    Object.assign(call(machine, machine.processors[p] as Processor, routine), operands);
  });
  return machine;
}

export const memorySchemas = {
  machine: machineSchema(processorSchema({}), { memory: list(register), found: list(register) }),
  observers: record({}),
};
