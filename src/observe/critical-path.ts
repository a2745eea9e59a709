/** A stage that a processor ran: what the engine reports of it. */
export interface StageRecord {
  readonly processor: number;
  /** `routine.stage` */
  readonly stage: string;
  readonly start: number;
  readonly end: number;
}

/** A message from a processor to another. */
export interface FlightRecord {
  readonly from: number;
  readonly to: number;
  readonly sent: number;
  readonly arrives: number;
}

/** A wait that ended because of another processor's stage. */
export interface WakeRecord {
  readonly processor: number;
  readonly time: number;
  /** The processor whose stage ended the wait; -1 for an arrival or a timer. */
  readonly by: number;
}

/** What happened, in the order in which it ended. */
export interface Trace {
  readonly stages: StageRecord[];
  readonly flights: FlightRecord[];
  readonly wakes: WakeRecord[];
}

/** An empty trace. */
export function createTrace(): Trace {
  return { stages: [], flights: [], wakes: [] };
}

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
 * to the processor that ended a wait, and over a flight to the one that sent. Its cycles add up to `end - begin`.
 */
export function criticalPath(trace: Trace, processor: number, begin: number, end: number): PathSegment[] {
  const path: PathSegment[] = [];
  let at = processor;
  let time = end;
  let index = trace.stages.length;
  while (time > begin) {
    // A wait that somebody ended at this very time: what that somebody did comes before.
    const wake = trace.wakes.find((candidate) => candidate.processor === at && candidate.time === time);
    if (wake !== undefined) {
      if (wake.by >= 0) {
        at = wake.by;
      } else {
        const flight = trace.flights.find((candidate) => candidate.to === at && candidate.arrives === time);
        if (flight === undefined) break;
        path.push({ processor: flight.from, stage: 'flight', start: flight.sent, cycles: time - flight.sent });
        at = flight.from;
        time = flight.sent;
        continue;
      }
    }
    index = trace.stages.length - 1;
    while (index >= 0) {
      const record = trace.stages[index] as StageRecord;
      if (record.processor === at && record.end === time && record.start < time) break;
      index--;
    }
    if (index < 0) break;
    const record = trace.stages[index] as StageRecord;
    path.push({
      processor: at,
      stage: record.stage,
      start: record.start,
      cycles: record.end - Math.max(record.start, begin),
    });
    time = record.start;
  }
  return path.reverse();
}
