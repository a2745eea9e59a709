import type { Trace } from './trace.js';

/** A part of a critical path. */
export interface PathSegment {
  /** The processor it passed on; of a flight, the one that sent. */
  readonly processor: number;
  /** `routine.stage`, or `flight`. */
  readonly stage: string;
  readonly start: number;
  readonly cycles: number;
}

/**
 * The chain of stages and flights without a gap that decided when `processor` got from `begin` to `end`: from the end backwards, over
 * to the processor that ended a wait, and over a flight to the one that sent. Its cycles add up to `end - begin`, or to less if the
 * trace does not say what came before.
 *
 * @param processor - the logical processor whose time is asked for
 * @param begin - cycle at which it began
 * @param end - cycle at which it was done
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createTrace, criticalPath } from 'vmx-apic/observe';
 *
 * const trace = createTrace(2);
 * trace.activations.push({ routine: 'sender', kind: 'program', caller: -1 }, { routine: 'target', kind: 'program', caller: -1 });
 * const stage = { vcpu: -1, guest: false, finished: true };
 * trace.stages.push({ ...stage, processor: 0, stage: 'sender.send', activation: 0, start: 0, end: 30 });
 * trace.flights.push({ from: 0, to: 1, message: 0xf2, sent: 30, arrives: 100 });
 * trace.wakes.push({ processor: 1, time: 100, by: -1 });
 * trace.stages.push({ ...stage, processor: 1, stage: 'target.handle', activation: 1, start: 100, end: 120 });
 *
 * const path = criticalPath(trace, 1, 0, 120);
 * assert.deepEqual(path.map((segment) => [segment.stage, segment.cycles]), [['sender.send', 30], ['flight', 70], ['target.handle', 20]]);
 * ```
 */
export function criticalPath(trace: Trace, processor: number, begin: number, end: number): PathSegment[] {
  const stages = byEnd(
    trace.stages.filter((stage) => stage.start < stage.end),
    ({ processor: on, end: at }) => [on, at],
  );
  const wakes = byEnd(trace.wakes, (wake) => [wake.processor, wake.time]);
  const flights = byEnd(trace.flights, (flight) => [flight.to, flight.arrives]);
  const path: PathSegment[] = [];
  let at = processor;
  let time = end;
  const passed = (stage: string, from: number): void => {
    const start = Math.max(from, begin);
    path.push({ processor: at, stage, start, cycles: time - start });
    time = from;
  };
  while (time > begin) {
    // A wait that somebody ended at this very time: what that somebody did comes before.
    const wake = wakes(at, time);
    if (wake !== undefined && wake.by >= 0) {
      at = wake.by;
    } else if (wake !== undefined) {
      const flight = flights(at, time);
      if (flight === undefined) break;
      at = flight.from;
      passed('flight', flight.sent);
      continue;
    }
    const stage = stages(at, time);
    if (stage === undefined) break;
    passed(stage.stage, stage.start);
  }
  return path.reverse();
}

/** Finds a record by the processor and the time at which it ended there. */
function byEnd<Ended>(
  records: readonly Ended[],
  place: (record: Ended) => readonly [processor: number, time: number],
): (processor: number, time: number) => Ended | undefined {
  const found = new Map<string, Ended>();
  for (const record of records) {
    const key = place(record).join(' ');
    if (!found.has(key)) found.set(key, record);
  }
  return (processor, time) => found.get(`${processor} ${time}`);
}
