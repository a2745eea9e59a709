import type { EventRecord, Trace } from '../observe/trace.js';
import { spansByProcessor } from '../observe/trace.js';

/** The laws that {@link checkTrace} holds a trace to, by name. */
export const traceLaws = {
  'order of time': 'Events, stages and messages come in the order of time; nothing arrives before it was sent.',
  'one thing at a time': 'What a processor does and waits for does not overlap.',
  'entry and exit alternate':
    'A processor that entered a guest leaves it before it enters again, and leaves only what it entered.',
  'one place': 'A virtual CPU is in guest mode on one processor at a time.',
  'nothing spurious':
    'A vector is delivered only if it was requested (posted, or sent to itself) since it was delivered last.',
  'priority order':
    'Of what was requested before the last entry, a guest takes the highest first, unless its handlers nest.',
  'no lost wake-up': 'A halted virtual CPU for which something is requested goes on within a bounded time.',
  'halt and polling nest':
    'A virtual CPU begins to halt before it stops, polls only while it halts, and wakes up once for each halt.',
  'one EOI per in-service vector': 'An EOI that the hypervisor sees ends a vector that was delivered and not ended.',
} as const;

/** Name of a law of traces. */
export type TraceLaw = keyof typeof traceLaws;

/** A law that a trace breaks, and where. */
export interface BrokenTraceLaw {
  readonly law: TraceLaw;
  /** TSC cycles. */
  readonly time: number;
  readonly message: string;
}

/** Options of {@link checkTrace}. */
export interface TraceCheckOptions {
  /** Cycles within which a halted virtual CPU must go on once something is requested; 1,000,000 by default. */
  readonly wakeWithin?: number;
  /** Violations after which to stop; 20 by default. */
  readonly most?: number;
}

const hex = (vector: number): string => `${vector.toString(16).toUpperCase()}H`;
const nmi = 2;

/** What a trace says of a virtual CPU as it goes on. */
interface Known {
  /** When each vector was requested and not delivered since. */
  readonly requested: Map<number, number>;
  /** Vectors that the trace may have seen requested before it began: anything, until it was delivered once. */
  readonly seen: Set<number>;
  /** Delivered and perhaps not ended. */
  readonly delivered: Set<number>;
  entered: number;
  halted: number;
  polling: boolean;
  processor: number;
}

function known(): Known {
  return {
    requested: new Map(),
    seen: new Set(),
    delivered: new Set(),
    entered: -1,
    halted: -1,
    polling: false,
    processor: -1,
  };
}

/**
 * Looks for what cannot happen in a trace: of a run of this library, or one that was read from elsewhere. A trace need not have every kind of
 * event, nor begin at the beginning: a law that needs what is not there holds.
 *
 * @returns what broke, by time; none if all is well
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { presets, traceScenario } from 'vmx-apic';
 * import { checkTrace } from 'vmx-apic/testing';
 *
 * const [xapic] = traceScenario(presets['ipi-virtualization']);
 * assert.ok(xapic);
 * assert.deepEqual(checkTrace(xapic.trace), []);
 *
 * // A vector that comes a second time without having been asked for.
 * const twice = { ...xapic.trace };
 * twice.events = twice.events.flatMap((event) => (event.kind === 'delivered' ? [event, event] : [event]));
 * assert.equal(checkTrace(twice)[0]?.law, 'nothing spurious');
 * ```
 */
export function checkTrace(trace: Trace, options: TraceCheckOptions = {}): BrokenTraceLaw[] {
  const { most = 20 } = options;
  const broken: BrokenTraceLaw[] = [];
  const breaks = (law: TraceLaw, time: number, message: string): void => {
    broken.push({ law, time, message });
  };
  checkOrder(trace, breaks);
  checkSpans(trace, breaks);
  checkEvents(trace, options, breaks);
  return broken.sort((a, b) => a.time - b.time).slice(0, most);
}

type Breaks = (law: TraceLaw, time: number, message: string) => void;

function checkOrder(trace: Trace, breaks: Breaks): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const { time, kind } of trace.events) {
    if (time < last) breaks('order of time', time, `the event '${kind}' comes after one of ${last}`);
    last = Math.max(last, time);
  }
  for (const { from, to, message, sent, arrives } of trace.flights) {
    if (arrives < sent)
      breaks('order of time', arrives, `${hex(message)} from ${from} reaches ${to} before it is sent`);
  }
}

function checkSpans(trace: Trace, breaks: Breaks): void {
  for (const [processor, spans] of spansByProcessor(trace)) {
    let busyUntil = Number.NEGATIVE_INFINITY;
    let before = '';
    for (const { stage, start, end } of spans) {
      if (end < start) breaks('order of time', start, `${stage} on processor ${processor} ends before it begins`);
      if (start < busyUntil) {
        breaks('one thing at a time', start, `processor ${processor} does ${stage} while it still does ${before}`);
      }
      if (end > busyUntil) {
        busyUntil = end;
        before = stage;
      }
    }
  }
}

/** What the events of a trace are checked with. */
class EventChecks {
  private readonly vcpus = new Map<number, Known>();
  /** By processor: the virtual CPU that it entered; undefined while the trace has not said. */
  private readonly inside = new Map<number, number>();
  private readonly breaks: Breaks;
  private readonly wakeWithin: number;

  constructor({ wakeWithin = 1_000_000 }: TraceCheckOptions, breaks: Breaks) {
    this.breaks = breaks;
    this.wakeWithin = wakeWithin;
  }

