import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTrace, type EventRecord, type Trace } from '../../src/observe/trace.js';
import { arbitraries, checkTrace, type TraceLaw } from '../../src/testing/index.js';
import { runs } from '../runs.js';

const any = arbitraries(fc);

test('the traces of runs of this library break no law', () => {
  fc.assert(
    fc.property(any.trace(), (trace) => {
      expect(checkTrace(trace)).toEqual([]);
    }),
    runs(60),
  );
});

/** A trace of events of virtual CPU 0 on processor 0, a cycle apart: `kind a b`, or `kind a b @processor`. */
function traceOf(...lines: string[]): Trace {
  const trace = createTrace(2);
  lines.forEach((line, time) => {
    const [kind = '', a = '0', b = '0', at = '@0'] = line.split(' ');
    const processor = Number(at.slice(1));
    const event: EventRecord = { time, processor, vcpu: 0, guest: false, kind, a: Number(a), b: Number(b) };
    trace.events.push(event);
  });
  return trace;
}

const lawsOf = (trace: Trace, wakeWithin = 1e6): TraceLaw[] => checkTrace(trace, { wakeWithin }).map(({ law }) => law);

describe('what is noticed', () => {
  test.each<[TraceLaw, Trace]>([
    ['nothing spurious', traceOf('posted 0 49', 'vm-entry 0', 'delivered 0 49', 'delivered 0 49')],
    ['entry and exit alternate', traceOf('vm-entry 0', 'vm-entry 0')],
    ['entry and exit alternate', traceOf('vm-entry 0', 'vm-exit 12', 'vm-exit 12')],
    ['one place', traceOf('vm-entry 0', 'vm-entry 0 0 @1')],
    ['halt and polling nest', traceOf('halt 0 1', 'halt 0 1')],
    ['halt and polling nest', traceOf('halt-poll 0 1')],
    ['halt and polling nest', traceOf('halt 0 1', 'halt-poll 0 1', 'halt 0 0')],
    ['one EOI per in-service vector', traceOf('posted 0 49', 'delivered 0 49', 'eoi 0 49', 'eoi 0 49')],
    [
      'priority order',
      traceOf(
        'posted 0 81',
        'delivered 0 81',
        'eoi 0 81',
        'posted 0 81',
        'posted 0 49',
        'vm-entry 0',
        'delivered 0 49',
      ),
    ],
  ])('%s', (law, trace) => {
    expect(lawsOf(trace)).toEqual([law]);
  });

  test('a wake-up that takes too long, or never comes', () => {
    const late = traceOf('halt 0 1', 'posted 0 49', 'vm-exit 0', 'vm-exit 0 0 @1', 'halt 0 0');
    expect(lawsOf(late, 2)).toEqual(['no lost wake-up']);
    expect(lawsOf(late, 3)).toEqual([]);
    const never = traceOf('halt 0 1', 'posted 0 49', 'vm-entry 1 0 @1', 'vm-exit 1 0 @1', 'vm-entry 1 0 @1');
    expect(lawsOf(never, 2)).toEqual(['no lost wake-up']);
  });

  test('events out of order, spans that overlap, messages that arrive too early', () => {
    const span = { processor: 0, vcpu: -1, guest: false, activation: 0, finished: true };
    const trace = traceOf('vm-entry 0', 'vm-exit 0');
    const [first, second] = trace.events as [EventRecord, EventRecord];
    expect(lawsOf({ ...trace, events: [second, first] })).toContain('order of time');
    const overlapping = [
      { ...span, stage: 'a.b', start: 0, end: 10 },
      { ...span, stage: 'a.c', start: 9, end: 12 },
    ];
    expect(lawsOf({ ...trace, stages: overlapping })).toEqual(['one thing at a time']);
    expect(lawsOf({ ...trace, stages: [{ ...span, stage: 'a.b', start: 3, end: 2 }] })).toEqual(['order of time']);
    expect(lawsOf({ ...trace, flights: [{ from: 0, to: 1, message: 0xf2, sent: 5, arrives: 4 }] })).toEqual([
      'order of time',
    ]);
  });

  test('no more than is asked for', () => {
    const many = traceOf(...new Array<string>(50).fill('vm-entry 0'));
    expect(checkTrace(many)).toHaveLength(20);
    expect(checkTrace(many, { most: 3 })).toHaveLength(3);
  });
});

test('a trace that begins in the middle breaks no law by what it does not show', () => {
  expect(lawsOf(traceOf('vm-exit 1', 'delivered 0 49', 'eoi 0 49', 'halt 0 0', 'halt-poll 0 0'))).toEqual([]);
});
