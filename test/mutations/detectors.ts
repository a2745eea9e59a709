import { type Stage, stageTable } from '../../src/engine/routine.js';
import type { MachineInput } from '../../src/scenarios/schema.js';
import { interruptCase } from '../../src/testing/arbitraries/cases.js';
import { ownFc, search } from '../../src/testing/arbitraries/choices.js';
import { startUpCase, timerMigrationCase } from '../../src/testing/arbitraries/law-cases.js';
import { systemSteps } from '../../src/testing/arbitraries/systems.js';
import { runCase } from '../../src/testing/laws/case.js';
import { compareSystems } from '../../src/testing/laws/equivalence.js';
import { MachineSystem } from '../../src/testing/laws/machine-system.js';
import { ReferenceSystem } from '../../src/testing/laws/reference-system.js';
import { checkStartUp } from '../../src/testing/laws/start-up.js';
import { checkTimerMigration } from '../../src/testing/laws/timer-migration.js';
import { models } from '../../src/testing/models/catalogue.js';
import { exploreModel } from '../../src/testing/models/explore-model.js';
import { calls, callsForTarget, outcome } from './mutations.js';

/** Something that may notice a mutation: a model explored, or a law on one input. */
export interface Watch {
  readonly name: string;
  /** What is wrong, or undefined. */
  run(): string | undefined;
}

/** Models with the fewest states first, none of more than `most`. */
export function modelWatches(most: number): Watch[] {
  return models.flatMap((model) =>
    model.configurations
      .filter(({ finding }) => finding === undefined)
      .map((configuration) => ({
        name: `${model.name}/${configuration.name}`,
        run: () => exploreModel(configuration, { limits: { states: most } }).violation?.invariant,
      })),
  );
}

/** The values that a law's search would look at. */
function values<T>(arbitrary: Parameters<typeof search<T>>[0], seed: number, runs: number): T[] {
  const list: T[] = [];
  search<T>(
    arbitrary,
    (value) => {
      list.push(value);
      return false;
    },
    { seed, runs },
  );
  return list;
}

/** Cases of the laws of delivery. */
export function caseWatches(seed: number, runs: number): Watch[] {
  return values(interruptCase(ownFc), seed, runs).map((input, i) => ({
    name: `delivery ${i}`,
    run: () => {
      const [broken] = runCase(input).broken;
      return broken === undefined ? undefined : `${broken.law}: ${broken.message}`;
    },
  }));
}

const cpus = 3;
const ways: readonly object[] = [{}, { apicv: false }, { ipiVirtualization: false }];

/** Comparisons with bare local APICs. */
export function equivalenceWatches(seed: number, runs: number): Watch[] {
  return (['x2apic', 'xapic'] as const).flatMap((apicMode) =>
    values(systemSteps(ownFc, { cpus, apicMode }), seed, runs).map((steps, i) => ({
      name: `equivalence ${apicMode} ${i}`,
      run: () => {
        const machines = ways.map(
          (_, way): MachineInput => ({
            host: { kernel: '6.12', haltPollNs: way === 1 ? 0 : 200_000 },
            topology: { coresPerSocket: cpus + 2 },
            vms: [{ vcpus: cpus, apicMode, features: { ...ways[(way + i) % ways.length] } }, { vcpus: 1 }],
          }),
        );
        const machine = new MachineSystem({ machines, seed: i });
        return compareSystems(new ReferenceSystem({ cpus, apicMode }), machine, steps)?.story;
      },
    })),
  );
}

/** Starts of processors, and timers that are taken to another machine. */
export function otherWatches(seed: number, runs: number): Watch[] {
  return [
    ...values(startUpCase(ownFc), seed, runs).map((input, i) => ({
      name: `start-up ${i}`,
      run: () => checkStartUp(input),
    })),
    ...values(timerMigrationCase(ownFc), seed, runs).map((input, i) => ({
      name: `timer migration ${i}`,
      run: () => checkTimerMigration(input),
    })),
  ];
}

/** Runs `body` and notes which stages were reached, what they returned, and how many there were in all. */
export function reached(body: () => void): { hit: Map<number, Set<string>>; count: number } {
  const hit = new Map<number, Set<string>>();
  let count = 0;
  const before = stageTable.map(({ effect }) => effect);
  for (const stage of stageTable) {
    const { effect, at } = stage;
    (stage as { effect: Stage['effect'] }).effect = (machine, processor, locals, returned) => {
      const thread = machine.threads[processor.thread] ?? [];
      const depth = thread.length;
      const result = effect(machine, processor, locals, returned);
      count++;
      const seen = hit.get(at) ?? new Set();
      hit.set(at, seen.add(outcome(result)));
      if (thread.length > depth) {
        seen.add(calls);
        if (Object.hasOwn(thread.at(-1)?.locals ?? {}, 'target')) seen.add(callsForTarget);
      }
      return result;
    };
  }
  try {
    body();
  } finally {
    stageTable.forEach((stage, i) => {
      (stage as { effect: Stage['effect'] }).effect = before[i] as Stage['effect'];
    });
  }
  return { hit, count };
}
