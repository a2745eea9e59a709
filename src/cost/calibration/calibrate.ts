import type { Fit } from './fit.js';
import { fitProblem } from './fit.js';
import { numbersOf, type Problem, priorSpread } from './problem.js';
import { drawEnsemble, leftOut, uncertaintyOf } from './uncertainty.js';

/** What came of a parameter. */
export interface CalibratedParameter {
  readonly name: string;
  readonly estimate: number;
  readonly range: readonly [number, number];
  readonly value: number;
  /** Standard deviation that is left, relative to the value. */
  readonly spread: number;
  /** How much of what was open beforehand is still open: 1 if no figure says anything. */
  readonly open: number;
  /** Whether it ended at an end of its range. */
  readonly atBound: boolean;
  readonly source: string;
}

/** What came of a figure. */
export interface CalibratedFigure {
  readonly id: string;
  readonly family: string;
  readonly published: number;
  readonly simulated: number;
  readonly errorPct: number;
  /** Its error if it had not been fitted to, and if its family had not: with the model as linear as it is at the end. */
  readonly leaveOneOutPct: number;
  readonly leaveFamilyOutPct: number;
  /** 1, or less where it disagrees with the others by more than measurements should. */
  readonly weight: number;
  /** By parameter: percent of the figure for a percent of the parameter. */
  readonly sensitivity: readonly number[];
}

/** What came of a calibration. */
export interface Calibration {
  readonly parameters: readonly CalibratedParameter[];
  readonly figures: readonly CalibratedFigure[];
  /** How many parameters the figures determine, all told: the trace of the hat matrix. */
  readonly effectiveParameters: number;
  /** What the figures say something about, by parameter. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Numbers that agree with the figures about as well; all parameters. */
  readonly ensemble: readonly Readonly<Record<string, number>>[];
}

/** A parameter of which this much is still open is one that no figure says anything about. */
const unconstrainedFrom = 0.97;
const ensemblePairs = 8;

/**
 * Fits parameters within their ranges to published figures, and says how well they are determined and how well the model predicts figures that it was
 * not fitted to. Deterministic.
 */
export function calibrateProblem(problem: Problem): Calibration {
  return reportOf(problem, fitProblem(problem));
}

function reportOf(problem: Problem, fitted: Fit): Calibration {
  const { response, weights } = fitted;
  const uncertainty = uncertaintyOf(problem, fitted);
  const residuals = problem.targets.map(({ published }, i) => (response.figures[i] as number) - Math.log(published));
  const percent = (logarithm: number): number => 100 * (Math.exp(logarithm) - 1);
  const familyErrors = new Map<number, number>();
  for (const family of new Set(problem.targets.map((target) => target.family))) {
    const members = problem.targets.flatMap((target, i) => (target.family === family ? [i] : []));
    leftOut(problem, fitted, members).forEach((error, index) => {
      familyErrors.set(members[index] as number, error);
    });
  }
  const all = numbersOf(problem, response.at);
  const parameters = problem.parameters.map(
    ({ name, estimate, range, source, ...parameter }, j): CalibratedParameter => {
      const spread = Math.sqrt(uncertainty.covariance.get(j, j));
      const value = all[name] as number;
      return {
        name,
        estimate,
        range,
        value,
        spread,
        open: spread / priorSpread({ name, estimate, range, source, ...parameter }),
        atBound: value <= range[0] * 1.001 || value >= range[1] * 0.999,
        source,
      };
    },
  );
  return {
    parameters,
    figures: problem.targets.map(
      ({ id, family, published }, i): CalibratedFigure => ({
        id,
        family,
        published,
        simulated: Math.exp(response.figures[i] as number),
        errorPct: percent(residuals[i] as number),
        leaveOneOutPct: percent(leftOut(problem, fitted, [i])[0] as number),
        leaveFamilyOutPct: percent(familyErrors.get(i) as number),
        weight: weights[i] as number,
        sensitivity: response.sensitivity[i] as readonly number[],
      }),
    ),
    effectiveParameters: uncertainty.hat.trace(),
    numbers: Object.fromEntries(
      parameters.filter(({ open }) => open < unconstrainedFrom).map(({ name, value }) => [name, value]),
    ),
    ensemble: drawEnsemble(problem, fitted, uncertainty, ensemblePairs).map((draw) => numbersOf(problem, draw)),
  };
}
