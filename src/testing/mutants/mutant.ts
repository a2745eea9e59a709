import { InternalError } from '../../engine/errors.js';
import type { Routine } from '../../engine/routine.js';
import type { Numbers } from '../../engine/state.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import type { InvariantClass } from '../invariants/invariant.js';
import type { ModelMachine } from '../models/model-machine.js';
import type { Effect, StageChange } from './install.js';

/** How a mutant is caught: by exploring a configuration of a model, or by a property. */
export type Detector =
  | { readonly by: 'explorer'; readonly model: string; readonly configuration: string }
  | {
      readonly by: 'property';
      readonly name: string;
      /** Looks for a counterexample; its shortest form in words, or undefined if there is none. */
      run(seed: number): string | undefined;
    };

/** A bug of history, or the removal of a guard that keeps one out, as a change of stages. */
export interface Mutant {
  /** As `PI-01`. */
  readonly id: string;
  readonly title: string;
  /** What was wrong, and what it did. */
  readonly history: string;
  /** Where it was, and where it was repaired. */
  readonly source: string;
  /** The classes of invariants that must catch it. */
  readonly breaks: readonly InvariantClass[];
  /** @internal */
  readonly changes: readonly StageChange[];
  readonly detector: Detector;
}

/**
 * A change of one stage of a routine: `effect` gets the right effect and returns the wrong one.
 *
 * @param to - stages that the wrong effect may go to beside those that the stage lists
 */
export function change<L extends Numbers<L>>(
  routine: Routine<L>,
  stage: string,
  effect: (right: Effect<ModelMachine, LogicalProcessor, L>) => Effect<ModelMachine, LogicalProcessor, L>,
  to: readonly string[] = [],
): StageChange {
  return { routine: routine.name, stage, to, effect: effect as unknown as StageChange['effect'] };
}

/** A change by which a stage does nothing, and the next one follows. */
export function skip<L extends Numbers<L>>(routine: Routine<L>, stage: string): StageChange {
  return change(routine, stage, () => () => undefined);
}

/** Caught by exploring that configuration of that model. */
export function explorer(model: string, configuration: string): Detector {
  return { by: 'explorer', model, configuration };
}

/** What a stage does when nothing is changed. For mutants that change the order of stages: call it when they are listed. */
export function stageEffect<L extends Numbers<L>>(
  routine: Routine<L>,
  stage: string,
): Effect<ModelMachine, LogicalProcessor, L> {
  const found = routine.stages.find(({ name }) => name === stage);
  if (found === undefined) throw new InternalError(`${routine.name}.${stage}`, 'there is no such stage');
  return found.effect as unknown as Effect<ModelMachine, LogicalProcessor, L>;
}
