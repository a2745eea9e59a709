import { numbersOf, type Problem } from './problem.js';

/** How a model responds at a place: figures and their sensitivities, in logarithms. */
export interface Response {
  /** Logarithms of the parameters. */
  readonly at: readonly number[];
  /** Logarithms of the simulated figures. */
  readonly figures: readonly number[];
  /** By figure and parameter: percent of the figure for a percent of the parameter. */
  readonly sensitivity: readonly (readonly number[])[];
}

/** By how much a parameter is moved to see what follows: enough to stand out from the rounding of costs to whole cycles. */
const step = Math.log(1.08);

/** Runs all figures. */
export function simulateAll(problem: Problem, at: readonly number[]): number[] {
  const all = problem.targets.map((_, index) => index);
  return problem.simulate(numbersOf(problem, at), all).map(Math.log);
}

/**
 * The response of a model: each parameter is moved a little in turn. Costs are sums along a path, so that a figure is piecewise linear in them.
 *
 * @param known - a response elsewhere: figures that did not depend on a parameter there are not run again
 */
export function responseAt(problem: Problem, at: readonly number[], known?: Response): Response {
  const { parameters, targets } = problem;
  const figures = simulateAll(problem, at);
  const sensitivity = targets.map(() => parameters.map(() => 0));
  parameters.forEach(({ processor, unconstrained }, j) => {
    if (unconstrained === true) return;
    const which = targets.flatMap((target, i) => {
      if (processor !== undefined && processor !== target.processor) return [];
      return known !== undefined && known.sensitivity[i]?.[j] === 0 ? [] : [i];
    });
    if (which.length === 0) return;
    const moved = at.map((value, index) => (index === j ? value + step : value));
    problem.simulate(numbersOf(problem, moved), which).forEach((value, index) => {
      const i = which[index] as number;
      const slope = (Math.log(value) - (figures[i] as number)) / step;
      (sensitivity[i] as number[])[j] = Math.abs(slope) < 1e-4 ? 0 : slope;
    });
  });
  return { at, figures, sensitivity };
}

/** What the figures would be elsewhere if they stayed linear in the costs, in logarithms. */
export function predict({ at, figures, sensitivity }: Response, there: readonly number[]): number[] {
  const growth = there.map((value, j) => Math.exp(value - (at[j] as number)) - 1);
  return figures.map((figure, i) => {
    const row = sensitivity[i] as readonly number[];
    const relative = row.reduce((sum, slope, j) => sum + slope * (growth[j] as number), 1);
    return figure + Math.log(Math.max(relative, 0.05));
  });
}
