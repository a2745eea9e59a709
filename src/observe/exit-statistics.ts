import { exitReasonName } from './exit-reason-name.js';

/** What the VM exits of one reason came to. Times are TSC cycles from exit to entry. */
export interface ExitTotals {
  /** Linux's name, as `MSR_WRITE`. */
  readonly reason: string;
  readonly count: number;
  /** All together. */
  readonly cycles: number;
  readonly min: number;
  readonly max: number;
  /** Sample standard deviation of one exit; 0 for fewer than two. */
  readonly stdev: number;
}

/** Numbers that a list of exits has for each reason: reason, count, sum, least, most, sum of squares. */
const width = 6;

/**
 * Adds one exit to a list of exits, which is plain numbers so that it can be part of a saved state.
 *
 * @param reason - basic exit reason
 * @param cycles - from exit to entry
 */
export function addExit(exits: number[], reason: number, cycles: number): void {
  add(exits, reason, 1, cycles, cycles, cycles, cycles * cycles);
}

/** Adds the exits of one list to another. */
export function mergeExits(into: number[], from: readonly number[]): void {
  for (let at = 0; at < from.length; at += width) {
    add(into, ...(from.slice(at, at + width) as [number, number, number, number, number, number]));
  }
}

function add(
  exits: number[],
  reason: number,
  count: number,
  cycles: number,
  min: number,
  max: number,
  squares: number,
): void {
  let at = 0;
  while (at < exits.length && exits[at] !== reason) at += width;
  if (at === exits.length) {
    exits.push(reason, count, cycles, min, max, squares);
    return;
  }
  exits[at + 1] = (exits[at + 1] as number) + count;
  exits[at + 2] = (exits[at + 2] as number) + cycles;
  if (min < (exits[at + 3] as number)) exits[at + 3] = min;
  if (max > (exits[at + 4] as number)) exits[at + 4] = max;
  exits[at + 5] = (exits[at + 5] as number) + squares;
}

/** What a list of exits came to, by reason, most cycles first. */
export function exitTotals(exits: readonly number[]): ExitTotals[] {
  const totals: ExitTotals[] = [];
  for (let at = 0; at < exits.length; at += width) {
    const [reason, count, cycles, min, max, squares] = exits.slice(at, at + width) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const variance = count < 2 ? 0 : (squares - (cycles * cycles) / count) / (count - 1);
    totals.push({ reason: exitReasonName(reason), count, cycles, min, max, stdev: Math.sqrt(Math.max(0, variance)) });
  }
  return totals.sort((a, b) => b.cycles - a.cycles);
}
