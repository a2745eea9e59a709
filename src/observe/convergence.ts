/** What is known of how well the mean of a series is known. Plain data. */
export interface Convergence {
  /** How far it may be off at most, as a part of the mean. */
  readonly tolerance: number;
  /** How far it may be off: half the width of its 95 % confidence interval, as a part of the mean; infinite before the first look. */
  halfWidth: number;
  /** How long the series is when it is looked at next. */
  next: number;
  /** Whether it is known well enough. */
  reached: boolean;
}

const batches = 16;
/** Student's t for 95 % and 15 degrees of freedom. */
const student = 2.131;

/** Nothing known yet. `tolerance` is a part of the mean, above 0. */
export function createConvergence(tolerance: number): Convergence {
  return { tolerance, halfWidth: Number.POSITIVE_INFINITY, next: 8 * batches, reached: false };
}

/**
 * Half the width of the 95 % confidence interval of a mean, as a part of it, by the means of 16 batches: successive values depend on each
 * other (an adaptive window remembers), means of long batches hardly do. Infinite for fewer than 16 values.
 */
export function relativeHalfWidth(values: readonly number[]): number {
  const size = Math.floor(values.length / batches);
  if (size === 0) return Number.POSITIVE_INFINITY;
  const means: number[] = [];
  for (let batch = 0; batch < batches; batch++) {
    let sum = 0;
    for (let i = batch * size; i < (batch + 1) * size; i++) sum += values[i] as number;
    means.push(sum / size);
  }
  const mean = means.reduce((sum, value) => sum + value, 0) / batches;
  const squares = means.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (squares === 0) return 0;
  return (student * Math.sqrt(squares / (batches - 1) / batches)) / Math.abs(mean);
}

/** True if the mean of the series so far is known well enough. Looks only now and then: each time the series is a quarter longer. */
export function hasConverged(convergence: Convergence, values: readonly number[]): boolean {
  if (values.length < convergence.next) return convergence.reached;
  convergence.next = Math.ceil(1.25 * values.length);
  convergence.halfWidth = relativeHalfWidth(values);
  convergence.reached = convergence.halfWidth <= convergence.tolerance;
  return convergence.reached;
}
