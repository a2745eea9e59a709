/**
 * What a hypervisor's interrupt code can be tested with: conformance vectors, and the engine's notation and explorer for protocols of
 * one's own.
 *
 * @module
 */
export * from './conformance.js';
export * from './explorer.js';
export * from './vector-exceptions.js';
