import process from 'node:process';
import fc from 'fast-check';

// The same properties on the same values in every run, so that a red run can be repeated and a green one means something.
// FAST_CHECK_SEED=random looks for new counterexamples; FAST_CHECK_RUNS does so longer; FAST_CHECK_FACTOR multiplies the runs of
// every property, also of those that say how many they want. A failure prints seed, path and counterexample.
const { FAST_CHECK_SEED: seed = '1', FAST_CHECK_RUNS: runs = '100', FAST_CHECK_FACTOR: factor = '1' } = process.env;
fc.configureGlobal({ ...(seed === 'random' ? {} : { seed: Number(seed) }), numRuns: Number(runs) * Number(factor) });

if (factor !== '1') {
  const { assert } = fc;
  const more: typeof assert = (property, parameters) => {
    const { numRuns } = parameters ?? {};
    return assert(
      property as never,
      {
        ...parameters,
        ...(numRuns === undefined ? {} : { numRuns: numRuns * Number(factor) }),
      } as never,
    ) as never;
  };
  Object.assign(fc, { assert: more });
}
