import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { runInThisContext } from 'node:vm';
import type { Routine } from '../../src/engine/routine.js';
import { hardwareRoutines } from '../../src/hardware/routines.js';
import { kvmRoutines } from '../../src/kvm/routines.js';
import { withChanges } from '../../src/testing/mutants/install.js';
import { caseWatches, equivalenceWatches, modelWatches, otherWatches, reached, type Watch } from './detectors.js';
import { type Mutation, mutationsOf, type Outcomes } from './mutations.js';
import { gather } from './vitest.js';

// One line of JSON for each mutation, so that whoever started this can end it and go on behind one that hangs.

/** What a round is to do: its first line of standard input. */
interface Order {
  /** Those to try, by id, and nothing but them; all that a part of the routines has if absent. */
  readonly ids?: readonly string[];
  /** Those not to try: they have been. */
  readonly without: readonly string[];
  /** Part of their names. */
  readonly only: string;
  /** Names of routines; all if absent. */
  readonly routines?: readonly string[];
  /** This process does one in `of`. */
  readonly part: number;
  readonly of: number;
  /** How much to look at: states of each model, cases of delivery, lists of steps for each mode. */
  readonly states: number;
  readonly cases: number;
  readonly steps: number;
  /** How many stages those who look at one may run in all: short models, laws and tests come first. */
  readonly work: number;
  /** Who noticed them the last time. */
  readonly hints: Readonly<Record<string, string>>;
}

/** A watch as it is without any mutation. */
interface Measured {
  readonly watch: Watch;
  readonly hit: Outcomes;
  /** Stages that it runs, and milliseconds that it takes. */
  readonly count: number;
  readonly took: number;
  readonly wrong: string | undefined;
}

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** What a watch says, or what it throws; and if it takes much longer than it should (`took`, in ms), that it does not end. */
function caught(watch: Watch, took = 10_000): string | undefined {
  try {
    Object.assign(globalThis, { lookOfRound: () => watch.run() });
    // Calls it so that it can be interrupted.
    return runInThisContext('lookOfRound()', { timeout: Math.ceil(10_000 + 30 * took) }) as string | undefined;
  } catch (error) {
    return String(error).split('\n')[0];
  }
}

/** Those to which what is changed makes a difference, short ones first, as many as `work` allows. */
function fitting(measured: readonly Measured[], { at, outcome }: Mutation, work: number): Measured[] {
  let left = work;
  return measured
    .filter(({ hit }) => at.some((stage) => (outcome === undefined ? hit.has(stage) : hit.get(stage)?.has(outcome))))
    .filter(({ count }) => {
      left -= count;
      return left > 0;
    });
}

/** Tries the mutations of an order. `files` are the tests that look, too: what imports each. */
export async function round(
  { ids, without, only, routines: names, part, of, states, cases, steps, work, hints }: Order,
  files: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<void> {
  const examples: Watch[] = [];
  for (const [file, load] of Object.entries(files)) examples.push(...(await gather(file, load)));
  const seen = new Map<number, Set<string>>();
  const measured: Measured[] = [
    ...examples,
    ...modelWatches(states),
    ...caseWatches(1, cases),
    ...equivalenceWatches(1, steps),
    ...otherWatches(1, steps),
  ].map((watch) => {
    const began = performance.now();
    let wrong: string | undefined;
    const { hit, count } = reached(() => {
      wrong = caught(watch);
    });
    for (const [at, outcomes] of hit) seen.set(at, new Set([...(seen.get(at) ?? []), ...outcomes]));
    say({ alive: watch.name });
    return { watch, hit, count, wrong, took: performance.now() - began };
  });
  for (const { watch, wrong } of measured) if (wrong !== undefined) say({ broken: watch.name, wrong });
  measured.sort((a, b) => a.count - b.count);

  const routines = [...new Set<Routine>([...kvmRoutines, ...hardwareRoutines])];
  const all = routines
    .filter(({ name }) => names === undefined || names.includes(name))
    .flatMap((routine) => mutationsOf(routine, seen))
    .filter(({ id }) => id.includes(only));
  say({
    mutations: all.length,
    stages: routines.flatMap(({ stages }) => stages).length,
    reached: routines.flatMap(({ stages }) => stages).filter(({ at }) => seen.has(at)).length,
    watches: measured.length,
    work: measured.reduce((sum, { count }) => sum + count, 0),
    seconds: Math.round(measured.reduce((sum, { took }) => sum + took, 0) / 1000),
    all: all.map(({ id }) => id).filter((id) => ids === undefined || ids.includes(id)),
  });
  const mutations = all.filter(
    ({ id }, i) => i % of === part && !without.includes(id) && (ids === undefined || ids.includes(id)),
  );

  /** Who is asked first: who noticed the last ones is likely to notice their neighbours. */
  const recent: Measured[] = [];
  const broken = new Set<Measured>();
  const repeats = new Set<Measured>();
  const look = (mutation: Mutation): { one: Measured; wrong: string } | undefined => {
    const fit = fitting(measured, mutation, work);
    const hint = fit.find(({ watch }) => watch.name === hints[mutation.id]);
    const first = [...(hint === undefined ? [] : [hint]), ...recent.filter((one) => fit.includes(one))];
    for (const one of new Set([...first, ...fit])) {
      if (broken.has(one)) continue;
      const began = performance.now();
      const wrong = withChanges(mutation.changes, () => caught(one.watch, one.took));
      if (performance.now() - began > 1000) say({ alive: one.watch.name });
      if (wrong !== undefined) return { one, wrong };
    }
    return undefined;
  };

  for (const mutation of mutations) {
    say({ trying: mutation.id });
    for (;;) {
      const found = look(mutation);
      if (found !== undefined) {
        // It says so without the mutation as well, the second time it is run: it can't be one that looks.
        const always = repeats.has(found.one) ? undefined : caught(found.one.watch, found.one.took);
        repeats.add(found.one);
        // What was ended in the middle may have left something behind.
        if (found.wrong.includes('timed out')) repeats.clear();
        if (always !== undefined) {
          say({ broken: found.one.watch.name, wrong: always });
          broken.add(found.one);
          continue;
        }
        recent.unshift(found.one);
        recent.splice(8);
      }
      const by = found === undefined ? {} : { by: found.one.watch.name, wrong: found.wrong.slice(0, 120) };
      say({ done: mutation.id, ...by });
      break;
    }
  }
}
