import type { CostStatus } from './profile.js';

/**
 * Costs of a stretch of code or microcode that no published figure can tell apart: one number is free, the keys share it by fixed parts.
 * The number is the same for all processors, in core cycles of Skylake-SP; a processor's scale turns it into its own.
 */
export interface PathCosts {
  /** Core cycles of the whole group on Skylake-SP: the estimate, which calibration may replace within the range. */
  readonly cycles: number;
  /** Between which values it is plausible. */
  readonly range: readonly [number, number];
  readonly status: CostStatus;
  /** Where number and range come from. */
  readonly source: string;
  /** The cost keys of the group with their parts of `cycles`. */
  readonly keys: Readonly<Record<string, number>>;
}
