import { call } from '../../src/engine/frames.js';
import type { Hooks } from '../../src/engine/interpreter.js';
import { costKey, notify, observe, send } from '../../src/engine/requests.js';
import { local, notation, shared } from '../../src/engine/routine.js';
import { machineSchema, processorSchema } from '../../src/engine/schema-engine.js';
import { integer, list, record } from '../../src/engine/schema-values.js';
import { emptyRequests, type Machine, type Processor } from '../../src/engine/state.js';

/**
 * A toy machine with which the engine is tested: pairs of processors; one sends a message and spins until the other, which
 * counts meanwhile, has taken it as an interrupt and acknowledged.
 */
export interface ToyMachine extends Machine {
  processors: ToyProcessor[];
  acknowledged: number[];
}

export interface ToyProcessor extends Processor {
  pending: number;
}

const { program, instruction, microcode, stage, glue, until } = notation<ToyMachine, ToyProcessor>();
const flight = costKey('toy-flight');
const roundTrip = 1;

export const sendMessage = instruction(
  'toy-send',
  () => ({ to: 0, coded: 0 }),
  ['coded'],
  [
    stage('decode', 'toy-step', local, (_m, _cpu, f) => {
      f.coded = f.to;
    }),
    stage('check', 'toy-step', local, () => {}),
    stage('send', 'toy-step', shared, (m, _cpu, f) => {
      send(m, f.coded, 1, flight);
    }),
    stage('retire', 'toy-step', local, () => {}),
  ],
);

export const source = program('toy-source', () => ({ rounds: 0 }), [
  stage(
    'prepare',
    'toy-step',
    shared,
    (m, cpu) => {
      m.acknowledged[cpu.id] = 0;
    },
    { line: (_m, cpu) => cpu.id },
  ),
  stage('fill', 'toy-step', local, () => {}),
  glue('send', (m, cpu) => {
    call(m, cpu, sendMessage).to = cpu.id + 1;
  }),
  until('acknowledged', 'toy-step', (m, cpu) => m.acknowledged[cpu.id] === 1, {
    channel: (_m, cpu) => cpu.id,
    line: (_m, cpu) => cpu.id,
  }),
  stage('count', 'toy-step', local, (m, _cpu, f) => {
    f.rounds++;
    observe(m, roundTrip, f.rounds);
  }),
  glue('again', () => 'prepare', { to: ['prepare'] }),
]);

const target = program('toy-target', () => ({}), [until('idle', 'toy-step', () => false, { channel: () => -1 })]);

export const entry = microcode('toy-entry', () => ({}), [
  stage('acknowledge', 'toy-step', local, () => {}),
  stage('save', 'toy-step', local, () => {}),
  stage('vector', 'toy-step', local, () => {}),
]);

export const handler = program('toy-handler', () => ({ work: 0 }), [
  glue('enter', (m, cpu) => {
    call(m, cpu, entry);
  }),
  stage('work', 'toy-step', local, (_m, _cpu, f) => {
    f.work++;
  }),
  stage(
    'acknowledge',
    'toy-step',
    shared,
    (m, cpu) => {
      m.acknowledged[cpu.id - 1] = 1;
      notify(m, cpu.id - 1);
    },
    { line: (_m, cpu) => cpu.id - 1 },
  ),
  stage('unmask', 'toy-step', shared, (_m, cpu) => {
    cpu.masked = 0;
  }),
]);

export const toyRoutines = [sendMessage, source, target, entry, handler];
export const toyCosts = {
  'toy-step': 10,
  'toy-flight': [0, 40, 100, 300] as const,
  lineTransfer: [0, 20, 60, 150] as const,
};
export const toyDistance = (a: number, b: number): number => (a === b ? 0 : a >> 1 === b >> 1 ? 2 : 3);

export const toyHooks: Hooks<ToyMachine, ToyProcessor> = {
  recognise: (m, cpu) => {
    if (cpu.masked === 1) return false;
    cpu.attention = 0;
    cpu.pending--;
    cpu.masked = 1;
    call(m, cpu, handler);
    return true;
  },
  arrive: (_m, cpu) => {
    cpu.pending++;
    cpu.attention = 1;
  },
  expire: () => -1,
  shadowEnded: () => {},
};

/** Written out: objects made by a spread have a hidden class each. */
function toyProcessor(id: number): ToyProcessor {
  return { id, thread: id, attention: 0, masked: 0, shadow: 0, inFlight: [], storeBuffer: [], pending: 0 };
}

export function toyMachine(processors: number): ToyMachine {
  const machine: ToyMachine = {
    processors: Array.from({ length: processors }, (_, id) => toyProcessor(id)),
    threads: Array.from({ length: processors }, () => []),
    timers: [],
    storeBuffers: 0,
    requests: emptyRequests(),
    acknowledged: Array.from({ length: processors }, () => 0),
  };
  for (const cpu of machine.processors) call(machine, cpu, cpu.id % 2 === 0 ? source : target);
  return machine;
}

const count = integer(0, 2 ** 31 - 1);
export const toySchemas = {
  machine: machineSchema(processorSchema({ pending: count }), { acknowledged: list(integer(0, 1), 'processors') }),
  observers: record({ rounds: count }),
};
