import type { IdleState } from '../hardware/machine.js';
import { IdleGovernor, type IdleHistory, type SchedulerOptions } from './machine.js';

/** How many times governor `menu` looks back. Linux `INTERVALS`. */
const intervals = 8;

/** No correction of governor `menu`, and how fast it learns one. Linux `RESOLUTION`, `DECAY`. */
const unity = 1024;
const correctionDecay = 8;

/** Governor `haltpoll`: first window as a part of the longest, and factors. Linux `guest_halt_poll_grow_start`, `_grow`, `_shrink`. */
const firstPart = 4;
const grow = 2;
const shrink = 2;

/** What a wake-up counts for governor `teo`. Linux `PULSE`, `DECAY_SHIFT`. */
const pulse = 1024;
const decay = 8;

/** A processor that has never been idle, on a machine with so many idle states. */
export function createIdleHistory(states: number): IdleHistory {
  return {
    state: 0,
    since: 0,
    intervals: new Array<number>(intervals).fill(0),
    next: 0,
    correction: unity,
    bins: new Array<number>(states).fill(0),
    window: 0,
    timedOut: 0,
  };
}

/**
 * How long the last times were, if they were alike: the longest ones are left out until what remains, at least three quarters, has little
 * spread. Infinity if there is no such time. Linux `get_typical_interval`.
 */
export function typicalInterval(times: readonly number[]): number {
  let left = [...times].sort((a, b) => a - b);
  while (left.length * 4 > times.length * 3 || left.length === times.length) {
    const mean = left.reduce((sum, time) => sum + time, 0) / left.length;
    const variance = left.reduce((sum, time) => sum + (time - mean) ** 2, 0) / left.length;
    if (mean * mean > 36 * variance || variance === 0) return mean;
    const longest = left[left.length - 1] as number;
    const shorter = left.filter((time) => time < longest);
    if (shorter.length * 4 < times.length * 3) return Number.POSITIVE_INFINITY;
    left = shorter;
  }
  return Number.POSITIVE_INFINITY;
}

/** The deepest state that pays if the processor is idle for so long; never the polling one if there is another. */
function deepestFor(states: readonly IdleState[], length: number): number {
  let chosen = Math.min(1, states.length - 1);
  for (let state = chosen; state < states.length; state++) {
    if ((states[state] as IdleState).targetResidency <= length) chosen = state;
  }
  return chosen;
}

/** Governor `teo`: lighter than the deepest where that would have been too deep more often than not. Linux `teo_select`. */
function teo(states: readonly IdleState[], bins: readonly number[], deepest: number): number {
  const below = (state: number): number => bins.slice(0, state).reduce((sum, count) => sum + count, 0);
  const all = bins.reduce((sum, count) => sum + count, 0);
  if (2 * below(deepest) <= all) return deepest;
  let sum = 0;
  for (let state = deepest - 1; state > 1; state--) {
    sum += bins[state] as number;
    if (2 * sum >= below(deepest)) return state;
  }
  return Math.min(1, states.length - 1);
}

/** The idle state to go into: 0 polls. Linux `menu_select`, `teo_select`, `haltpoll_select`. Timers of the host are known to none: the tick bounds what they expect. */
export function selectIdleState(
  states: readonly IdleState[],
  history: IdleHistory,
  { governor, tick }: SchedulerOptions,
): number {
  if (states.length === 1) return 0;
  if (governor === IdleGovernor.haltpoll) {
    if (history.window === 0) return 1;
    return history.state === 0 && history.timedOut === 1 ? 1 : 0;
  }
  if (governor === IdleGovernor.teo) return teo(states, history.bins, deepestFor(states, tick));
  const expected = Math.round((tick * history.correction) / unity);
  return deepestFor(states, Math.min(expected, typicalInterval(history.intervals)));
}

/** Learns from a time in an idle state. Linux `menu_update`, `teo_update`, `adjust_poll_limit`. */
export function reflectIdle(
  states: readonly IdleState[],
  history: IdleHistory,
  { governor, idlePollMax, tick }: SchedulerOptions,
  length: number,
): void {
  if (governor === IdleGovernor.menu) {
    history.intervals[history.next] = length;
    history.next = (history.next + 1) % intervals;
    const ratio = Math.round((unity * Math.min(length, tick)) / Math.max(1, tick));
    history.correction += Math.round((ratio - history.correction) / correctionDecay);
  } else if (governor === IdleGovernor.teo) {
    const bin = deepestFor(states, length);
    history.bins.forEach((count, state) => {
      history.bins[state] = count - Math.floor(count / decay);
    });
    history.bins[bin] = (history.bins[bin] as number) + pulse;
  } else if (history.state !== 0) {
    if (length > history.window && length <= idlePollMax) {
      const larger = Math.max(grow * history.window, Math.round(idlePollMax / firstPart));
      history.window = Math.min(larger, idlePollMax);
    } else if (length > idlePollMax) {
      history.window = Math.floor(history.window / shrink);
    }
  }
}
