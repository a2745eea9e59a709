import { recordKindOf } from '../engine/records.js';
import { type Stage, StageType, stageName, stageTable } from '../engine/routine.js';
import type { Frame, Processor, Thread } from '../engine/state.js';
import type { Trace } from './trace.js';

/** A processor as a trace sees it: what has no VMX has neither field. */
export interface TracedProcessor extends Processor {
  /** The virtual CPU whose VMCS is current, -1 for none. */
  readonly vcpu?: number;
  /** 1 in VMX non-root operation. */
  readonly nonRoot?: number;
}

/** What a timed run calls so that a trace fills: pass these among its options. */
export interface TraceCallbacks {
  readonly plain: true;
  onBegin(processor: TracedProcessor, stage: Stage, time: number, thread: Thread): void;
  onStage(processor: number, stage: Stage, start: number, end: number): void;
  onSend(from: number, to: number, message: number, sent: number, arrives: number): void;
  onWake(processor: number, time: number, by: number): void;
  observe(observers: unknown, time: number, processor: number, kind: number, a: number, b: number): void;
}

/** Records a run into a trace. */
export interface TraceRecorder {
  readonly trace: Trace;
  readonly callbacks: TraceCallbacks;
  /** Ends, at `time`, what processors still wait for. The run must not go on afterwards. */
  finish(time: number): void;
}

interface Begun {
  readonly processor: TracedProcessor;
  readonly stage: Stage;
  readonly time: number;
  readonly activation: number;
  readonly vcpu: number;
  readonly guest: boolean;
}

/**
 * Records a run into `trace`: give `callbacks` to the run's options, and call `finish` when it has ended. The run is one event per
 * stage, so several times slower than without.
 */
export function recordTrace(trace: Trace): TraceRecorder {
  const begun: (Begun | undefined)[] = [];
  const processors: TracedProcessor[] = [];
  const activations = new WeakMap<Frame, number>();

  /** The activation of the top frame, with all that called it. */
  function activationOf(thread: Thread): number {
    let known = thread.length - 1;
    while (known >= 0 && !activations.has(thread[known] as Frame)) known--;
    for (let index = known + 1; index < thread.length; index++) {
      const frame = thread[index] as Frame;
      const { routine } = stageTable[frame.at] as Stage;
      activations.set(frame, trace.activations.length);
      trace.activations.push({ routine: routine.name, kind: routine.kind, caller: callerOf(thread, index) });
    }
    return activations.get(thread[thread.length - 1] as Frame) as number;
  }

  /** What the processor does on an event is over when the handler begins to which it leads: it did not call it. */
  function callerOf(thread: Thread, index: number): number {
    for (let below = index - 1; below >= 0; below--) {
      const frame = thread[below] as Frame;
      const stage = stageTable[frame.at] as Stage;
      if (stage.type !== StageType.end || stage.kind === 'program') return activations.get(frame) as number;
    }
    return -1;
  }

  /** What was begun and did not end: a wait, or a stage that was cut. */
  function leave(id: number, time: number): void {
    const open = begun[id];
    if (open === undefined) return;
    begun[id] = undefined;
    if (open.time === time) return;
    const { vcpu, guest, activation } = open;
    const span = {
      processor: id,
      vcpu,
      guest,
      stage: stageName(open.stage.at),
      activation,
      start: open.time,
      end: time,
    };
    if (open.stage.type === StageType.wait) trace.waits.push(span);
    else trace.stages.push({ ...span, finished: false });
  }

  return {
    trace,
    callbacks: {
      plain: true,
      onBegin: (processor, stage, time, thread) => {
        processors[processor.id] = processor;
        leave(processor.id, time);
        const { vcpu = -1, nonRoot = 0 } = processor;
        begun[processor.id] = { processor, stage, time, activation: activationOf(thread), vcpu, guest: nonRoot === 1 };
      },
      onStage: (id, stage, start, end) => {
        const open = begun[id];
        if (open === undefined) return;
        begun[id] = undefined;
        const { vcpu, guest, activation } = open;
        trace.stages.push({
          processor: id,
          vcpu,
          guest,
          stage: stageName(stage.at),
          activation,
          start,
          end,
          finished: true,
        });
      },
      onSend: (from, to, message, sent, arrives) => {
        trace.flights.push({ from, to, message, sent, arrives });
      },
      onWake: (processor, time, by) => {
        trace.wakes.push({ processor, time, by });
      },
      observe: (_observers, time, processor, number, a, b) => {
        const kind = recordKindOf(number);
        trace.kinds[kind.name] ??= kind.fields;
        const { vcpu = -1, nonRoot = 0 } = processors[processor] ?? {};
        trace.events.push({ time, processor, vcpu, guest: nonRoot === 1, kind: kind.name, a, b });
      },
    },
    finish: (time) => {
      for (let id = 0; id < begun.length; id++) leave(id, time);
    },
  };
}
