import { describe, expect, it } from 'vitest';
import { InternalError } from '../../src/engine/errors.js';
import {
  call,
  callOn,
  frameOf,
  inInstruction,
  interruptAt,
  interruptWith,
  restartInstruction,
  retireInstruction,
  stackNames,
  stageOf,
  topFrame,
  within,
} from '../../src/engine/frames.js';
import type { Processor, Thread } from '../../src/engine/state.js';
import { entry, handler, sendMessage, source, type ToyMachine, toyMachine } from './ping-pong.js';

/** A thread in the middle of an instruction that has called microcode. */
function busyThread(): [Thread, ToyMachine] {
  const machine = toyMachine(2);
  const thread = machine.threads[0] as Thread;
  const locals = call(machine, machine.processors[0] as Processor, sendMessage);
  locals.to = 1;
  locals.coded = 7;
  const instruction = topFrame(thread);
  if (instruction !== undefined) Object.assign(instruction, { at: instruction.at + 2, value: 3, left: 4 });
  callOn(thread, entry);
  return [thread, machine];
}

describe('a thread', () => {
  it('is a stack of frames, the running one last', () => {
    const [thread] = busyThread();
    expect(stackNames(thread)).toEqual(['toy-source.prepare', 'toy-send.send', 'toy-entry.acknowledge']);
    expect(stageOf(frameOf(source as never)).name).toBe('prepare');
    expect(topFrame([])).toBeUndefined();
  });

  it('is in an instruction until that retires', () => {
    const [thread] = busyThread();
    expect(inInstruction(thread)).toBe(true);
    interruptWith(thread, handler);
    expect(inInstruction(thread)).toBe(false);
    expect(inInstruction([])).toBe(false);
    interruptAt(thread, handler.entry);
    expect(thread.slice(-2)).toEqual([
      { at: handler.entry, value: 0, left: 0, event: 1, locals: { work: 0 } },
      { at: handler.entry, value: 0, left: 0, event: 1, locals: { work: 0 } },
    ]);
  });
});

describe('an instruction', () => {
  it('restarts from its operands: what it called and what it had worked out are dropped', () => {
    const [thread] = busyThread();
    restartInstruction(thread);
    expect(stackNames(thread)).toEqual(['toy-source.prepare', 'toy-send.decode']);
    expect(topFrame(thread)).toMatchObject({ value: 0, left: 0, locals: { to: 1, coded: 0 } });
  });

  it('retires with all that it called, and gives its caller a value', () => {
    const [thread] = busyThread();
    retireInstruction(thread, 9);
    expect(stackNames(thread)).toEqual(['toy-source.prepare']);
    expect(topFrame(thread)?.value).toBe(9);
  });

  it('must be on top to restart or to retire', () => {
    const [thread] = busyThread();
    retireInstruction(thread);
    expect(() => retireInstruction(thread)).toThrow(InternalError);
    expect(() => retireInstruction(thread)).toThrow('toy-source.prepare: no instruction on top to retire');
    expect(() => restartInstruction(thread)).toThrow('toy-source.prepare: no instruction on top to restart');
    expect(() => restartInstruction([])).toThrow('ended thread: no instruction on top to restart');
  });
});

describe('being within a routine', () => {
  it('is being behind one of its stages and not yet behind another', () => {
    const places = ['decode', 'check', 'send', 'retire', 'end'];
    const where = (test: (thread: Thread) => boolean): string[] =>
      places.filter((_, i) => test([{ ...frameOf(sendMessage as never), at: sendMessage.entry + i }]));
    expect(where(within(sendMessage))).toEqual(['decode', 'check', 'send', 'retire']);
    expect(where(within(sendMessage, 'decode', 'send'))).toEqual(['check', 'send']);
    expect(where(within(sendMessage, undefined, 'check'))).toEqual(['decode', 'check']);
    expect(where(within(sendMessage, 'send'))).toEqual(['retire']);
    expect(within(source)(busyThread()[0])).toBe(true);
    expect(within(handler)(busyThread()[0])).toBe(false);
    expect(() => within(sendMessage, 'lost')).toThrow("toy-send: there is no stage 'lost'");
  });
});
