import { CholeskyDecomposition, inverse, Matrix } from 'ml-matrix';
import { createRandom, randomUnit } from '../../engine/random.js';
import { type Fit, fitLinear, misfit } from './fit.js';
import { type Problem, priorSpread, type Target } from './problem.js';
import { predict, simulateAll } from './sensitivity.js';

/** What a fit leaves open, near where it ended. */
export interface Uncertainty {
  /** Covariance of the parameters' logarithms. */
  readonly covariance: Matrix;
  /** By figure and figure: how much of its fit follows from its own published value, and from that of others. */
  readonly hat: Matrix;
}

/** Covariance and hat matrix of a fit, with what was known beforehand. */
export function uncertaintyOf(problem: Problem, { response, weights }: Fit): Uncertainty {
  const jacobian = new Matrix(response.sensitivity.map((row) => [...row]));
  const precision = problem.targets.map(({ tolerancePct }, i) => (weights[i] as number) / (tolerancePct / 100) ** 2);
  const weighted = Matrix.mul(jacobian, 1);
  weighted.mulColumnVector(precision);
  const information = jacobian.transpose().mmul(weighted);
  problem.parameters.forEach((parameter, j) => {
    information.set(j, j, information.get(j, j) + 1 / priorSpread(parameter) ** 2);
  });
  const inverted = inverse(information);
  // Rounding leaves it a little off symmetry.
  const covariance = Matrix.add(inverted, inverted.transpose()).mul(0.5);
  const hat = jacobian.mmul(covariance).mmul(weighted.transpose());
  return { covariance, hat };
}

/**
 * Errors of figures as if they had not been fitted to: the others are fitted alone, with the model as linear as it is where the fit ended.
 *
 * @param left - the indices of the figures that are left out together
 * @returns their errors, in logarithms
 */
export function leftOut(problem: Problem, { response, weights }: Fit, left: readonly number[]): number[] {
  const others = weights.map((weight, i) => (left.includes(i) ? 0 : weight));
  const figures = predict(response, fitLinear(problem, response, others));
  return left.map((i) => (figures[i] as number) - Math.log((problem.targets[i] as Target).published));
}

/** A number from the normal distribution (Box and Muller). */
function normal(random: ReturnType<typeof createRandom>): number {
  return Math.sqrt(-2 * Math.log(1 - randomUnit(random))) * Math.cos(2 * Math.PI * randomUnit(random));
}

/** How often a draw that disagrees with the figures is brought nearer to the fit, by half the way each time. */
const approaches = 4;

/**
 * Parameter sets that agree with the figures about as well as the fitted one: drawn from the covariance in opposite pairs, within the ranges. The covariance
 * is that of a linear model; where the model bends, as a figure does that depends on a race, a draw may disagree with the figures by more than
 * 19 in 20 should, and is brought nearer until it does not.
 *
 * @param pairs - how many pairs
 * @returns logarithms of the parameters, by draw
 */
export function drawEnsemble(
  problem: Problem,
  { response: { at, figures } }: Fit,
  { covariance, hat }: Uncertainty,
  pairs: number,
): number[][] {
  const open = hat.trace();
  const allowed = misfit(problem, figures) + open + 2 * Math.sqrt(2 * open);
  const agrees = (draw: readonly number[]): boolean => misfit(problem, simulateAll(problem, draw)) <= allowed;
  const lower = new CholeskyDecomposition(covariance).lowerTriangularMatrix;
  const random = createRandom(1);
  const draws: number[][] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const shift = lower.mmul(Matrix.columnVector(problem.parameters.map(() => normal(random)))).to1DArray();
    for (const sign of [1, -1]) {
      let draw = problem.parameters.map(({ range }, j) => {
        const value = (at[j] as number) + sign * (shift[j] as number);
        return Math.min(Math.max(value, Math.log(range[0])), Math.log(range[1]));
      });
      for (let approach = 0; approach < approaches && !agrees(draw); approach++) {
        draw = draw.map((value, j) => (value + (at[j] as number)) / 2);
      }
      draws.push(draw);
    }
  }
  return draws;
}
