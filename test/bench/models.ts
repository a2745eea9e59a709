import process from 'node:process';
import { explore } from '../../src/engine/explored.js';
import { hardwareHooks } from '../../src/hardware/events.js';
import type { LogicalProcessor } from '../../src/hardware/machine.js';
import { enter } from '../../src/testing/invariants/ledger.js';
import type { Ledger } from '../../src/testing/invariants/ledger-entries.js';
import { models } from '../../src/testing/models/catalogue.js';
import { exploreModel } from '../../src/testing/models/explore-model.js';
import { createModelState, type ModelConfiguration } from '../../src/testing/models/model.js';
import { type ModelMachine, modelSchemas } from '../../src/testing/models/model-machine.js';
import { worldActions } from '../../src/testing/models/world.js';

// Every model, all of it, with all its invariants: states, and how many a second of processor time. For large ones also without invariants, and
// with everything carried out again in every state.

const bound = 2 ** 31;
const large = 300_000;

function measure<T extends { states: number }>(work: () => T): { result: T; seconds: number; rate: string } {
  const { user, system } = process.cpuUsage();
  const result = work();
  const used = process.cpuUsage();
  const seconds = (used.user + used.system - user - system) / 1e6;
  return { result, seconds, rate: String(Math.round(result.states / seconds / 1000)) };
}

function withoutInvariants(configuration: ModelConfiguration) {
  return explore<ModelMachine, LogicalProcessor, Ledger>(createModelState(configuration), {
    hooks: hardwareHooks,
    schemas: modelSchemas,
    actions: worldActions,
    observe: (ledger, processor, kind, a, b, machine) => enter(ledger, kind, a, b, machine, processor),
    limits: { states: large, bytes: bound },
  });
}

let states = 0;
let seconds = 0;
let slowest = 0;
console.log(
  `${'all invariants'.padEnd(44)} end          states      s   k states/s   without invariants   nothing remembered`,
);
for (const model of models) {
  for (const configuration of model.configurations) {
    const { result, seconds: spent, rate } = measure(() => exploreModel(configuration, { limits: { bytes: bound } }));
    states += result.states;
    seconds += spent;
    slowest = Math.max(slowest, spent);
    const cells = [rate.padStart(12)];
    if (result.states > large) {
      cells.push(measure(() => withoutInvariants(configuration)).rate.padStart(20));
      const limits = { states: large / 10, bytes: bound };
      cells.push(measure(() => exploreModel(configuration, { remember: false, limits })).rate.padStart(20));
    }
    const end = result.complete ? 'complete' : (result.limit ?? 'broken');
    console.log(
      `${`${model.name}/${configuration.name}`.padEnd(44)} ${end.padEnd(8)} ${String(result.states).padStart(10)} ${spent.toFixed(1).padStart(6)} ${cells.join(' ')}`,
    );
  }
}
console.log(
  `together ${states} states in ${seconds.toFixed(1)} s: ${Math.round(states / seconds / 1000)} k states/s; ${slowest.toFixed(1)} s at most for one`,
);
