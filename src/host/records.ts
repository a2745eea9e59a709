import { recordKind } from '../engine/records.js';

/** What the scheduler tells observers. */
export const HostRecord = {
  /** A task leaves its processor: 1 if it stays runnable, 0 if it sleeps. Tracepoint `sched_switch`, its first half. */
  schedOut: recordKind('sched-out', 'task', 'runnable'),
  /** A task comes onto a processor; the processor it ran on before. Tracepoint `sched_switch`, its second half. */
  schedIn: recordKind('sched-in', 'task', 'before'),
  /** A task that slept is ready on a processor's queue. Tracepoint `sched_wakeup`. */
  wakeup: recordKind('sched-wakeup', 'task', 'processor'),
} as const;
