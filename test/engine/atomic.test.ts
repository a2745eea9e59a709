import { describe, expect, it } from 'vitest';
import { runAtomic } from '../../src/engine/atomic.js';
import { InternalError } from '../../src/engine/errors.js';
import { call, restartInstruction, stackNames } from '../../src/engine/frames.js';
import { arm, costKey, notify, observe, readClock, send } from '../../src/engine/requests.js';
import { local, notation, shared } from '../../src/engine/routine.js';
import { createTimer, type Thread } from '../../src/engine/state.js';
import { type ToyMachine, type ToyProcessor, toyHooks, toyMachine } from './ping-pong.js';

const { program, instruction, microcode, stage, glue, until } = notation<ToyMachine, ToyProcessor>();
const flight = costKey('toy-flight');

const add = microcode('atomic-add', () => ({ a: 0, b: 0 }), [
  stage('add', 'toy-step', local, (_m, _cpu, f) => f.a + f.b),
]);

const sum = microcode('atomic-sum', () => ({ upTo: 0, i: 0, sum: 0 }), [
  glue('next', (m, cpu, f) => {
    Object.assign(call(m, cpu, add), { a: f.sum, b: ++f.i });
  }),
  stage(
    'take',
    'toy-step',
    local,
    (_m, _cpu, f, returned) => {
      f.sum = returned;
      return f.i < f.upTo ? 'next' : f.sum;
    },
    { to: ['next'] },
  ),
]);

const everything = program('atomic-everything', () => ({}), [
  stage('send', 'toy-step', shared, (m) => {
    send(m, 1, 7, flight);
    send(m, 1, 3, flight);
    arm(m, 0, 100);
    notify(m, 0);
    observe(m, 1, 2, 3);
  }),
  stage('clock', 'toy-step', local, (m) => {
    readClock(m);
  }),
  stage('use', 'toy-step', local, (_m, _cpu, _f, returned) => 5 + returned),
]);

const waiting = microcode('atomic-waiting', () => ({ open: 0 }), [
  until('gate', 'toy-step', (_m, _cpu, f) => f.open === 1, { channel: () => -1 }),
  stage('through', 'toy-step', local, () => 1),
]);

const faulting = instruction(
  'atomic-faulting',
  () => ({ fault: 0 }),
  [],
  [
    stage('fault', 'toy-step', shared, (m, cpu, f) => {
      if (f.fault === 1) restartInstruction(m.threads[cpu.thread] as Thread);
    }),
    stage('retire', 'toy-step', local, () => 4),
  ],
);

const misplaced = microcode('atomic-misplaced', () => ({}), [
  stage('leave', 'toy-step', shared, (m, cpu) => {
    cpu.thread = m.threads.length;
    m.threads.push([]);
  }),
]);

const endless = microcode('atomic-endless', () => ({}), [
  stage('again', 'toy-step', local, () => 'again', { to: ['again'] }),
]);

function idle(): [ToyMachine, ToyProcessor] {
  const machine = toyMachine(2);
  machine.timers.push(createTimer());
  return [machine, machine.processors[0] as ToyProcessor];
}

describe('an atomic run', () => {
  it('returns what the routine returns, and leaves the thread as it was', () => {
    const [machine, cpu] = idle();
    const before = structuredClone(machine);
    expect(runAtomic(machine, cpu, sum, { upTo: 10 })).toBe(55);
    expect(runAtomic(machine, cpu, faulting, {})).toBe(4);
    expect(machine).toEqual(before);
  });

  it('leaves messages in flight and timers armed, and the clock at 0', () => {
    const [machine, cpu] = idle();
    const observed: number[][] = [];
    const observe = (processor: number, kind: number, a: number, b: number) => {
      observed.push([processor, kind, a, b]);
    };
    expect(runAtomic(machine, cpu, everything, {}, { observe })).toBe(5);
    expect(machine.processors[1]?.inFlight).toEqual([3, 7]);
    expect(machine.timers[0]).toEqual({ armed: 1, expired: 0, channel: -1 });
    expect(machine.requests.count).toBe(0);
    expect(observed).toEqual([[0, 1, 2, 3]]);
  });

  it('goes through a wait whose condition holds; another is an error', () => {
    const [machine, cpu] = idle();
    expect(runAtomic(machine, cpu, waiting, { open: 1 })).toBe(1);
    expect(() => runAtomic(machine, cpu, waiting, {})).toThrow(InternalError);
    expect(() => runAtomic(machine, cpu, waiting, {})).toThrow('atomic-waiting.gate: waits in an atomic run');
  });

  it('ends where a restart of the instruction leaves the processor', () => {
    const [machine, cpu] = idle();
    call(machine, cpu, faulting).fault = 1;
    const fault = microcode('atomic-fault', () => ({}), [
      stage('restart', 'toy-step', shared, (m, p) => {
        restartInstruction(m.threads[p.thread] as Thread);
      }),
    ]);
    expect(runAtomic(machine, cpu, fault, {})).toBe(0);
    expect(stackNames(machine.threads[0] ?? [])).toEqual(['toy-source.prepare', 'atomic-faulting.fault']);
  });

  it('recognises events only if it is told how', () => {
    const [machine, cpu] = idle();
    Object.assign(cpu, { id: 0, attention: 1, pending: 1 });
    runAtomic(machine, cpu, everything, {});
    expect(cpu.attention).toBe(1);
    const target = machine.processors[1] as ToyProcessor;
    target.attention = 1;
    target.pending = 1;
    runAtomic(machine, target, everything, {}, { hooks: toyHooks });
    expect([target.attention, target.pending, machine.acknowledged[0]]).toEqual([0, 0, 1]);
  });

  it('must come back to its thread, and to an end', () => {
    const [machine, cpu] = idle();
    expect(() => runAtomic(machine, cpu, misplaced, {})).toThrow('atomic-misplaced: left its thread in an atomic run');
    cpu.thread = 0;
    expect(() => runAtomic(machine, cpu, endless, {})).toThrow('atomic-endless.again: still runs after 1000000 stages');
  });
});
