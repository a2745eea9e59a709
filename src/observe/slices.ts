import type { RoutineKind } from '../engine/routine.js';
import { exitReasonName } from './exit-reason-name.js';
import { type ActivationRecord, type SpanRecord, spansByProcessor, stageOnly, type Trace } from './trace.js';

/** A bar of a timeline: a routine with all that it called, or a stage or wait inside it. */
export interface Slice {
  /** The routine, or the stage without its routine. */
  readonly name: string;
  /** The routine that it is or belongs to. */
  readonly routine: string;
  readonly type: 'routine' | 'stage' | 'wait';
  /** What kind of routine it is, or is part of. */
  readonly kind: RoutineKind;
  /** 0 for the outermost routine of a thread; what is inside is one deeper. */
  readonly depth: number;
  readonly start: number;
  end: number;
}

/**
 * The slices of spans that follow one another, outer ones before inner ones. They nest. A routine that goes on after something else had
 * the processor is a slice again.
 *
 * @param spans - of one processor or one virtual CPU, in the order of time
 */
export function nestedSlices(trace: Trace, spans: readonly SpanRecord[]): Slice[] {
  const slices: Slice[] = [];
  let open: { activation: number; slice: Slice }[] = [];
  let time = Number.NaN;
  for (const span of spans) {
    const path = callersOf(trace, span.activation);
    let shared = 0;
    if (span.start === time) while (shared < path.length && open[shared]?.activation === path[shared]) shared++;
    open = open.slice(0, shared);
    for (let depth = shared; depth < path.length; depth++) {
      const activation = path[depth] as number;
      const { routine, kind } = trace.activations[activation] as ActivationRecord;
      const slice: Slice = { name: routine, routine, type: 'routine', kind, depth, start: span.start, end: span.end };
      slices.push(slice);
      open.push({ activation, slice });
    }
    for (const { slice } of open) slice.end = span.end;
    const { routine, kind } = trace.activations[span.activation] as ActivationRecord;
    slices.push({
      name: stageOnly(span.stage),
      routine,
      type: 'finished' in span ? 'stage' : 'wait',
      kind,
      depth: path.length,
      start: span.start,
      end: span.end,
    });
    time = span.end;
  }
  return slices;
}

/** How many of the outermost routines all these spans have in common. */
export function commonCallers(trace: Trace, spans: readonly SpanRecord[]): number {
  let common: number[] | undefined;
  for (const span of spans) {
    const path = callersOf(trace, span.activation);
    common = common === undefined ? path : common.filter((activation, depth) => path[depth] === activation);
  }
  return common?.length ?? 0;
}

/** An activation and all that led to it, outermost first. */
function callersOf(trace: Trace, activation: number): number[] {
  const path: number[] = [];
  for (let at = activation; at >= 0; at = (trace.activations[at] as ActivationRecord).caller) path.push(at);
  return path.reverse();
}

/** A time without a break that a processor was in one mode for one virtual CPU. */
export interface ModeSpan {
  readonly processor: number;
  /** The virtual CPU that was current, -1 for none. */
  readonly vcpu: number;
  /** True in VMX non-root operation. */
  readonly guest: boolean;
  /** The exit that began a time in root operation: Linux's name, `MSR_WRITE`; empty if none is in the trace. */
  readonly reason: string;
  readonly start: number;
  end: number;
  /** What happened meanwhile, in the order of time. */
  readonly spans: SpanRecord[];
}

/** When each processor was in the guest and when in the hypervisor: by processor, in the order of time. */
export function modeSpans(trace: Trace): ModeSpan[] {
  const exits = new Map<string, string>();
  for (const event of trace.events) {
    if (event.kind === 'vm-exit') exits.set(`${event.processor} ${event.time}`, exitReasonName(event.a));
  }
  const modes: ModeSpan[] = [];
  for (const [processor, spans] of spansByProcessor(trace)) {
    let current: ModeSpan | undefined;
    for (const span of spans) {
      const { vcpu, guest, start, end } = span;
      if (current?.end === start && current.guest === guest && current.vcpu === vcpu) {
        current.end = end;
        current.spans.push(span);
        continue;
      }
      const reason = guest ? '' : (exits.get(`${processor} ${start}`) ?? '');
      current = { processor, vcpu, guest, reason, start, end, spans: [span] };
      modes.push(current);
    }
  }
  return modes;
}
