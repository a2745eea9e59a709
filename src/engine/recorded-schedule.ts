import { enablePatches, freeze } from 'immer';
import { InternalError } from './errors.js';
import { carry, type RecordedEntry, RecordedSteps } from './recorded.js';
import { stageName } from './routine.js';
import type { RunSchemas } from './save.js';
import { runScheduled, type ScheduledEnd, type ScheduledOptions } from './scheduled.js';
import type { Scheduler } from './scheduler.js';
import { differenceTo, type Json } from './schema.js';
import type { Machine, Processor } from './state.js';
import type { UntimedState } from './untimed.js';

/** How a recorded run without time is carried out. */
export interface RecordedScheduleOptions<M extends Machine & { processors: C[] }, C extends Processor, O>
  extends ScheduledOptions<M, C, O> {
  /** Called when a step begins, with its index. */
  onStep?(index: number): void;
}

/** A recorded run without time: what a schedule did, step by step. */
export class ScheduleRecording<M extends Machine, O> extends RecordedSteps {
  /** Why it ended: as a scheduled run does, or by an {@link InternalError}. */
  readonly end: ScheduledEnd['end'] | 'error';
  /** The message of that. */
  readonly error: string | undefined;
  private readonly observed: readonly Json[];
  private readonly schemas: RunSchemas<M, O>;

  /** @internal */
  constructor(
    entries: readonly RecordedEntry[],
    observed: readonly Json[],
    schemas: RunSchemas<M, O>,
    end: ScheduledEnd['end'] | 'error',
    error?: string,
  ) {
    super(entries);
    this.observed = observed;
    this.schemas = schemas;
    this.end = end;
    this.error = error;
  }

  /**
   * The state after a step, as a copy of its own, to look at or to run on.
   *
   * @param index - the step; the one it stands at if not given
   */
  fork(index = this.current.index): UntimedState<M, O> {
    const { snapshot } = this.entryOf(index);
    return {
      machine: this.schemas.machine.load(snapshot, 'machine', []),
      observers: this.schemas.observers.load(this.observed[index], 'observers', []),
    };
  }
}

/**
 * Runs a state as {@link runScheduled} does, in place, and keeps what it was after every stage and every other step: `start` and `end`
 * of its entries count steps. Effects run on the plain state; what they changed is found by comparison.
 */
export function recordSchedule<M extends Machine & { processors: C[] }, C extends Processor, O>(
  state: UntimedState<M, O>,
  options: RecordedScheduleOptions<M, C, O>,
  schemas: RunSchemas<M, O>,
  scheduler: Scheduler,
  steps?: number,
): ScheduleRecording<M, O> {
  enablePatches();
  const entries: RecordedEntry[] = [];
  const observed: Json[] = [];
  type Step = Pick<RecordedEntry, 'kind' | 'processor' | 'stage'>;
  let pending: Step | undefined = { kind: 'begin', processor: -1, stage: '' };
  /** An action of a processor until its first stage: unless one comes, glue is all that was left to do. */
  let expected: Step | undefined;
  let [machine, observers] = [schemas.machine.save(state.machine), schemas.observers.save(state.observers)];
  const begin = (step: Step): void => {
    // Glue before an action's first stage belongs to that.
    if (expected === undefined) close();
    expected = undefined;
    pending = step;
    options.onStep?.(entries.length);
  };
  /** A step is over when the next one begins: what follows without cost belongs to it. */
  const close = (): void => {
    const differences = differenceTo(schemas.machine, machine, state.machine);
    if (pending === undefined && differences.length > 0) {
      pending = expected;
      options.onStep?.(entries.length);
    }
    expected = undefined;
    if (pending === undefined) return;
    const index = entries.length;
    const [snapshot, patches] = carry(machine, differences);
    machine = freeze(snapshot, true);
    [observers] = carry(observers, differenceTo(schemas.observers, observers, state.observers));
    observed.push(freeze(observers, true));
    entries.push({ index, ...pending, start: Math.max(0, index - 1), end: index, patches, snapshot: machine });
    pending = undefined;
  };
  const finish = (end: ScheduledEnd['end'] | 'error', error?: string): ScheduleRecording<M, O> => {
    close();
    return new ScheduleRecording(entries, observed, schemas, end, error);
  };
  try {
    const { end } = runScheduled<M, C, O>(
      state,
      {
        ...options,
        onAction: (action, name) => {
          close();
          options.onAction?.(action, name);
          const { kind, of } = action;
          const stage = kind === 'arrival' ? `message ${action.detail}` : name.replace(/^p\d+ /, '');
          if (kind === 'stage') expected = { kind: 'glue', processor: of, stage };
          else begin({ kind, processor: kind === 'expiry' || kind === 'machine' ? -1 : of, stage });
        },
        onBegin: (processor, stage) => {
          begin({ kind: 'stage', processor: processor.id, stage: stageName(stage.at) });
          options.onBegin?.(processor, stage);
        },
      },
      scheduler,
      steps,
    );
    return finish(end);
  } catch (error) {
    if (error instanceof InternalError) return finish('error', error.message);
    throw error;
  }
}
