import { describe, expect, it } from 'vitest';
import {
  type ChromeEvent,
  chromeTrace,
  createTrace,
  perfettoTrace,
  sliceTrace,
  type Trace,
} from '../../src/observe/index.js';
import { allSpans, cyclesOf, sampleTrace } from './sample.js';
import { scenarioTraces } from './scenario-traces.js';

interface ReadSlice {
  name: string;
  cat: string;
  track: string;
  start: number;
  end: number;
  depth: number;
}

/** Reads slices as a viewer does: per thread, in the order of time, ends before beginnings only if they stand so. */
function readSlices(events: readonly ChromeEvent[]): ReadSlice[] {
  const slices: ReadSlice[] = [];
  const open = new Map<string, ReadSlice[]>();
  const ordered = events
    .filter((event) => event.ph === 'B' || event.ph === 'E')
    .sort((a, b) => (a.ts ?? 0) - (b.ts ?? 0));
  for (const { ph, pid, tid, ts = Number.NaN, name = '', cat = '' } of ordered) {
    const track = `${pid}/${tid}`;
    const stack = open.get(track) ?? [];
    open.set(track, stack);
    if (ph === 'B') {
      stack.push({ name, cat, track, start: ts, end: Number.NaN, depth: stack.length });
    } else {
      const slice = stack.pop();
      if (slice === undefined) throw new Error(`${track}: an end at ${ts} without a beginning`);
      slices.push({ ...slice, end: ts });
    }
  }
  for (const [track, stack] of open)
    if (stack.length > 0) throw new Error(`${track}: ${stack.length} slices do not end`);
  return slices;
}

function check(trace: Trace): void {
  const { traceEvents, displayTimeUnit } = JSON.parse(perfettoTrace(trace)) as ReturnType<typeof chromeTrace>;
  expect(displayTimeUnit).toBe('ns');
  const slices = readSlices(traceEvents);
  for (const slice of slices) {
    expect(slice.end).toBeGreaterThanOrEqual(slice.start);
    for (const inner of slices) {
      if (inner.track !== slice.track || inner.depth !== slice.depth + 1) continue;
      const apart = inner.end <= slice.start || inner.start >= slice.end;
      expect(apart || (inner.start >= slice.start && inner.end <= slice.end)).toBe(true);
    }
  }
  // What was done and waited for adds up.
  const leaves = slices.filter((slice) => slice.cat === 'stage' || slice.cat === 'wait');
  const microseconds = leaves.reduce((sum, slice) => sum + slice.end - slice.start, 0);
  expect(microseconds).toBeCloseTo(cyclesOf(allSpans(trace)) / trace.tscGhz / 1000, 6);
  // Every flow has a beginning and an end, each inside a slice of its thread.
  const flows = traceEvents.filter((event) => event.ph === 's' || event.ph === 'f');
  const ids = new Set(flows.map((event) => event.id));
  expect(flows.length).toBe(2 * ids.size);
  for (const id of ids) {
    const [from, to] = flows.filter((event) => event.id === id);
    expect([from?.ph, to?.ph, from?.name === to?.name]).toEqual(['s', 'f', true]);
    expect(from?.ts as number).toBeLessThanOrEqual(to?.ts as number);
  }
  for (const { pid, tid, ts = Number.NaN } of flows) {
    expect(leaves.some((slice) => slice.track === `${pid}/${tid}` && slice.start <= ts && ts < slice.end)).toBe(true);
  }
  // Every thread has a name.
  const named = new Set(
    traceEvents.filter((event) => event.name === 'thread_name').map(({ pid, tid }) => `${pid}/${tid}`),
  );
  expect(slices.filter((slice) => !named.has(slice.track))).toEqual([]);
}

