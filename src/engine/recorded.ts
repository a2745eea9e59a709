import { enablePatches, freeze, type Patch, produce, produceWithPatches } from 'immer';
import { InputError } from './errors.js';
import { isTimer, slotOf, timerOf } from './events.js';
import { stageName } from './routine.js';
import { loadRun, type RunSchemas, type SavedRun, saveRun, withoutRemains } from './save.js';
import { type Difference, differenceTo, type Json } from './schema.js';
import { queueSchema, timingSchema } from './schema-engine.js';
import type { Machine, Processor } from './state.js';
import { type RunEnd, type RunLimit, type TimedOptions, TimedRun } from './timed.js';
import type { RunState } from './timing.js';

/** A step of a recorded run. */
export interface RecordedEntry {
  readonly index: number;
  /**
   * A stage has ended, a message has arrived, or a timer has expired; `begin` is step 0, before all that. Without time also: an event is
   * recognised, a store drains, something happens that only the machine knows, or a processor does glue that no stage follows.
   */
  readonly kind: 'begin' | 'stage' | 'glue' | 'arrival' | 'expiry' | 'event' | 'drain' | 'machine';
  /** The processor it happened on; -1 for a timer, for what only the machine knows, and at the beginning. */
  readonly processor: number;
  /** `routine.stage` that has ended; of another kind of step, what it was: `message 3`, `timer 1`. */
  readonly stage: string;
  /** When it began and ended, in cycles; without time in steps. */
  readonly start: number;
  readonly end: number;
  /** What it changed in the machine: in presented form, with paths into {@link snapshot}. */
  readonly patches: readonly Patch[];
  /** The machine after it, in presented form: frozen, and sharing with the other steps what did not change. */
  readonly snapshot: Json;
}

/** The steps of a recorded run, to go through back and forth. It stands at one of them: the last at first. */
export class RecordedSteps {
  readonly entries: readonly RecordedEntry[];
  private position: number;

  constructor(entries: readonly RecordedEntry[]) {
    this.entries = entries;
    this.position = entries.length - 1;
  }

  /** The step it stands at. */
  get current(): RecordedEntry {
    return this.entries[this.position] as RecordedEntry;
  }

  /** Goes one step on and returns it; undefined at the end. */
  forward(): RecordedEntry | undefined {
    return this.position + 1 < this.entries.length ? this.at(this.position + 1) : undefined;
  }

  /** Goes one step back and returns it; undefined at the beginning. */
  back(): RecordedEntry | undefined {
    return this.position > 0 ? this.at(this.position - 1) : undefined;
  }

  /** Goes to a step and returns it. Throws an {@link InputError} if there is no such step. */
  at(index: number): RecordedEntry {
    const entry = this.entryOf(index);
    this.position = index;
    return entry;
  }

  /** The step of this number, if there is one. */
  protected entryOf(index: number): RecordedEntry {
    const entry = this.entries[index];
    if (entry === undefined) {
      throw new InputError('index', `there is no step ${index} (0 to ${this.entries.length - 1})`);
    }
    return entry;
  }
}

/** A recorded run, to step through back and forth and to run on from any step. */
export class Recording<M extends Machine, O extends object> extends RecordedSteps {
  /** Why the run ended. */
  readonly end: RunEnd;
  private readonly saved: readonly SavedRun[];
  private readonly schemas: RunSchemas<M, O>;

  /** @internal */
  constructor(entries: readonly RecordedEntry[], end: RunEnd, saved: readonly SavedRun[], schemas: RunSchemas<M, O>) {
    super(entries);
    this.end = end;
    this.saved = saved;
    this.schemas = schemas;
  }

  /**
   * The whole state after a step, as a copy of its own: changed or not, it can be run on, recorded, saved.
   *
   * @param index - the step; the one it stands at if not given
   */
  fork(index = this.current.index): RunState<M, O> {
    return loadRun(this.saved[this.entryOf(index).index], this.schemas);
  }
}

/**
 * Runs a state as {@link TimedRun} does, in place, stage by stage, and keeps what it was after every stage. The stages
 * themselves run on the plain state, never on drafts; what they changed is found by comparison. For small machines: the
 * time of a step grows with the machine.
 */
