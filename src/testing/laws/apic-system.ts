import type { GuestOperation } from './operations.js';

/** An interrupt that a CPU took: its handler has begun. */
export interface Taken {
  readonly cpu: number;
  readonly vector: number;
}

/** What one operation came to, when all that follows from it has happened. */
export interface OperationResult {
  /** True if it raised a general-protection fault, whose handler left it out. */
  readonly fault: boolean;
  /** What a read or a hypercall gave; not compared if the CPU itself took an interrupt. */
  readonly value?: number;
  /** What was taken because of it, per CPU in order. */
  readonly taken: readonly Taken[];
}

/**
 * Some CPUs with local APICs, driven step by step: the interface to an implementation of one's own. A CPU's program is what the driver
 * says; when it takes an interrupt, interrupts are disabled, and what it is told next is the handler's doing (`eoi`, `iret`, also `sti`
 * to let others in). A CPU that halts is told nothing until it takes something.
 */
export interface ApicSystem {
  /**
   * A CPU does something. Returns when the system is at rest again.
   *
   * @param cpu - 0 and up; its initial APIC ID
   */
  perform(cpu: number, operation: GuestOperation): OperationResult;
  /**
   * Does something that no guest may notice: switches acceleration, saves and restores, moves to another host. What is up to the system;
   * one that has nothing of the kind leaves it out.
   *
   * @param which - any number, 0 and up
   * @returns what was taken meanwhile, and what it did, for people
   */
  disturb?(which: number): { readonly taken: readonly Taken[]; readonly what: string };
}

/** A step of a comparison: an operation of a CPU, or a disturbance. */
export type SystemStep = { readonly cpu: number; readonly operation: GuestOperation } | { readonly disturb: number };
