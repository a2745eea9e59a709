/**
 * Bad input: a configuration, a saved state, a trace line, a figures file. Raised before anything ran.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { InputError } from 'vmx-apic';
 *
 * const error = new InputError('vms[0].pinning[1]', 'logical processor 9 does not exist (8 available)');
 * assert.equal(error.message, 'vms[0].pinning[1]: logical processor 9 does not exist (8 available)');
 * ```
 */
export class InputError extends Error {
  /** Where in the input, as `vms[0].pinning[1]`; empty for the input as a whole. */
  readonly path: string;
  /** What is wrong there and, where it helps, what would be right. */
  readonly reason: string;

  /**
   * @param path - where in the input; empty for the input as a whole
   * @param reason - what is wrong there
   */
  constructor(path: string, reason: string) {
    super(path === '' ? reason : `${path}: ${reason}`);
    this.name = 'InputError';
    this.path = path;
    this.reason = reason;
  }
}

/**
 * A broken expectation inside the simulator: always a defect of this library, never of its input. The message names the
 * routine and the stage; a runner adds how to reproduce it ({@link InternalError.reproduction}).
 */
export class InternalError extends Error {
  /** `routine.stage` that was running, or a description of the place. */
  readonly place: string;
  /** How to get there again: the scenario and its seed, as JSON; undefined until a runner has filled it in. */
  reproduction: string | undefined;

  /**
   * @param place - `routine.stage` that was running
   * @param expectation - what was expected and did not hold
   */
  constructor(place: string, expectation: string) {
    super(`${place}: ${expectation}`);
    this.name = 'InternalError';
    this.place = place;
  }
}
