import { type ExploreCounts, type ExploreResult, explore } from '../../engine/explored.js';
import { hardwareHooks } from '../../hardware/events.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { enter } from '../invariants/ledger.js';
import type { Ledger } from '../invariants/ledger-entries.js';
import { createModelState, type ModelConfiguration, modelFinals, modelInvariants } from './model.js';
import { type ModelMachine, modelSchemas } from './model-machine.js';
import { worldActions } from './world.js';

/** How far the exploration of a model goes. */
export interface ExploreModelOptions {
  readonly limits?: { readonly states?: number; readonly depth?: number; readonly bytes?: number };
  /** True to stop before every stage, local ones too: many more states, and the same verdict. */
  readonly plain?: boolean;
  /** False to look at everything anew in every state, remembering nothing of what actions and invariants came to: the same, slower. */
  readonly remember?: boolean;
  /** Called every few thousand states; false ends the run. */
  progress?(counts: ExploreCounts): boolean | undefined;
}

/** Carries out every interleaving of a configuration of a model. */
export function exploreModel(configuration: ModelConfiguration, options: ExploreModelOptions = {}): ExploreResult {
  return explore<ModelMachine, LogicalProcessor, Ledger>(createModelState(configuration), {
    hooks: hardwareHooks,
    schemas: modelSchemas,
    actions: worldActions,
    invariants: modelInvariants,
    finally: modelFinals,
    comesToRest: 'INV8-comes-to-rest',
    observe: (ledger, processor, kind, a, b, machine) => enter(ledger, kind, a, b, machine, processor),
    ...options,
  });
}