describe('a Perfetto trace', () => {
  it('has the modes, routines and stages of a virtual CPU, nested', () => {
    const { traceEvents } = chromeTrace(sampleTrace());
    const slices = readSlices(traceEvents)
      .filter((slice) => slice.track === '2/1')
      .sort((a, b) => a.start - b.start || a.depth - b.depth)
      .map((slice) => `${'  '.repeat(slice.depth)}${slice.name} ${slice.start}-${slice.end}`);
    expect(slices).toEqual([
      'guest 0-0.015',
      '  sender 0-0.015',
      '    prepare 0-0.005',
      '    wrmsr 0.005-0.015',
      '      msr-bitmap 0.005-0.015',
      'root (MSR_WRITE) 0.015-0.075',
      '  vcpu_run 0.015-0.075',
      '    vm-exit 0.015-0.03',
      '      save-guest-load-host 0.015-0.03',
      '    kvm_apic_send_ipi 0.03-0.05',
      '      build-irq 0.03-0.035',
      '      notify 0.035-0.05',
      '    vm-entry 0.05-0.075',
      '      load-guest-state 0.05-0.075',
      'guest 0.075-0.2',
      '  sender 0.075-0.2',
      '    spin 0.075-0.19',
      '    spin 0.19-0.2',
    ]);
  });

  it('has processors, arrows, instants and a count of exits', () => {
    const { traceEvents } = chromeTrace(sampleTrace());
    expect(
      readSlices(traceEvents)
        .filter((slice) => slice.track === '1/1')
        .map((slice) => slice.name),
    ).toEqual(new Array(3).fill('vCPU 0'));
    expect(traceEvents.filter((event) => event.ph === 's' || event.ph === 'f')).toEqual([
      { ph: 's', id: 0, name: 'interrupt F2H', cat: 'interrupt', pid: 2, tid: 1, ts: 0.0495 },
      { ph: 'f', id: 0, name: 'interrupt F2H', cat: 'interrupt', pid: 2, tid: 2, ts: 0.12, bp: 'e' },
      { ph: 's', id: 1, name: 'wait ends', cat: 'wait', pid: 2, tid: 2, ts: 0.1895 },
      { ph: 'f', id: 1, name: 'wait ends', cat: 'wait', pid: 2, tid: 1, ts: 0.19, bp: 'e' },
    ]);
    expect(traceEvents.filter((event) => event.ph === 'i').map(({ name, args }) => [name, args])).toEqual([
      ['vm-exit', { reason: 32, qualification: 0 }],
      ['vm-entry', { vcpu: 0 }],
      ['delivered', { vcpu: 1, vector: 32 }],
    ]);
    expect(traceEvents.filter((event) => event.ph === 'C')).toEqual([
      { ph: 'C', name: 'VM exits of vCPU 0', pid: 2, tid: 1, ts: 0.015, args: { exits: 1 } },
    ]);
  });

  it('names VMs, virtual CPUs and processors', () => {
    const trace = sampleTrace();
    trace.vcpus[1] = { vm: 1, number: 0 };
    const names = chromeTrace(trace).traceEvents.filter((event) => event.name?.endsWith('_name'));
    expect(names.map(({ pid, tid, args }) => `${pid}/${tid} ${args?.['name']}`)).toEqual([
      '1/0 host',
      '2/0 VM 0',
      '3/0 VM 1',
      '1/1 CPU 0',
      '2/1 vCPU 0',
      '1/2 CPU 1',
      '3/1 vCPU 0',
    ]);
  });

  it('shows what runs without a virtual CPU with its processor', () => {
    const trace = createTrace(1);
    trace.activations.push({ routine: 'idle', kind: 'program', caller: -1 });
    const where = { processor: 4, vcpu: -1, guest: false, activation: 0 };
    trace.stages.push({ ...where, stage: 'idle.poll', start: 0, end: 5, finished: true });
    const slices = readSlices(chromeTrace(trace).traceEvents);
    expect(slices.map((slice) => `${slice.track} ${slice.name}`)).toEqual(['1/5 poll', '1/5 idle', '1/5 host']);
  });

  it('leaves out an arrow of which one end is not in the trace', () => {
    const part = sliceTrace(sampleTrace(), 0, 240);
    expect(chromeTrace(part).traceEvents.filter((event) => event.ph === 's')).toEqual([]);
  });

  it('nests, adds up and has whole flows: by hand, at odd clocks, and in the published experiment', () => {
    for (const tscGhz of [2, 1.7, 2.9, 3.333]) check({ ...sampleTrace(), tscGhz });
    const traced = scenarioTraces();
    expect(traced.length).toBe(4);
    for (const { trace, from, to } of traced) {
      check(trace);
      check(sliceTrace(trace, from, to));
    }
  });
});
