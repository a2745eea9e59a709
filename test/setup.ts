import process from 'node:process';
import fc from 'fast-check';

// The same properties on the same values in every run, so that a red run can be repeated and a green one means something.
// FAST_CHECK_SEED=random looks for new counterexamples; FAST_CHECK_RUNS does so longer.
const { FAST_CHECK_SEED: seed = '1', FAST_CHECK_RUNS: runs = '100' } = process.env;
fc.configureGlobal({ ...(seed === 'random' ? {} : { seed: Number(seed) }), numRuns: Number(runs) });
