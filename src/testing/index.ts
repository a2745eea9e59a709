/**
 * What a hypervisor's interrupt code can be tested with: conformance vectors; laws of interrupt delivery, arbitraries for fast-check and the
 * stories that their counterexamples tell; the engine's notation and explorer for protocols of one's own.
 *
 * @module
 */
export * from './arbitraries.js';
export * from './conformance.js';
export * from './cpu-time-checks.js';
export * from './explorer.js';
export * from './findings.js';
export * from './invariants.js';
export * from './kvm-trace-checks.js';
export * from './laws.js';
export * from './models.js';
export * from './mutants.js';
export * from './nondeterminism.js';
export * from './stories.js';
export * from './trace-checks.js';
export * from './vector-exceptions.js';