  private of(vcpu: number): Known {
    let found = this.vcpus.get(vcpu);
    if (found === undefined) {
      found = known();
      this.vcpus.set(vcpu, found);
    }
    return found;
  }

  take(event: EventRecord): void {
    const { kind, a, b, time, processor, vcpu } = event;
    if (kind === 'vm-entry') this.enter(processor, a, time);
    else if (kind === 'vm-exit') this.exit(processor, time);
    else if (kind === 'posted' || kind === 'coalesced') this.request(a, b, time);
    else if (kind === 'ipi-sent') this.request(vcpu, b, time);
    else if (kind === 'delivered') this.deliver(a, b, time);
    else if (kind === 'halt') this.halt(a, b, time);
    else if (kind === 'halt-poll') this.poll(a, b, time);
    else if (kind === 'eoi') this.end(a, b, time);
  }

  private enter(processor: number, vcpu: number, time: number): void {
    const there = this.inside.get(processor) ?? -1;
    if (there >= 0) {
      this.breaks(
        'entry and exit alternate',
        time,
        `processor ${processor} enters virtual CPU ${vcpu} while in ${there}`,
      );
    }
    const of = this.of(vcpu);
    if (of.processor >= 0 && of.processor !== processor) {
      this.breaks(
        'one place',
        time,
        `virtual CPU ${vcpu} is entered on processor ${processor} while it runs on ${of.processor}`,
      );
    }
    of.processor = processor;
    of.entered = time;
    this.inside.set(processor, vcpu);
  }

  private exit(processor: number, time: number): void {
    const vcpu = this.inside.get(processor);
    if (vcpu === -1)
      this.breaks('entry and exit alternate', time, `processor ${processor} leaves a guest that it is not in`);
    if (vcpu !== undefined && vcpu >= 0) this.of(vcpu).processor = -1;
    this.inside.set(processor, -1);
  }

  private request(vcpu: number, vector: number, time: number): void {
    const { requested } = this.of(vcpu);
    if (!requested.has(vector)) requested.set(vector, time);
  }

  private deliver(vcpu: number, vector: number, time: number): void {
    const of = this.of(vcpu);
    if (vector === nmi || vector < 16) return;
    const since = of.requested.get(vector);
    if (since === undefined && of.seen.has(vector)) {
      this.breaks('nothing spurious', time, `virtual CPU ${vcpu} takes ${hex(vector)}, which was not requested again`);
    }
    for (const [other, when] of of.requested) {
      // What came after the entry may still be on its way; a handler of that class or above holds it back.
      const nests = [...of.delivered].some((one) => one >> 4 >= other >> 4);
      if (other >> 4 > vector >> 4 && when < of.entered && !nests && this.wasTaken(of, other)) {
        this.breaks(
          'priority order',
          time,
          `virtual CPU ${vcpu} takes ${hex(vector)} before ${hex(other)}, requested at ${when}`,
        );
      }
    }
    of.requested.delete(vector);
    of.seen.add(vector);
    of.delivered.add(vector);
  }

  /** Only vectors that this guest takes: one that it masks all the time proves nothing. */
  private wasTaken(of: Known, vector: number): boolean {
    return of.seen.has(vector);
  }

  private halt(vcpu: number, begins: number, time: number): void {
    const of = this.of(vcpu);
    if (begins === 1) {
      if (of.halted >= 0) this.breaks('halt and polling nest', time, `virtual CPU ${vcpu} halts while it halts`);
      of.halted = time;
      return;
    }
    if (of.polling) this.breaks('halt and polling nest', time, `virtual CPU ${vcpu} goes on while it still polls`);
    const asked = Math.min(...[...of.requested.values()].map((when) => Math.max(when, of.halted)));
    if (of.halted >= 0 && time - asked > this.wakeWithin) {
      this.breaks(
        'no lost wake-up',
        time,
        `virtual CPU ${vcpu} goes on ${time - asked} cycles after something was requested`,
      );
    }
    of.halted = -1;
  }

  private poll(vcpu: number, begins: number, time: number): void {
    const of = this.of(vcpu);
    if (begins === 1 && of.halted < 0)
      this.breaks('halt and polling nest', time, `virtual CPU ${vcpu} polls without a halt`);
    of.polling = begins === 1;
  }

  private end(vcpu: number, vector: number, time: number): void {
    const of = this.of(vcpu);
    if (of.delivered.has(vector)) {
      of.delivered.delete(vector);
    } else if (of.seen.has(vector)) {
      this.breaks('one EOI per in-service vector', time, `virtual CPU ${vcpu} ends ${hex(vector)}, which it has ended`);
    }
  }

  /** The trace is over: who halts although something was requested long ago? */
  finish(time: number): void {
    for (const [vcpu, of] of this.vcpus) {
      if (of.halted < 0) continue;
      for (const [vector, when] of of.requested) {
        if (time - Math.max(when, of.halted) <= this.wakeWithin) continue;
        this.breaks(
          'no lost wake-up',
          time,
          `virtual CPU ${vcpu} halts on although ${hex(vector)} was requested at ${when}`,
        );
      }
    }
  }
}

function checkEvents(trace: Trace, options: TraceCheckOptions, breaks: Breaks): void {
  const checks = new EventChecks(options, breaks);
  for (const event of trace.events) checks.take(event);
  const ends = [...trace.stages, ...trace.waits].map(({ end }) => end);
  const last = trace.events[trace.events.length - 1]?.time ?? 0;
  checks.finish(ends.reduce((latest, end) => Math.max(latest, end), last));
}
