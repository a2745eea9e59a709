import { appendFileSync } from 'node:fs';
import process from 'node:process';
import fc from 'fast-check';
import { expect } from 'vitest';
import { factor } from './runs.js';

// The same properties on the same values in every run, so that a red run can be repeated and a green one means something.
// FAST_CHECK_SEED=random looks for new counterexamples; FAST_CHECK_RUNS or FAST_CHECK_FACTOR does so longer. A failure prints seed, path
// and counterexample.
const { FAST_CHECK_SEED: seed = '1', FAST_CHECK_RUNS: runs = '100', FAST_CHECK_COUNTS: counts } = process.env;

/** Notes how many cases a property was tried on, for who wants to know what a long run covered; then what is done without it. */
function count(file: string): (out: fc.RunDetails<unknown>) => void {
  return (out) => {
    appendFileSync(file, `${out.numRuns} ${expect.getState().testPath}\n`);
    if (out.failed) throw new Error(fc.defaultReportMessage(out), { cause: out.errorInstance });
  };
}

fc.configureGlobal({
  ...(seed === 'random' ? {} : { seed: Number(seed) }),
  ...(counts === undefined ? {} : { reporter: count(counts) }),
  numRuns: Number(runs) * factor,
});
