import { type ModeSpan, modeSpans, nestedSlices } from './slices.js';
import { type EventRecord, type SpanRecord, spansByProcessor, type Trace, vcpuLabel } from './trace.js';

/** An event of the Chrome trace event format, as far as {@link chromeTrace} uses it. */
export interface ChromeEvent {
  /** `M` metadata, `B` and `E` the ends of a slice, `i` an instant, `C` a counter, `s` and `f` the ends of a flow. */
  readonly ph: 'M' | 'B' | 'E' | 'i' | 'C' | 's' | 'f';
  readonly name?: string;
  readonly cat?: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts?: number;
  readonly id?: number;
  /** Of a flow's end: it belongs to the slice that encloses it. */
  readonly bp?: 'e';
  /** Of an instant: it belongs to its thread. */
  readonly s?: 't';
  readonly args?: Readonly<Record<string, string | number>>;
}

/** A document of the Chrome trace event format. */
export interface ChromeTrace {
  readonly displayTimeUnit: 'ns';
  readonly otherData: Readonly<Record<string, string | number>>;
  readonly traceEvents: readonly ChromeEvent[];
}

interface Track {
  readonly pid: number;
  readonly tid: number;
}

const host = 1;

/**
 * A trace in the Chrome trace event format, which Perfetto and chrome://tracing open. A process per VM has a thread per virtual
 * CPU: whether it was in the guest or in the hypervisor, and inside that the routines and stages, nested. The process `host` has a
 * thread per logical processor: which virtual CPU it had. Interrupts from processor to processor, and waits that another processor
 * ended, are flows. VM exits are counted.
 *
 * Slices are pairs of `B` and `E` events: two numbers that are rounded alike stay equal, so rounding to nanoseconds in the viewer cannot
 * break the nesting.
 */
export function chromeTrace(trace: Trace): ChromeTrace {
  const modes = modeSpans(trace);
  return {
    displayTimeUnit: 'ns',
    otherData: { tscGhz: trace.tscGhz },
    traceEvents: [
      ...names(trace, modes),
      ...slices(trace, modes),
      ...instants(trace),
      ...exitCounters(trace),
      ...flows(trace),
    ],
  };
}

/**
 * {@link chromeTrace} as JSON text, an event a line: for a file that Perfetto opens.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createTrace, perfettoTrace } from 'vmx-apic/observe';
 *
 * const trace = createTrace(2, [{ vm: 0, number: 0 }]);
 * trace.activations.push({ routine: 'ipi_entry', kind: 'program', caller: -1 });
 * const where = { processor: 3, vcpu: 0, guest: true, activation: 0 };
 * trace.stages.push({ ...where, stage: 'ipi_entry.function', start: 5000, end: 5012, finished: true });
 *
 * const { traceEvents } = JSON.parse(perfettoTrace(trace));
 * const begins = traceEvents.filter((event: { ph: string }) => event.ph === 'B');
 * assert.deepEqual(begins.map((event: { name: string }) => event.name), ['vCPU 0', 'guest', 'ipi_entry', 'function']);
 * assert.equal(begins[0].ts, 2.5);
 * ```
 */
export function perfettoTrace(trace: Trace): string {
  const { traceEvents, ...head } = chromeTrace(trace);
  const lines = traceEvents.map((event) => JSON.stringify(event)).join(',\n');
  return `${JSON.stringify(head).slice(0, -1)},"traceEvents":[\n${lines}\n]}\n`;
}

/** Microseconds, to the picosecond. */
function microseconds(trace: Trace, cycles: number): number {
  return Math.round((cycles * 1000) / trace.tscGhz) / 1e6;
}

function processorTrack(processor: number): Track {
  return { pid: host, tid: processor + 1 };
}

/** Where something is shown: with its virtual CPU, or else with its processor. */
function trackOf(trace: Trace, processor: number, vcpu: number): Track {
  if (vcpu < 0) return processorTrack(processor);
  const { vm = 0, number = vcpu } = trace.vcpus[vcpu] ?? {};
  return { pid: host + 1 + vm, tid: number + 1 };
}

function names(trace: Trace, modes: readonly ModeSpan[]): ChromeEvent[] {
  const processes = new Map<number, string>([[host, 'host']]);
  const threads = new Map<string, { track: Track; name: string }>();
  const add = (track: Track, name: string): void => {
    threads.set(`${track.pid} ${track.tid}`, { track, name });
  };
  for (const { processor, vcpu } of modes) {
    add(processorTrack(processor), `CPU ${processor}`);
    if (vcpu < 0) continue;
    const { vm = 0, number = vcpu } = trace.vcpus[vcpu] ?? {};
    processes.set(host + 1 + vm, `VM ${vm}`);
    add(trackOf(trace, 0, vcpu), `vCPU ${number}`);
  }
  return [
    ...[...processes].flatMap(([pid, name]): ChromeEvent[] => [
      { ph: 'M', name: 'process_name', pid, tid: 0, args: { name } },
      // The virtual CPUs first: they are what one looks at.
      {
        ph: 'M',
        name: 'process_sort_index',
        pid,
        tid: 0,
        args: { sort_index: pid === host ? processes.size : pid - host - 1 },
      },
    ]),
    ...[...threads.values()].flatMap(({ track, name }): ChromeEvent[] => [
      { ph: 'M', name: 'thread_name', ...track, args: { name } },
      { ph: 'M', name: 'thread_sort_index', ...track, args: { sort_index: track.tid } },
    ]),
  ];
}

