import { operationStory } from '../stories.js';
import type { ApicSystem } from './apic-system.js';
import { compareSystems } from './equivalence.js';
import type { GuestOperation } from './operations.js';
import type { ReferenceSystem } from './reference-system.js';

/** A command of fast-check's model-based testing: the model is the reference, the real system whatever is under test. */
export interface ApicCommand {
  /** Whether the CPU can be told this now. */
  check(model: Readonly<ReferenceSystem>): boolean;
  /** Does it to both, and throws an error that says how they differ if they do. */
  run(model: ReferenceSystem, real: ApicSystem): void;
  /** What it does, for counterexamples. */
  toString(): string;
}

/** @internal The command for an operation of a CPU, or for a disturbance (-1). */
export function apicCommand(cpu: number, operation: GuestOperation | number): ApicCommand {
  const step = typeof operation === 'number' ? { disturb: operation } : { cpu, operation };
  return {
    check: (model) => typeof operation === 'number' || model.applies(cpu, operation),
    run: (model, real) => {
      const difference = compareSystems(model, real, [step]);
      if (difference !== undefined) throw new Error(difference.story);
    },
    toString: () =>
      typeof operation === 'number' ? `disturbance ${operation}` : `CPU ${cpu} ${operationStory(operation)}`,
  };
}
