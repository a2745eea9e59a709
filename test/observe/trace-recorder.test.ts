import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveCosts } from '../../src/engine/costs.js';
import { call, callOn, interruptWith, retireInstruction } from '../../src/engine/frames.js';
import type { Hooks } from '../../src/engine/interpreter.js';
import { recordKind } from '../../src/engine/records.js';
import { costKey, notify, observe, send } from '../../src/engine/requests.js';
import { costKeysOf, local, notation, shared } from '../../src/engine/routine.js';
import { saveRun } from '../../src/engine/save.js';
import { createProcessor, emptyRequests, type Machine, type Processor, type Thread } from '../../src/engine/state.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import { nestedSlices } from '../../src/observe/slices.js';
import { createTrace, spansByProcessor, stackOf, type Trace } from '../../src/observe/trace.js';
import { recordTrace } from '../../src/observe/trace-recorder.js';
import { buildPlan, plans, randomSchemas } from '../engine/random-machine.js';
import { allSpans } from './sample.js';

/** A processor that has a guest: enough of one to change modes. */
interface SmallProcessor extends Processor {
  vcpu: number;
  nonRoot: number;
  pending: number;
}

interface SmallMachine extends Machine {
  processors: SmallProcessor[];
  ready: number;
}

const { program, instruction, microcode, stage, glue, until } = notation<SmallMachine, SmallProcessor>();
const flight = costKey('traceFlight');
const tick = 'traceTick';
// The random machines observe kinds 0 to 5.
const kinds = ['zero', 'one', 'two', 'three', 'four', 'five'].map((name) => recordKind(`seen-${name}`, 'value'));

const leaveGuest = microcode('trace-exit', () => ({}), [stage('save', tick, shared, () => {})]);

/** Traps out of the instruction that called it: the instruction is gone when the stage has ended. */
const trap = microcode('trace-trap', () => ({}), [
  stage('check', tick, shared, (m, cpu) => {
    retireInstruction(m.threads[cpu.thread] as Thread);
    observe(m, kinds[0] as number, 7);
    cpu.nonRoot = 0;
    cpu.thread = 1;
    callOn(m.threads[1] as Thread, leaveGuest);
  }),
]);

const store = instruction(
  'trace-store',
  () => ({}),
  [],
  [
    glue('begin', (m, cpu) => {
      call(m, cpu, trap);
    }),
    stage('retire', tick, shared, () => {}),
  ],
);

const guestProgram = program('trace-guest', () => ({}), [
  stage('prepare', tick, local, () => {}),
  glue('store', (m, cpu) => {
    call(m, cpu, store);
  }),
]);

const hostProgram = program('trace-host', () => ({}), [
  stage('enter', tick, shared, (_m, cpu) => {
    cpu.nonRoot = 1;
    cpu.thread = 0;
  }),
  stage('send', tick, shared, (m) => {
    send(m, 1, 0xec, flight);
  }),
  until('acknowledged', tick, (m) => m.ready === 1, { channel: () => 0 }),
]);

const worker = program('trace-worker', () => ({}), [stage('compute', tick, shared, () => {}, { work: () => 1000 })]);

const handler = program('trace-handler', () => ({}), [
  stage('acknowledge', tick, shared, (m) => {
    m.ready = 1;
    notify(m, 0);
  }),
]);

/** What the processor does on an interrupt; its last stage leads to the handler. */
const delivery = microcode('trace-delivery', () => ({}), [
  stage('vector', tick, shared, (m, cpu) => {
    interruptWith(m.threads[cpu.thread] as Thread, handler);
  }),
]);

const hooks: Hooks<SmallMachine, SmallProcessor> = {
  recognise: (m, cpu) => {
    cpu.attention = 0;
    if (cpu.pending === 0) return false;
    cpu.pending = 0;
    interruptWith(m.threads[cpu.thread] as Thread, delivery);
    return true;
  },
  arrive: (_m, cpu) => {
    cpu.pending = 1;
    cpu.attention = 1;
  },
  expire: () => -1,
  shadowEnded: () => {},
};

function record(): Trace {
  const machine: SmallMachine = {
    processors: [0, 1].map((id) => ({ ...createProcessor(id, id + 1), vcpu: id - 1, nonRoot: 0, pending: 0 })),
    threads: [[], [], []],
    timers: [],
    storeBuffers: 0,
    requests: emptyRequests(),
    ready: 0,
  };
  (machine.processors[0] as SmallProcessor).vcpu = 0;
  (machine.processors[1] as SmallProcessor).vcpu = -1;
  callOn(machine.threads[0] as Thread, guestProgram);
  callOn(machine.threads[1] as Thread, hostProgram);
  callOn(machine.threads[2] as Thread, worker);
  const routines = [leaveGuest, trap, store, guestProgram, hostProgram, worker, handler, delivery];
  const costs = resolveCosts({ [tick]: 10, traceFlight: 100, lineTransfer: 0 }, [
    ...costKeysOf(routines),
    'traceFlight',
  ]);
  const recorder = recordTrace(createTrace(1, [{ vm: 0, number: 0 }]));
  const state = createRunState(machine, { channels: 1, lines: 0, seed: 1 }, {});
  const run = new TimedRun(state, { hooks, costs, distance: () => 2, ...recorder.callbacks });
  expect(run.run()).toBe('quiescent');
  recorder.finish(state.timing.now);
  return recorder.trace;
}