function modeName({ guest, reason, vcpu }: ModeSpan): string {
  if (guest) return 'guest';
  return vcpu < 0 ? 'host' : `root${reason === '' ? '' : ` (${reason})`}`;
}

interface Bar {
  readonly name: string;
  readonly cat: string;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** Pairs of `B` and `E` for bars that come outer before inner, by time. */
function pairs(trace: Trace, track: Track, bars: readonly Bar[]): ChromeEvent[] {
  const events: ChromeEvent[] = [];
  const open: Bar[] = [];
  const close = (depth: number): void => {
    while (open.length > depth) {
      const { end } = open.pop() as Bar;
      events.push({ ph: 'E', ...track, ts: microseconds(trace, end) });
    }
  };
  for (const bar of bars) {
    close(bar.depth);
    open.push(bar);
    const { name, cat, start, end } = bar;
    events.push({ ph: 'B', name, cat, ...track, ts: microseconds(trace, start), args: { cycles: end - start } });
  }
  close(0);
  return events;
}

function slices(trace: Trace, modes: readonly ModeSpan[]): ChromeEvent[] {
  // A virtual CPU that moves from processor to processor still goes forward in time.
  const byTime = [...modes].sort((a, b) => a.start - b.start);
  return byTime.flatMap((mode) => {
    const { processor, vcpu, start, end } = mode;
    const name = modeName(mode);
    const nested = nestedSlices(trace, mode.spans).map(
      (slice): Bar => ({ ...slice, cat: slice.type, depth: slice.depth + 1 }),
    );
    const bars: Bar[] = [{ name, cat: 'mode', start, end, depth: 0 }, ...nested];
    if (vcpu < 0) return pairs(trace, processorTrack(processor), bars);
    const occupant = { name: vcpuLabel(trace, vcpu), cat: 'vcpu', start, end, depth: 0 };
    return [
      ...pairs(trace, processorTrack(processor), [occupant]),
      ...pairs(trace, trackOf(trace, processor, vcpu), bars),
    ];
  });
}

function argsOf(trace: Trace, { kind, a, b }: EventRecord): Record<string, number> {
  const values = [a, b];
  return Object.fromEntries((trace.kinds[kind] ?? []).map((field, index) => [field, values[index] ?? 0]));
}

function instants(trace: Trace): ChromeEvent[] {
  return trace.events.map((event) => ({
    ph: 'i',
    name: event.kind,
    cat: 'event',
    ...trackOf(trace, event.processor, event.vcpu),
    ts: microseconds(trace, event.time),
    s: 't',
    args: argsOf(trace, event),
  }));
}

function exitCounters(trace: Trace): ChromeEvent[] {
  const counts: number[] = [];
  return trace.events
    .filter(({ kind, vcpu }) => kind === 'vm-exit' && vcpu >= 0)
    .map(({ vcpu, processor, time }) => {
      counts[vcpu] = (counts[vcpu] ?? 0) + 1;
      return {
        ph: 'C',
        name: `VM exits of ${vcpuLabel(trace, vcpu)}`,
        ...trackOf(trace, processor, vcpu),
        ts: microseconds(trace, time),
        args: { exits: counts[vcpu] as number },
      };
    });
}

/** Arrows: a flow cannot fork, so each has its own number. */
function flows(trace: Trace): ChromeEvent[] {
  const spans = spansByProcessor(trace);
  const ended = (processor: number, time: number): SpanRecord | undefined => {
    const span = lastBefore(spans.get(processor) ?? [], time);
    return span !== undefined && time <= span.end ? span : undefined;
  };
  const begun = (processor: number, time: number): SpanRecord | undefined => {
    const span = lastBefore(spans.get(processor) ?? [], time + 1);
    return span !== undefined && time < span.end ? span : undefined;
  };
  const arrows = [
    ...trace.flights.map(({ from, to, message, sent, arrives }) => {
      const vector = `${message.toString(16).toUpperCase()}H`;
      return {
        name: `interrupt ${vector}`,
        cat: 'interrupt',
        tail: ended(from, sent),
        head: begun(to, arrives),
        sent,
        arrives,
      };
    }),
    ...trace.wakes
      .filter((wake) => wake.by >= 0)
      .map(({ processor, time, by }) => {
        return {
          name: 'wait ends',
          cat: 'wait',
          tail: ended(by, time),
          head: begun(processor, time),
          sent: time,
          arrives: time,
        };
      }),
  ];
  return arrows.flatMap(({ name, cat, tail, head, sent, arrives }, id): ChromeEvent[] => {
    if (tail === undefined || head === undefined) return [];
    // Inside the stage that sends: at its end the next one would have the arrow.
    const from = Math.max(tail.start, sent - 1);
    return [
      { ph: 's', id, name, cat, ...trackOf(trace, tail.processor, tail.vcpu), ts: microseconds(trace, from) },
      {
        ph: 'f',
        id,
        name,
        cat,
        ...trackOf(trace, head.processor, head.vcpu),
        ts: microseconds(trace, arrives),
        bp: 'e',
      },
    ];
  });
}

/** The last span that begins before a time, of spans that follow one another. */
function lastBefore(spans: readonly SpanRecord[], time: number): SpanRecord | undefined {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as SpanRecord).start < time) low = middle + 1;
    else high = middle;
  }
  return spans[low - 1];
}
