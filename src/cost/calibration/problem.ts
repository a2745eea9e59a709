import type { Parameter } from './parameters.js';

/** A published figure as calibration sees it. */
export interface Target {
  readonly id: string;
  /** What was measured together. */
  readonly family: string;
  /** The processor whose numbers it depends on. */
  readonly processor: string;
  readonly published: number;
  /** How well such a measurement repeats: one standard deviation, in percent. */
  readonly tolerancePct: number;
}

/** What is to be calibrated. */
export interface Problem {
  readonly parameters: readonly Parameter[];
  readonly targets: readonly Target[];
  /**
   * What the model makes of targets.
   *
   * @param numbers - all parameters, by name
   * @param which - indices of targets
   * @returns the simulated figures, in the order of `which`
   */
  simulate(numbers: Readonly<Record<string, number>>, which: readonly number[]): number[];
}

/** All parameters by name, from the logarithms in their order. */
export function numbersOf({ parameters }: Problem, logarithms: readonly number[]): Record<string, number> {
  return Object.fromEntries(parameters.map(({ name }, j) => [name, Math.exp(logarithms[j] as number)]));
}

/** Standard deviation of what is known of a parameter beforehand, in its logarithm: its range is two of them to both sides. */
export function priorSpread({ range }: Parameter): number {
  return Math.log(range[1] / range[0]) / 4;
}
