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

/** What of the time from exit to entry was no work for the guest: the four together are {@link ExitTotals.cycles}. */
export interface ExitParts {
  /** Halt polling. */
  readonly polling: number;
  /** Asleep: from switching out to the wake-up. */
  readonly blocked: number;
  /** Ready to run, but on no processor. */
  readonly waiting: number;
  /** What is left: the handling of the exit. */
  readonly work: number;
}

/** Where the time between an exit and the next entry went that was not work: polling, blocked, waiting, in cycles. */
export type NotWork = readonly [polling: number, blocked: number, waiting: number];

/** Numbers that a list of exits has for each reason: reason, count, sum, least, most, sum of squares, polling, blocked, waiting. */
const width = 9;

type Row = [number, number, number, number, number, number, number, number, number];

const allWork: NotWork = [0, 0, 0];

/**
 * Adds one exit to a list of exits, which is plain numbers so that it can be part of a saved state.
 *
 * @param reason - basic exit reason
 * @param cycles - from exit to entry
 * @param notWork - what of that was not work
 */
export function addExit(exits: number[], reason: number, cycles: number, notWork: NotWork = allWork): void {
  add(exits, [reason, 1, cycles, cycles, cycles, cycles * cycles, notWork[0], notWork[1], notWork[2]]);
}

/** Adds the exits of one list to another. */
export function mergeExits(into: number[], from: readonly number[]): void {
  for (let at = 0; at < from.length; at += width) add(into, from.slice(at, at + width) as Row);
}

function add(exits: number[], row: Row): void {
  const [reason, , , min, max] = row;
  let at = 0;
  while (at < exits.length && exits[at] !== reason) at += width;
  if (at === exits.length) {
    exits.push(...row);
    return;
  }
  for (const sum of [1, 2, 5, 6, 7, 8]) exits[at + sum] = (exits[at + sum] as number) + (row[sum] as number);
  if (min < (exits[at + 3] as number)) exits[at + 3] = min;
  if (max > (exits[at + 4] as number)) exits[at + 4] = max;
}

/** What a list of exits came to, by reason, most cycles first. */
export function exitTotals(exits: readonly number[]): (ExitTotals & ExitParts)[] {
  const totals: (ExitTotals & ExitParts)[] = [];
  for (let at = 0; at < exits.length; at += width) {
    const [reason, count, cycles, min, max, squares, polling, blocked, waiting] = exits.slice(at, at + width) as Row;
    const variance = count < 2 ? 0 : (squares - (cycles * cycles) / count) / (count - 1);
    totals.push({
      reason: exitReasonName(reason),
      count,
      cycles,
      min,
      max,
      stdev: Math.sqrt(Math.max(0, variance)),
      polling,
      blocked,
      waiting,
      work: cycles - polling - blocked - waiting,
    });
  }
  return totals.sort((a, b) => b.cycles - a.cycles);
}
