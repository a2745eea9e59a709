import process from 'node:process';
import fc from 'fast-check';
import { factor } from './runs.js';

// The same properties on the same values in every run, so that a red run can be repeated and a green one means something.
// FAST_CHECK_SEED=random looks for new counterexamples; FAST_CHECK_RUNS or FAST_CHECK_FACTOR does so longer. A failure prints seed, path
// and counterexample.
const { FAST_CHECK_SEED: seed = '1', FAST_CHECK_RUNS: runs = '100' } = process.env;
fc.configureGlobal({ ...(seed === 'random' ? {} : { seed: Number(seed) }), numRuns: Number(runs) * factor });
