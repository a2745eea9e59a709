import type { Json } from './vector-file.js';

/** What a step did, in the form of the files. */
export interface StepResult {
  outcome: Json;
  changed?: Json;
  events?: readonly Json[];
}

/** One sequence of a vector file while it is replayed. */
export interface Replay {
  /** Back to the state before the first step. */
  reset(): void;
  /** Carries out the `op` of a step. */
  run(op: Json): StepResult;
  /** After a step that did not do as expected: goes on from the state that `step` says it should have left. */
  resume(step: Json): void;
}
