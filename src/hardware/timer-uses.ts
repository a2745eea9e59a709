import { InternalError } from '../engine/errors.js';
import { createTimer, type Machine } from '../engine/state.js';

/** What the expiry of one of the machine's timers means. */
export const TimerKind = {
  /** Nothing by itself: somebody waits for it, or asks whether it has expired. */
  passive: 0,
  /** The local timer of `processor` raises `vector` there. */
  localTimer: 1,
  /** The VMX-preemption timer of virtual CPU `owner`, while it runs in VMX non-root operation. */
  preemption: 2,
  /** A device's interrupt, remapped in posted format: `vector` to descriptor `owner`. */
  postedDevice: 3,
  /** A device's interrupt, remapped to `processor`, where it raises `vector`. */
  device: 5,
  /** The PAUSE loop of virtual CPU `owner` becomes too long, while it runs in VMX non-root operation. */
  pauseLoop: 4,
  /** A device of the host's own raises `vector` on `processor`, again and again. */
  hostDevice: 6,
  /** A non-maskable interrupt on `processor`, again and again. */
  hostNmi: 7,
} as const;

/** The use of the timer of the same index in `machine.timers`. */
export interface TimerUse {
  /** {@link TimerKind}. */
  kind: number;
  /** The processor whose local timer it is; -1 for none. */
  processor: number;
  /** Physical vector that it raises. */
  vector: number;
  /** Whose it is: what that means is its user's business. */
  owner: number;
  /** How often a device's has expired. */
  count: number;
  /** From one expiry to the next of one that repeats, in cycles; 0 for all others. */
  period: number;
  /** The number of the first stage of the routine that handles it (saved by name); -1 for none. */
  handler: number;
}

/** Adds a timer, not armed, to a machine that has not run; returns its index. */
export function addTimer(machine: Machine & { timerUses: TimerUse[] }, use: Partial<TimerUse> = {}): number {
  machine.timerUses.push({
    kind: TimerKind.passive,
    processor: -1,
    vector: 0,
    owner: -1,
    count: 0,
    period: 0,
    handler: -1,
    ...use,
  });
  return machine.timers.push(createTimer()) - 1;
}

/** The use of a timer. */
export function timerUse(machine: { timerUses: TimerUse[] }, timer: number): TimerUse {
  const use = machine.timerUses[timer];
  if (use === undefined) throw new InternalError(`timer ${timer}`, 'has no use');
  return use;
}
