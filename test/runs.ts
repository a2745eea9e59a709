import process from 'node:process';

const { FAST_CHECK_FACTOR = '1' } = process.env;

/** How many times the usual number of runs each property gets: 1 in `npm test`, more and more in `npm run test:deep`. */
export const factor = Number(FAST_CHECK_FACTOR);

/** The number of runs of a property that says how many it wants. */
export function runs(usual: number): { numRuns: number } {
  return { numRuns: usual * factor };
}
