import { InternalError } from '../../engine/errors.js';
import { type Control, findRoutine, type Stage } from '../../engine/routine.js';
import type { Machine, Processor } from '../../engine/state.js';

/** What a stage does to a machine, in the types of the room that it is of. */
export type Effect<M extends Machine, C extends Processor, L> = (
  machine: M,
  processor: C,
  locals: L,
  returned: number,
) => Control<string>;

/** A change of one stage, for as long as it is installed. */
export interface StageChange {
  /** The routine and its stage, by name. */
  readonly routine: string;
  readonly stage: string;
  /** The stages that the changed effect may go to beside those that the stage lists. */
  readonly to?: readonly string[];
  /** The changed effect, made from the right one. */
  readonly effect: (right: Effect<Machine, Processor, Record<string, number>>) => Effect<never, never, never>;
}

/** A stage as this file may change it. */
type Changeable = { -readonly [Name in 'effect' | 'to' | 'targets']: Stage[Name] };

function find(routineName: string, stageName: string): { stage: Stage; routine: readonly Stage[]; entry: number } {
  const routine = findRoutine(routineName);
  const stage = routine?.stages.find(({ name }) => name === stageName);
  if (routine === undefined || stage === undefined) {
    throw new InternalError(`${routineName}.${stageName}`, 'is to be changed, but there is no such stage');
  }
  return { stage, routine: routine.stages, entry: routine.entry };
}

/**
 * Changes stages of the library's own routines, runs `body`, and undoes the changes, whatever comes of it. All runs use the same stages,
 * so the change works in timed, explored and any other runs; without one, nothing is paid for the possibility.
 */
export function withChanges<T>(changes: readonly StageChange[], body: () => T): T {
  const undo: (() => void)[] = [];
  try {
    for (const change of changes) undo.push(install(change));
    return body();
  } finally {
    for (const step of undo.reverse()) step();
  }
}

function install({ routine: routineName, stage: stageName, to = [], effect }: StageChange): () => void {
  const { stage, routine, entry } = find(routineName, stageName);
  const changeable = stage as Changeable;
  const before = { effect: stage.effect, to: stage.to, targets: stage.targets };
  const targets = to.map((name) => {
    const index = routine.findIndex((other) => other.name === name);
    if (index < 0) throw new InternalError(`${routineName}.${stageName}`, `there is no stage '${name}' to go to`);
    return entry + index;
  });
  changeable.effect = effect(before.effect as never) as Stage['effect'];
  changeable.to = [...stage.to, ...to];
  changeable.targets = [...stage.targets, ...targets];
  return () => Object.assign(changeable, before);
}
