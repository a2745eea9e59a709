export { findMutant, type MutantReport, mutants, tryMutant, withMutant } from './mutants/index.js';
export type { Detector, Mutant } from './mutants/mutant.js';
