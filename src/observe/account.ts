/**
 * What the time of one processor, or of one virtual CPU, was spent on: plain data. Changes of what it does may be told a little ahead of
 * the clock (a processor's private stages are one event), so the last few are kept as they came and only then added up: whatever
 * bounds the time that counts is known by then.
 */
export interface Account {
  /** What it did and since when, in pairs, oldest first; the last pair is what it does now. */
  recent: number[];
  /** Cycles by what it did, of what is no longer among the recent. */
  cycles: number[];
}

/** The time that counts: from `began` (-1: not yet) to `closed` (-1: still open). */
export interface Window {
  readonly began: number;
  readonly closed: number;
}

/** Changes that are kept, and how many are added up at once. More than a processor can tell ahead of the clock. */
const kept = 16;
const settled = 8;

/** An account of somebody who does `activity` from time 0 on. */
export function createAccount(activity: number): Account {
  return { recent: [activity, 0], cycles: [] };
}

/** What it does now. */
export function activityOf({ recent }: Account): number {
  return recent[recent.length - 2] as number;
}

/** Since when it does that. */
export function activeSince({ recent }: Account): number {
  return recent[recent.length - 1] as number;
}

/** From `time` on it does `activity`. */
export function change(account: Account, activity: number, time: number, window: Window): void {
  const { recent } = account;
  if (recent[recent.length - 2] === activity) return;
  recent.push(activity, time);
  if (recent.length < 2 * kept) return;
  for (let at = 0; at < 2 * settled; at += 2) {
    add(account.cycles, recent[at] as number, overlap(recent[at + 1] as number, recent[at + 3] as number, window));
  }
  // By hand: `copyWithin` and `splice` are slow on ordinary arrays, and this happens all the time.
  for (let at = 2 * settled; at < recent.length; at++) recent[at - 2 * settled] = recent[at] as number;
  for (let i = 0; i < 2 * settled; i++) recent.pop();
}

/** Cycles between two times that count. */
export function overlap(from: number, to: number, { began, closed }: Window): number {
  if (began < 0) return 0;
  return Math.max(0, Math.min(to, closed < 0 ? to : closed) - Math.max(from, began));
}

function add(cycles: number[], activity: number, amount: number): void {
  while (cycles.length <= activity) cycles.push(0);
  cycles[activity] = (cycles[activity] as number) + amount;
}

/**
 * Cycles by what was done, in a window that has closed: together they are its length. The account is as it was.
 */
export function totalsOf({ recent, cycles }: Account, window: Window): number[] {
  const totals = [...cycles];
  for (let at = 0; at < recent.length; at += 2) {
    const end = at + 3 < recent.length ? (recent[at + 3] as number) : window.closed;
    add(
      totals,
      recent[at] as number,
      overlap(recent[at + 1] as number, Math.max(end, recent[at + 1] as number), window),
    );
  }
  return totals;
}