describe('a recorded trace', () => {
  const trace = record();
  const lines = (processor: number) =>
    spansByProcessor(trace)
      .get(processor)
      ?.map(
        (span) =>
          `${span.start}-${span.end} ${span.guest ? 'guest' : 'root'} ${stackOf(trace, span.activation).join(';')};${span.stage}`,
      );

  it('has what a processor did and waited for, with its callers and its mode, without a gap', () => {
    expect(lines(0)).toEqual([
      '0-10 root trace-host;trace-host.enter',
      '10-20 guest trace-guest;trace-guest.prepare',
      // It retires the instruction that called it, and is shown under it all the same.
      '20-30 guest trace-guest;trace-store;trace-trap;trace-trap.check',
      '30-40 root trace-host;trace-exit;trace-exit.save',
      '40-50 root trace-host;trace-host.send',
      '50-170 root trace-host;trace-host.acknowledged',
      '170-180 root trace-host;trace-host.acknowledged',
    ]);
    expect(trace.waits.map((wait) => wait.stage)).toEqual(['trace-host.acknowledged']);
  });

  it('has the parts of work that an interrupt cut; delivery of an interrupt does not call the handler', () => {
    expect(lines(1)).toEqual([
      '0-150 root trace-worker;trace-worker.compute',
      '150-160 root trace-worker;trace-delivery;trace-delivery.vector',
      '160-170 root trace-worker;trace-handler;trace-handler.acknowledge',
      '170-1030 root trace-worker;trace-worker.compute',
    ]);
    const parts = trace.stages.filter((span) => span.stage === 'trace-worker.compute');
    expect(parts.map((part) => part.finished)).toEqual([false, true]);
    expect(new Set(parts.map((part) => part.activation)).size).toBe(1);
  });

  it('has messages, wakes and events, in the mode they led to', () => {
    expect(trace.flights).toEqual([{ from: 0, to: 1, message: 0xec, sent: 50, arrives: 150 }]);
    expect(trace.wakes).toEqual([{ processor: 0, time: 170, by: 1 }]);
    expect(trace.events).toEqual([{ time: 30, processor: 0, vcpu: 0, guest: false, kind: 'seen-zero', a: 7, b: 0 }]);
    expect(trace.kinds).toEqual({ 'seen-zero': ['value'] });
  });

  it('is plain data', () => {
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  });
});

describe('recording', () => {
  it('changes nothing; a processor does one thing at a time; slices nest and add up', () => {
    let cut = 0;
    let waits = 0;
    fc.assert(
      fc.property(plans(4, 6, true), (plan) => {
        const built = buildPlan(plan);
        const alone = new TimedRun(built.state(), { ...built.timed, plain: true });
        const recorder = recordTrace(createTrace(1));
        const { observe: watch, ...callbacks } = recorder.callbacks;
        const recorded = new TimedRun(built.state(), {
          ...built.timed,
          ...callbacks,
          observe: (log, time, p, kind, a, b) => {
            built.timed.observe?.(log, time, p, kind, a, b);
            watch(log, time, p, kind, a, b);
          },
        });
        expect(recorded.run({ stages: 2000 })).toBe(alone.run({ stages: 2000 }));
        expect(saveRun(recorded.state, randomSchemas)).toEqual(saveRun(alone.state, randomSchemas));
        recorder.finish(recorded.state.timing.now);
        const { trace } = recorder;
        expect(trace.stages.filter((stage) => stage.finished).length).toBe(recorded.stages);
        cut += trace.stages.filter((stage) => !stage.finished).length;
        waits += trace.waits.length;
        for (const spans of spansByProcessor(trace).values()) {
          for (const [index, span] of spans.entries()) {
            expect(span.end).toBeGreaterThanOrEqual(span.start);
            if (index > 0) expect(span.start).toBeGreaterThanOrEqual(spans[index - 1]?.end as number);
          }
          const slices = nestedSlices(trace, spans);
          const open: (typeof slices)[number][] = [];
          let leaves = 0;
          for (const slice of slices) {
            open.length = slice.depth;
            const outer = open[slice.depth - 1];
            if (outer !== undefined) {
              expect(outer.start).toBeLessThanOrEqual(slice.start);
              expect(outer.end).toBeGreaterThanOrEqual(slice.end);
            }
            open.push(slice);
            if (slice.type !== 'routine') leaves += slice.end - slice.start;
          }
          expect(leaves).toBe(spans.reduce((sum, span) => sum + span.end - span.start, 0));
        }
        expect(
          allSpans(trace).every((span) => stackOf(trace, span.activation).at(-1) === span.stage.split('.')[0]),
        ).toBe(true);
      }),
      { numRuns: 200 },
    );
    // The machines were such that it could have gone wrong.
    expect(cut).toBeGreaterThan(0);
    expect(waits).toBeGreaterThan(0);
  });
});
