/** Statistics of a series of measurements, in its unit. */
export interface Summary {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Median. */
  readonly p50: number;
  readonly p99: number;
  /** How many measurements. */
  readonly n: number;
}

/** Statistics of a series; all zero for an empty one. Quantiles are those of the nearest rank. */
export function summarize(values: readonly number[]): Summary {
  const n = values.length;
  if (n === 0) return { mean: 0, min: 0, max: 0, p50: 0, p99: 0, n: 0 };
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (q: number): number => sorted[Math.max(0, Math.ceil(q * n) - 1)] as number;
  let sum = 0;
  for (const value of values) sum += value;
  return { mean: sum / n, min: sorted[0] as number, max: sorted[n - 1] as number, p50: rank(0.5), p99: rank(0.99), n };
}

/** Sample standard deviation; 0 for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** The same statistics in another unit. */
export function scaleSummary(summary: Summary, factor: number): Summary {
  return {
    mean: summary.mean * factor,
    min: summary.min * factor,
    max: summary.max * factor,
    p50: summary.p50 * factor,
    p99: summary.p99 * factor,
    n: summary.n,
  };
}

/** The median of some numbers; of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
