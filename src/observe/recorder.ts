import { recordKindOf } from '../engine/records.js';
import { addExit } from './exit-statistics.js';

/** What is counted during a run: plain data, part of the run's state. Times are TSC cycles. */
export interface Counters {
  /** Iterations that do not count. */
  warmup: number;
  /** When the current iteration began; -1 outside one. */
  iterationBegan: number;
  /** Cycles of each iteration that counts. */
  iterations: number[];
  /** When the first counted iteration began and the last ended. */
  began: number;
  ended: number;
  /** The exits that count, by reason: six numbers each: reason, count, and of their cycles sum, least, most, sum of squares. */
  exits: number[];
  /** Per processor: when it last entered or left the guest, and by which exit reason it left (-1 in the guest, -2 before the first entry). */
  since: number[];
  outBy: number[];
  /** Cycles in the guest and in the host of processors that run virtual CPUs. */
  guestCycles: number;
  hostCycles: number;
  sent: number;
  delivered: number;
  coalesced: number;
}

/** Counters at zero. */
export function createCounters(processors: number, warmup: number): Counters {
  return {
    warmup,
    iterationBegan: -1,
    iterations: [],
    began: -1,
    ended: -1,
    exits: [],
    since: new Array<number>(processors).fill(0),
    outBy: new Array<number>(processors).fill(-2),
    guestCycles: 0,
    hostCycles: 0,
    sent: 0,
    delivered: 0,
    coalesced: 0,
  };
}

/** Takes one record into account. */
export type Recorder = (
  counters: Counters,
  time: number,
  processor: number,
  kind: number,
  a: number,
  b: number,
) => void;

/** A recorder for the kinds of record that are defined when it is made. */
export function createRecorder(): Recorder {
  const number = (name: string): number => recordKindOf(name).number;
  const vmExit = number('vm-exit');
  const vmEntry = number('vm-entry');
  const coalesced = number('coalesced');
  const delivered = number('delivered');
  const ipiSent = number('ipi-sent');
  const iteration = number('iteration');
  const measured = number('measured');
  return (counters, time, processor, kind, a, b) => {
    const counting = counters.began >= 0;
    if (kind === vmExit) {
      if (counting && counters.outBy[processor] === -1) {
        counters.guestCycles += time - Math.max(counters.since[processor] as number, counters.began);
      }
      counters.since[processor] = time;
      counters.outBy[processor] = a;
    } else if (kind === vmEntry) {
      const reason = counters.outBy[processor] as number;
      if (counting && reason >= 0) {
        const cycles = time - Math.max(counters.since[processor] as number, counters.began);
        counters.hostCycles += cycles;
        addExit(counters.exits, reason, cycles);
      }
      counters.since[processor] = time;
      counters.outBy[processor] = -1;
    } else if (kind === iteration) {
      if (b === 1) {
        counters.iterationBegan = time;
        if (a === counters.warmup) counters.began = time;
      } else if (counting) {
        counters.iterations.push(time - counters.iterationBegan);
        counters.ended = time;
      }
    } else if (!counting) {
      return;
    } else if (kind === measured) {
      counters.iterations.push(b);
      counters.ended = time;
    } else if (kind === ipiSent) {
      counters.sent++;
    } else if (kind === delivered) {
      counters.delivered++;
    } else if (kind === coalesced) {
      counters.coalesced++;
    }
  };
}

/** Brings the guest and host cycles of every processor up to the end of the last counted iteration. */
export function finishCounters(counters: Counters): void {
  if (counters.began < 0) return;
  counters.since.forEach((since, processor) => {
    const outBy = counters.outBy[processor] as number;
    const cycles = Math.max(0, counters.ended - Math.max(since, counters.began));
    if (outBy === -1) counters.guestCycles += cycles;
    else if (outBy >= 0) counters.hostCycles += cycles;
    counters.since[processor] = Math.max(since, counters.ended);
  });
}