export function recordRun<M extends Machine & { processors: C[] }, C extends Processor, O extends object>(
  state: RunState<M, O>,
  options: TimedOptions<M, C, O>,
  schemas: RunSchemas<M, O>,
  limit: RunLimit = {},
): Recording<M, O> {
  enablePatches();
  const ended: Step[] = [];
  const run = new TimedRun<M, C, O>(state, {
    ...options,
    plain: true,
    onStage: (processor, stage, start, end, frame) => {
      ended.push({ kind: 'stage', processor, stage: stageName(stage.at), start, end });
      options.onStage?.(processor, stage, start, end, frame);
    },
  });
  // Before any time everything begins, and nothing ends.
  run.run({ time: -1 });
  const { now } = state.timing;
  let saved = freeze(saveRun(state, schemas), true);
  const kept: SavedRun[] = [saved];
  const begin = { kind: 'begin', processor: -1, stage: '', start: now, end: now } as const;
  const entries: RecordedEntry[] = [{ index: 0, ...begin, patches: [], snapshot: saved.machine }];
  const finish = (end: RunEnd): Recording<M, O> => new Recording(entries, end, kept, schemas);

  for (;;) {
    const time = run.nextTime();
    if (time === Number.POSITIVE_INFINITY) return finish('quiescent');
    if (time > (limit.time ?? Number.POSITIVE_INFINITY)) return finish('time');
    if (run.stages >= (limit.stages ?? Number.POSITIVE_INFINITY)) return finish('stages');
    const event = state.queue.event[0] as number;
    const other = event < 0 ? otherStep(state, event, time) : undefined;
    run.run({ stages: 0 });
    const step = ended.pop() ?? other;
    if (step !== undefined) {
      const [machine, patches] = carry(saved.machine, differenceTo(schemas.machine, saved.machine, state.machine));
      saved = freeze({ ...saved, machine, ...carryRest(saved, state, schemas) });
      kept.push(saved);
      entries.push({ index: entries.length, ...step, patches, snapshot: machine });
    }
  }
}

type Step = Pick<RecordedEntry, 'kind' | 'processor' | 'stage' | 'start' | 'end'>;

/** A step that is not a stage. */
function otherStep({ timing }: { timing: RunState<Machine>['timing'] }, event: number, time: number): Step {
  const when = { start: time, end: time };
  if (isTimer(event)) return { kind: 'expiry', processor: -1, stage: `timer ${timerOf(event)}`, ...when };
  const slot = slotOf(event);
  const [processor, message] = [timing.messageTo[slot] as number, timing.message[slot] as number];
  return { kind: 'arrival', processor, stage: `message ${message}`, ...when };
}

type JsonObject = { [name: string]: Json };

/** @internal The presented form after these differences, and the patches that say so. */
export function carry(from: Json, differences: readonly Difference[]): [Json, readonly Patch[]] {
  const [to, patches] = produceWithPatches(from as JsonObject, (draft: JsonObject) => apply(draft, differences));
  return [to, patches];
}

/** The parts of a saved run that are no part of the machine. */
function carryRest<M extends Machine, O>(
  saved: SavedRun,
  state: RunState<M, O>,
  schemas: RunSchemas<M, O>,
): Pick<SavedRun, 'timing' | 'queue' | 'observers'> {
  const { timing, queue } = withoutRemains(state.timing, state.queue);
  const next = (from: Json, differences: readonly Difference[]): Json =>
    produce(from as JsonObject, (draft: JsonObject) => apply(draft, differences));
  return {
    timing: next(saved.timing, differenceTo(timingSchema, saved.timing, timing)),
    queue: next(saved.queue, differenceTo(queueSchema, saved.queue, queue)),
    observers: next(saved.observers, differenceTo(schemas.observers, saved.observers, state.observers)),
  };
}

/** Changes a presented form in the places in which it differs. */
function apply(presented: JsonObject, differences: readonly Difference[]): void {
  for (const { path, to } of differences) {
    let holder = presented as Record<string | number, Json>;
    for (let i = 0; i < path.length - 1; i++) holder = holder[path[i] as string] as unknown as typeof holder;
    const last = path[path.length - 1] as string | number;
    // What is gone is the last element of a list: differences come in that order.
    if (to === undefined) (holder as unknown as Json[]).pop();
    else holder[last] = to;
  }
}
