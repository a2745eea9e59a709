import { levenbergMarquardt } from 'ml-levenberg-marquardt';
import { type Problem, priorSpread } from './problem.js';
import { predict, type Response, responseAt, simulateAll } from './sensitivity.js';

/** Residuals beyond so many standard deviations count linearly and not as their squares (Huber). */
const robustFrom = 1.5;
/** How far a parameter may go in one round, in its logarithm: the model is linear only nearby. */
const reach = 0.35;
const rounds = 5;

/** A fit: where it ended, and how the model responds there. */
export interface Fit {
  readonly response: Response;
  /** Weight of each figure, 0 to 1: below 1 where it disagrees with the others. */
  readonly weights: readonly number[];
}

/** (simulated - published) / tolerance for each figure. */
function residuals(problem: Problem, figures: readonly number[]): number[] {
  return problem.targets.map(
    ({ published, tolerancePct }, i) => ((figures[i] as number) - Math.log(published)) / (tolerancePct / 100),
  );
}

function robustWeights(problem: Problem, figures: readonly number[]): number[] {
  return residuals(problem, figures).map((residual) => Math.min(1, robustFrom / Math.max(Math.abs(residual), 1e-9)));
}

/** How far figures are from what was published, all told: robust squares of the residuals. */
export function misfit(problem: Problem, figures: readonly number[]): number {
  return residuals(problem, figures).reduce((sum, residual) => {
    const size = Math.abs(residual);
    return sum + (size <= robustFrom ? size * size : robustFrom * (2 * size - robustFrom));
  }, 0);
}

/** What is minimised: the misfit, and squares of the parameters' distances from their estimates. */
function objective(problem: Problem, at: readonly number[], figures: readonly number[]): number {
  return problem.parameters.reduce(
    (sum, parameter, j) => {
      const distance = ((at[j] as number) - Math.log(parameter.estimate)) / priorSpread(parameter);
      return sum + distance * distance;
    },
    misfit(problem, figures),
  );
}

/**
 * Where the linear model fits best, within reach and range.
 *
 * @param weights - of the figures; 0 leaves one out
 */
export function fitLinear(problem: Problem, response: Response, weights: readonly number[]): number[] {
  const { parameters, targets } = problem;
  const estimates = parameters.map(({ estimate }) => Math.log(estimate));
  const y = [...targets.map(({ published }) => Math.log(published)), ...estimates];
  const certainties = [
    ...targets.map(({ tolerancePct }, i) => Math.sqrt(weights[i] as number) / (tolerancePct / 100)),
    ...parameters.map((parameter) => 1 / priorSpread(parameter)),
  ];
  const { parameterValues } = levenbergMarquardt(
    { x: y.map((_, index) => index), y },
    (there) => {
      const values = [...predict(response, there), ...there];
      return (index) => values[index] as number;
    },
    {
      initialValues: [...response.at],
      minValues: parameters.map(({ range }, j) => Math.max(Math.log(range[0]), (response.at[j] as number) - reach)),
      maxValues: parameters.map(({ range }, j) => Math.min(Math.log(range[1]), (response.at[j] as number) + reach)),
      weights: certainties,
      damping: 1e-3,
      gradientDifference: 1e-5,
      maxIterations: 60,
      errorTolerance: 1e-9,
    },
  );
  return parameterValues;
}

/**
 * Fits the parameters of a problem: in logarithms, with a robust loss, and with what is known of each parameter beforehand. The model is made linear
 * in the costs, fitted by Levenberg and Marquardt's method, and run again, until nothing moves any more.
 */
export function fitProblem(problem: Problem): Fit {
  let response = responseAt(
    problem,
    problem.parameters.map(({ estimate }) => Math.log(estimate)),
  );
  let best = objective(problem, response.at, response.figures);
  for (let round = 0; round < rounds; round++) {
    let there = response.at as number[];
    for (let again = 0; again < 4; again++) {
      const weights = robustWeights(problem, again === 0 ? response.figures : predict(response, there));
      there = fitLinear(problem, response, weights);
    }
    // Half the way, and half of that, where the model bends.
    let figures = simulateAll(problem, there);
    for (let halving = 0; halving < 4 && objective(problem, there, figures) > best; halving++) {
      there = there.map((value, j) => (value + (response.at[j] as number)) / 2);
      figures = simulateAll(problem, there);
    }
    const reached = objective(problem, there, figures);
    if (reached > best - 0.05) break;
    best = reached;
    response = responseAt(problem, there, response);
  }
  return { response, weights: robustWeights(problem, response.figures) };
}
