import type { RoutineKind } from '../engine/routine.js';

/** One activation of a routine. */
export interface ActivationRecord {
  readonly routine: string;
  readonly kind: RoutineKind;
  /** The activation that called it, or that it interrupted: an index in {@link Trace.activations}; -1 for the outermost of its thread. */
  readonly caller: number;
}

/** What a processor did, or waited for, without a break. Times are TSC cycles. */
export interface SpanRecord {
  /** The logical processor. */
  readonly processor: number;
  /** The virtual CPU that was current on it, -1 for none. */
  readonly vcpu: number;
  /** True in VMX non-root operation: what the guest does, and what the processor does for it. */
  readonly guest: boolean;
  /** `routine.stage` */
  readonly stage: string;
  /** The activation of the routine: an index in {@link Trace.activations}. */
  readonly activation: number;
  readonly start: number;
  readonly end: number;
}

/** A stage that a processor ran. */
export interface StageRecord extends SpanRecord {
  /** False if an interrupt cut the stage at `end`: the rest follows later, in the same activation. */
  readonly finished: boolean;
}

/** A wait of a processor: spinning, pausing, idle in a stage that goes on when a condition holds or an interrupt comes. */
export type WaitRecord = SpanRecord;

/** A message from a processor to another. */
export interface FlightRecord {
  readonly from: number;
  readonly to: number;
  /** What was sent: the vector of a physical interrupt. */
  readonly message: number;
  readonly sent: number;
  readonly arrives: number;
}

/** A wait that ended because of another processor's stage. */
export interface WakeRecord {
  readonly processor: number;
  readonly time: number;
  /** The processor whose stage ended the wait; -1 for an arrival or a timer. */
  readonly by: number;
}

/** What a stage told observers, in the words of {@link Trace.kinds}. */
export interface EventRecord {
  readonly time: number;
  readonly processor: number;
  /** As in {@link SpanRecord}, after the event. */
  readonly vcpu: number;
  /** As in {@link SpanRecord}, after the event. */
  readonly guest: boolean;
  /** What happened: `vm-exit`, `vm-entry`, `posted`, `delivered`, … */
  readonly kind: string;
  readonly a: number;
  readonly b: number;
}

/** Where a virtual CPU belongs. */
export interface TracedVcpu {
  /** Index of its VM. */
  readonly vm: number;
  /** Its number in the VM: what KVM calls `vcpu_id`. */
  readonly number: number;
}

/** What happened in a run, in the order in which it ended: plain data, so it can be saved as JSON and looked at elsewhere. */
export interface Trace {
  /** Clock of the time-stamp counter, in GHz: cycles per nanosecond. */
  readonly tscGhz: number;
  /** The virtual CPUs, by the numbers that records give them. */
  readonly vcpus: TracedVcpu[];
  readonly activations: ActivationRecord[];
  readonly stages: StageRecord[];
  readonly waits: WaitRecord[];
  readonly flights: FlightRecord[];
  readonly wakes: WakeRecord[];
  readonly events: EventRecord[];
  /** By kind of event: what its `a` and `b` are; fewer names if they mean nothing. */
  readonly kinds: Record<string, readonly string[]>;
}

/**
 * An empty trace.
 *
 * @param tscGhz - clock of the time-stamp counter, in GHz, above 0
 * @param vcpus - the virtual CPUs in the order of their numbers
 */
export function createTrace(tscGhz: number, vcpus: readonly TracedVcpu[] = []): Trace {
  return {
    tscGhz,
    vcpus: [...vcpus],
    activations: [],
    stages: [],
    waits: [],
    flights: [],
    wakes: [],
    events: [],
    kinds: {},
  };
}

/**
 * The part of a trace between two times. Stages and waits that reach beyond are cut; messages, wakes and events are kept if they
 * are inside, bounds included. Activations keep their numbers.
 *
 * @param from - first cycle
 * @param to - last cycle
 */
export function sliceTrace(trace: Trace, from: number, to: number): Trace {
  const inside = <Span extends SpanRecord>(spans: readonly Span[]): Span[] =>
    spans
      .filter(
        (span) =>
          (span.end > from && span.start < to) || (span.start === span.end && span.start >= from && span.end <= to),
      )
      .map((span) => ({ ...span, start: Math.max(span.start, from), end: Math.min(span.end, to) }));
  return {
    ...trace,
    stages: inside(trace.stages),
    waits: inside(trace.waits),
    flights: trace.flights.filter((flight) => flight.sent >= from && flight.arrives <= to),
    wakes: trace.wakes.filter((wake) => wake.time >= from && wake.time <= to),
    events: trace.events.filter((event) => event.time >= from && event.time <= to),
  };
}

/** The stack of an activation: the routines from the outermost caller to the activation's own. */
export function stackOf(trace: Trace, activation: number): string[] {
  const names: string[] = [];
  for (let at = activation; at >= 0; ) {
    const record = trace.activations[at];
    if (record === undefined) break;
    names.push(record.routine);
    at = record.caller;
  }
  return names.reverse();
}

/** What people call a virtual CPU: `vCPU 1`, or `VM 0 vCPU 1` if there are several VMs. */
export function vcpuLabel(trace: Trace, vcpu: number): string {
  const { vm = 0, number = vcpu } = trace.vcpus[vcpu] ?? {};
  return trace.vcpus.some((other) => other.vm !== 0) ? `VM ${vm} vCPU ${number}` : `vCPU ${number}`;
}

/** The name of a stage without its routine. */
export function stageOnly(stage: string): string {
  return stage.slice(stage.lastIndexOf('.') + 1);
}

/** All that processors did and waited for, processor by processor in the order of time. */
export function spansByProcessor(trace: Trace): Map<number, SpanRecord[]> {
  const lists = new Map<number, SpanRecord[]>();
  for (const span of [...trace.stages, ...trace.waits]) {
    const list = lists.get(span.processor);
    if (list === undefined) lists.set(span.processor, [span]);
    else list.push(span);
  }
  // Stages that take no time keep the order in which they ended: the sort is stable.
  for (const list of lists.values()) list.sort((a, b) => a.start - b.start || a.end - b.end);
  return new Map([...lists].sort(([a], [b]) => a - b));
}
