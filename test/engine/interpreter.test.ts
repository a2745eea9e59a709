import { describe, expect, it } from 'vitest';
import { call } from '../../src/engine/frames.js';
import { noHooks, runStage, settle } from '../../src/engine/interpreter.js';
import { notify, observe } from '../../src/engine/requests.js';
import { done, local, notation, type Routine, type Stage, shared, stageTable } from '../../src/engine/routine.js';
import { createProcessor, emptyRequests, type Frame, type Machine, type Processor } from '../../src/engine/state.js';

const { program, instruction, stage, glue } = notation<Machine, Processor>();

const endless = program('interpreter-endless', () => ({}), [glue('again', () => 'again', { to: ['again'] })]);
const noisy = program('interpreter-noisy', () => ({ quiet: 0 }), [
  glue('tell', (m, _cpu, f) => {
    observe(m, 1);
    if (f.quiet === 0) notify(m, 0);
  }),
]);
const callee = instruction('interpreter-callee', () => ({}), [], [stage('give', 'step', local, () => 7)]);
const caller = program('interpreter-caller', () => ({ got: 0, how: 0 }), [
  stage(
    'call',
    'step',
    shared,
    (m, cpu, f) => {
      call(m, cpu, callee);
      return f.how === 0 ? 'take' : f.how === 1 ? done : f.how === 2 ? ('lost' as 'take') : undefined;
    },
    { to: ['take'] },
  ),
  stage('skipped', 'step', local, () => undefined),
  stage('take', 'step', local, (_m, _cpu, f, returned) => {
    f.got = returned;
  }),
]);

function machineFor(routine: Routine<never>): [Machine, Processor, Frame] {
  const processor = createProcessor(0, 0);
  const machine: Machine = {
    processors: [processor],
    threads: [[]],
    timers: [],
    storeBuffers: 0,
    requests: emptyRequests(),
  };
  call(machine, processor, routine);
  return [machine, processor, machine.threads[0]?.[0] as Frame];
}

/** Runs the stage that is next. */
function step(machine: Machine, processor: Processor): string | undefined {
  const frames = machine.threads[0] ?? [];
  const frame = frames.at(-1) as Frame;
  runStage(machine, processor, frames, frame, stageTable[frame.at] as Stage);
  return settle(machine, processor, noHooks, false)?.name;
}

describe('an effect', () => {
  it('calls a routine, goes on behind itself or where it says, and finds there what was returned', () => {
    const [machine, processor, frame] = machineFor(caller as never);
    expect(step(machine, processor)).toBe('give');
    expect(step(machine, processor)).toBe('take');
    step(machine, processor);
    expect(frame.locals).toEqual({ got: 7, how: 0 });
    const [other, its, falls] = machineFor(caller as never);
    falls.locals['how'] = 3;
    step(other, its);
    expect(step(other, its)).toBe('skipped');
  });

  it('must not return when it has called another routine, nor go where it does not say', () => {
    const [machine, processor, frame] = machineFor(caller as never);
    frame.locals['how'] = 1;
    expect(() => step(machine, processor)).toThrow('interpreter-caller.call: returns although it has called another');
    const [other, its, lost] = machineFor(caller as never);
    lost.locals['how'] = 2;
    expect(() => step(other, its)).toThrow("interpreter-caller.call: goes to 'lost', which it does not list");
  });
});

describe('glue', () => {
  it('must not go round for ever', () => {
    const [machine, processor] = machineFor(endless as never);
    expect(() => settle(machine, processor, noHooks, false)).toThrow(
      'interpreter-endless.again: an endless loop of elements without cost',
    );
  });

  it('happens at no time of its own, so all it may ask for is to be observed', () => {
    const [machine, processor, frame] = machineFor(noisy as never);
    expect(() => settle(machine, processor, noHooks, false)).toThrow('interpreter-noisy.tell: is glue but sends');
    const [quiet, its, its2] = machineFor(noisy as never);
    its2.locals['quiet'] = 1;
    expect(settle(quiet, its, noHooks, false)).toBeUndefined();
    expect(quiet.requests.count).toBe(4);
    expect(frame.locals).toEqual({ quiet: 0 });
  });
});

describe('a boundary', () => {
  it('is where events are recognised, unless the processor is ahead of the clock', () => {
    const [machine, processor] = machineFor(noisy as never);
    processor.attention = 1;
    expect(settle(machine, processor, noHooks, true)?.name).toBe('tell');
    expect(processor.attention).toBe(1);
    machine.threads = [[]];
    expect(settle(machine, processor, noHooks, true)).toBeUndefined();
    expect(processor.attention).toBe(1);
    expect(settle(machine, processor, noHooks, false)).toBeUndefined();
    expect(processor.attention).toBe(0);
  });
});
