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

/** How often a draw that disagrees with the figures is put right, and taken nearer to the fit, half the way each time. */
const corrections = 2;
const approaches = 4;

/**
 * Parameter sets that agree with the figures about as well as the fitted one: drawn from the covariance in opposite pairs, within the ranges. The covariance
 * is that of a linear model. Where the model bends, as a figure does that depends on a race, a draw may disagree with the figures by more than
 * 19 in 20 should: then what the figures determine of it is put right by as much, and if that does not do, it is taken nearer to the fit.
 *
 * @param pairs - how many pairs
 * @returns logarithms of the parameters, by draw
 */
export function drawEnsemble(
  problem: Problem,
  { response, weights }: Fit,
  { covariance, hat }: Uncertainty,
  pairs: number,
): number[][] {
  const { at } = response;
  const open = hat.trace();
  const allowed = misfit(problem, response.figures) + open + 2 * Math.sqrt(2 * open);
  const within = (draw: readonly number[]): number[] =>
    problem.parameters.map(({ range }, j) =>
      Math.min(Math.max(draw[j] as number, Math.log(range[0])), Math.log(range[1])),
    );
  // By how much the parameters move for what a figure is off.
  const gain = new Matrix(response.sensitivity.map((row) => [...row]));
  gain.mulColumnVector(
    problem.targets.map(({ tolerancePct }, i) => (weights[i] as number) / (tolerancePct / 100) ** 2),
  );
  const gains = covariance.mmul(gain.transpose());
  const agreeing = (draw: readonly number[]): number[] => {
    let there = within(draw);
    const shift = draw.map((value, j) => value - (at[j] as number));
    const expected = response.sensitivity.map((row, i) =>
      row.reduce((sum, moves, j) => sum + moves * (shift[j] as number), response.figures[i] as number),
    );
    for (let again = 0; again < corrections + approaches; again++) {
      const figures = simulateAll(problem, there);
      if (misfit(problem, figures) <= allowed) break;
      if (again < corrections) {
        const off = Matrix.columnVector(figures.map((figure, i) => figure - (expected[i] as number)));
        const move = gains.mmul(off).to1DArray();
        there = within(there.map((value, j) => value - (move[j] as number)));
      } else {
        there = there.map((value, j) => (value + (at[j] as number)) / 2);
      }
    }
    return there;
  };
  const lower = new CholeskyDecomposition(covariance).lowerTriangularMatrix;
  const random = createRandom(1);
  return Array.from({ length: pairs }, () => {
    const shift = lower.mmul(Matrix.columnVector(problem.parameters.map(() => normal(random)))).to1DArray();
    return [1, -1].map((sign) => agreeing(at.map((value, j) => value + sign * (shift[j] as number))));
  }).flat();
}
