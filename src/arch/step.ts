import type { Outcome } from './outcome.js';

/**
 * One step of an operation whose steps other processors can see in between. A step either ends the operation with an
 * outcome or (undefined) lets the next step follow. `locals` are the operation's working registers: plain numbers.
 */
export interface Step<Context, Memory, Locals> {
  /** The SDM's own name for the step, in kebab case. */
  readonly name: string;
  /** Carries the step out. */
  readonly run: (context: Context, memory: Memory, locals: Locals) => Outcome | undefined;
}

/**
 * Runs the steps of an operation in order with nothing in between: the synchronous form. The hardware room wraps the same
 * steps as stages, so there is one composition only.
 *
 * @param last - the outcome if no step ends the operation.
 */
export function runSteps<Context, Memory, Locals>(
  steps: readonly Step<Context, Memory, Locals>[],
  context: Context,
  memory: Memory,
  locals: Locals,
  last: Outcome,
): Outcome {
  for (const step of steps) {
    const outcome = step.run(context, memory, locals);
    if (outcome !== undefined) return outcome;
  }
  return last;
}
