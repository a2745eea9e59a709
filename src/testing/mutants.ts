export { findMutant, type MutantReport, mutants, tryMutant, withMutant } from './mutants/index.js';
export type { Detector, Mutant } from './mutants/mutant.js';
export { type UnexpressedBug, unexpressedBugs } from './mutants/not-expressed.js';
