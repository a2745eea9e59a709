import { performance } from 'node:perf_hooks';
import process from 'node:process';
import type { Routine } from '../../src/engine/routine.js';
import { hardwareRoutines } from '../../src/hardware/routines.js';
import { kvmRoutines } from '../../src/kvm/routines.js';
import { withChanges } from '../../src/testing/mutants/install.js';
import { caseWatches, equivalenceWatches, modelWatches, otherWatches, reached, type Watch } from './detectors.js';
import { mutationsOf } from './mutations.js';

// One line of JSON for each mutation, so that whoever started this can end it and go on behind one that hangs.

interface Order {
  /** The first mutation to try. */
  readonly from: number;
  /** Those to try, by id; all if absent. */
  readonly ids?: readonly string[];
  /** Part of their names. */
  readonly only?: string;
  /** How much to look at: states of each model, cases of delivery, lists of steps for each mode. */
  readonly states: number;
  readonly cases: number;
  readonly steps: number;
}

const { from, ids, only = '', states, cases, steps } = JSON.parse(process.argv[2] ?? '') as Order;
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const seen = new Map<number, Set<string>>();
const measured = [
  ...modelWatches(states),
  ...caseWatches(1, cases),
  ...equivalenceWatches(1, steps),
  ...otherWatches(1, steps),
].map((watch) => {
  const began = performance.now();
  let wrong: string | undefined;
  const hit = reached(() => {
    wrong = watch.run();
  }, seen);
  return { watch, hit, wrong, took: performance.now() - began };
});
for (const { watch, wrong } of measured) if (wrong !== undefined) say({ broken: watch.name, wrong });
measured.sort((a, b) => a.took - b.took);

const routines = [...new Set<Routine>([...kvmRoutines, ...hardwareRoutines])];
const mutations = routines
  .flatMap((routine) => mutationsOf(routine, seen))
  .filter(({ id }) => id.includes(only) && (ids === undefined || ids.includes(id)));
const reachedStages = routines.flatMap(({ stages }) => stages).filter(({ at }) => seen.has(at)).length;
say({
  mutations: mutations.length,
  stages: routines.flatMap(({ stages }) => stages).length,
  reached: reachedStages,
  watches: measured.length,
});

function caught(watch: Watch): string | undefined {
  try {
    return watch.run();
  } catch (error) {
    return String(error).split('\n')[0];
  }
}

for (let i = from; i < mutations.length; i++) {
  const mutation = mutations[i];
  if (mutation === undefined) break;
  say({ trying: i, id: mutation.id });
  const fit = measured.filter(({ hit }) => mutation.at.some((at) => hit.has(at)));
  const found = withChanges(mutation.changes, () => {
    for (const one of fit) {
      const wrong = caught(one.watch);
      if (wrong === undefined) continue;
      // What noticed this one is likely to notice its neighbours.
      measured.splice(measured.indexOf(one), 1);
      measured.unshift(one);
      return { by: one.watch.name, wrong: wrong.slice(0, 120) };
    }
    return undefined;
  });
  say({ done: i, id: mutation.id, watches: fit.length, ...found });
}
