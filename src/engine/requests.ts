import { costKeyNumber } from './routine.js';
import type { Machine, Timer } from './state.js';

/** @internal What the words of a request mean: its first word. */
export const Request = { notify: 0, send: 1, arm: 2, cancel: 3, observe: 4, readClock: 5 } as const;

/**
 * A cost that an effect names itself: the flight of a message, the duration of a timer. Made once, at module level, so that
 * the profile is checked for its key.
 */
export interface CostKey {
  readonly key: string;
  readonly number: number;
}

/** A cost key for {@link send}. */
export function costKey(key: string): CostKey {
  return { key, number: costKeyNumber(key) };
}

function push(machine: Machine, kind: number, a: number, b: number, c: number): void {
  const { requests } = machine;
  const { words } = requests;
  const at = requests.count;
  words[at] = kind;
  words[at + 1] = a;
  words[at + 2] = b;
  words[at + 3] = c;
  requests.count = at + 4;
}

/** Whoever waits on `channel` tests its condition again. */
export function notify(machine: Machine, channel: number): void {
  push(machine, Request.notify, channel, 0, 0);
}

/**
 * Sends `message` to processor `to`; it arrives after `flight` (by distance), or when the explorer says so.
 *
 * @param message - a number of the sender's making, 0 to 2^31 - 1; the machine's hooks say what its arrival means
 */
export function send(machine: Machine, to: number, message: number, flight: CostKey): void {
  push(machine, Request.send, to, message, flight.number);
}

/**
 * Arms a timer to expire `cycles` from now (0 or more, rounded up to whole cycles); re-arming replaces the old deadline.
 *
 * @param channel - notified at expiry; -1 for none
 */
export function arm(machine: Machine, timer: number, cycles: number, channel = -1): void {
  const state = machine.timers[timer] as Timer;
  state.armed = 1;
  state.expired = 0;
  state.channel = channel;
  push(machine, Request.arm, timer, cycles, 0);
}

/** Disarms a timer and forgets that it expired. */
export function cancel(machine: Machine, timer: number): void {
  const state = machine.timers[timer] as Timer;
  state.expired = 0;
  if (state.armed === 0) return;
  state.armed = 0;
  push(machine, Request.cancel, timer, 0, 0);
}

/** True if the timer expired since it was last armed. */
export function expired(machine: Machine, timer: number): boolean {
  return (machine.timers[timer] as Timer).expired === 1;
}

/**
 * Tells the observers something: `kind` says what `a` and `b` are. The time and the processor are added. No effect may depend on it.
 */
export function observe(machine: Machine, kind: number, a = 0, b = 0): void {
  push(machine, Request.observe, kind, a, b);
}

/** RDTSC: the stage that follows finds the time, in cycles, in its `returned`. Explored runs read 0. */
export function readClock(machine: Machine): void {
  push(machine, Request.readClock, 0, 0, 0);
}
