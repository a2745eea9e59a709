import { createQueue, type EventQueue } from './queue.js';
import { createRandom } from './random.js';
import type { Machine } from './state.js';

/** What {@link Timing.phase} holds for a processor that is not waiting on a channel. */
export const Phase = {
  /** Its event ends the stage it is in. */
  running: -1,
  /** It waits on no channel, or has nothing to run. */
  idle: -2,
  /** Its event begins a stage. */
  beginning: -3,
  /** As `running`, and the stage is work that an interrupt cuts. */
  working: -4,
} as const;

/** The part of the state that belongs to time: clocks, line owners, generators, deadlines. Times are TSC cycles. */
export interface Timing {
  now: number;
  /** 1 once the processors have begun their first stages. */
  begun: number;
  /** Per processor: the sequence number of its event in the queue, 0 if it has none. */
  event: number[];
  /** Per processor: the channel it waits on (0 and above), or a {@link Phase}. */
  phase: number[];
  /** Per processor: when its work stage ends; of no meaning in other phases. */
  workEnd: number[];
  /** Per channel: the processors that wait on it, in the order in which they came. */
  waiters: number[][];
  /** Per timer: the sequence number of its event, 0 if none, and its deadline. */
  timerEvent: number[];
  deadline: number[];
  /** Per cache line: the processor that touched it last, -1 for none. */
  lineOwner: number[];
  /** Per processor: its generator of randomness. */
  random: number[][];
  /** Messages in flight by slot: the processor they go to and what they are; free slots. */
  messageTo: number[];
  message: number[];
  freeMessages: number[];
}

/** All of a run: saved, it continues identically elsewhere. */
export interface RunState<M extends Machine, O = unknown> {
  machine: M;
  timing: Timing;
  queue: EventQueue;
  /** Counters, and what checks remember. Nothing that happens depends on it. */
  observers: O;
}

/** What a run has of each kind, beside what the machine shows. */
export interface RunSize {
  readonly channels: number;
  readonly lines: number;
  /** Any integer: the generators of all processors follow from it. */
  readonly seed: number;
}

/** The state of a run at time 0. */
export function createRunState<M extends Machine, O>(machine: M, size: RunSize, observers: O): RunState<M, O> {
  const { processors } = machine;
  const zeros = () => processors.map(() => 0);
  return {
    machine,
    timing: {
      now: 0,
      begun: 0,
      event: zeros(),
      phase: processors.map(() => Phase.idle),
      workEnd: zeros(),
      waiters: Array.from({ length: size.channels }, () => []),
      timerEvent: machine.timers.map(() => 0),
      deadline: machine.timers.map(() => 0),
      lineOwner: Array.from({ length: size.lines }, () => -1),
      random: processors.map((_, stream) => createRandom(size.seed, stream)),
      messageTo: [],
      message: [],
      freeMessages: [],
    },
    queue: createQueue(),
    observers,
  };
}
