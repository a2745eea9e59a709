import type { Timing } from './timing.js';

/*
 * What the numbers in the queue stand for: 0 and above a processor whose stage ends (or begins), below 0 the expiry of a timer
 * or the arrival of a message.
 */

/** @internal The event of a timer. */
export function timerEvent(timer: number): number {
  return -2 - 2 * timer;
}

/** @internal The event of the message in a slot. */
export function messageEvent(slot: number): number {
  return -1 - 2 * slot;
}

/** @internal True for the expiry of a timer, of the events below 0. */
export function isTimer(event: number): boolean {
  return (event & 1) === 0;
}

/** @internal The timer that expires. */
export function timerOf(event: number): number {
  return (-2 - event) >> 1;
}

/** @internal The slot of the message that arrives. */
export function slotOf(event: number): number {
  return (-1 - event) >> 1;
}

/** @internal False for the event of a processor or a timer that has been cancelled or has got another since. */
export function isLive(timing: Timing, event: number, sequence: number): boolean {
  if (event >= 0) return timing.event[event] === sequence;
  return !isTimer(event) || timing.timerEvent[timerOf(event)] === sequence;
}
