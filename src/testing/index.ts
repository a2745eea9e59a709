export * from './conformance.js';
export * from './vector-exceptions.js';
