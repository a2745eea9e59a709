import { fittedEnsemble } from '../../cost/fitted-ensemble.js';
import { effectiveParameters } from '../../cost/fitted-numbers.js';
import { InputError, InternalError } from '../../engine/errors.js';
import { median } from '../../observe/statistics.js';
import type { Report } from '../report.js';
import { type Figure, type FigureInput, parseFigures } from './figure.js';
import { publishedFigures } from './published-figures.js';
import { checkFigure, createSimulator, inFigure, type Numbers, scenarioOfFigure, withChanges } from './simulate.js';

/** A published figure beside what was simulated. */
export interface ValidatedFigure {
  readonly id: string;
  readonly source: string;
  readonly published: number;
  readonly simulated: number;
  /** (simulated - published) / published, in percent. Where 0 was published: 0 if that was simulated, too, else 100. */
  readonly errorPct: number;
  readonly unit: string;
  readonly metric: string;
  /** The profile that it was simulated with. */
  readonly profile: string;
  /** Whether the profile's numbers were fitted to it. */
  readonly fitted: boolean;
  /**
   * Where a measurement is expected, with a probability of nine in ten: from what calibration leaves open of the numbers, and how well such a measurement
   * repeats. Not there if no numbers of its profile are open.
   */
  readonly interval?: readonly [number, number] | undefined;
  /** Whether the published value lies in the interval. */
  readonly inside?: boolean | undefined;
  readonly family?: string | undefined;
  readonly setup?: Figure['setup'];
  readonly note?: string | undefined;
  /** What the source does not state and the scenario assumes. */
  readonly assumed: Report['assumed'];
  /** What other assumptions make of it. */
  readonly alternatives: readonly {
    readonly name: string;
    readonly simulated: number;
    readonly errorPct: number;
  }[];
}

/** Errors of a group of figures. */
export interface ErrorSummary {
  /** How many figures. */
  readonly n: number;
  /** Median and largest of the errors' sizes, in percent; null without figures. */
  readonly medianErrorPct: number | null;
  readonly maxErrorPct: number | null;
}

/** A figure that its scenario gave no number for. */
export interface FailedFigure {
  readonly id: string;
  /** Why, with the place in the figures file. */
  readonly reason: string;
}

/** What came of a validation. */
export interface Validation {
  readonly figures: readonly ValidatedFigure[];
  /** Figures whose scenario ran and has no such number, as a one-way time of a workload that sends nothing; they count in no summary. */
  readonly failed: readonly FailedFigure[];
  readonly summary: {
    /** Figures that the profiles were fitted to, and how many parameters those determine, all told. */
    readonly fitted: ErrorSummary & { readonly parameters: number };
    /** All others. */
    readonly heldOut: ErrorSummary;
    /** How many of the figures that have an interval lie in it. */
    readonly inside: { readonly n: number; readonly of: number };
  };
}

/** Options of {@link validate}. */
export interface ValidateOptions {
  /** Numbers of the profiles, by parameter; those of the library by default. */
  readonly numbers?: Numbers | undefined;
  /** Whether the intervals are computed, which takes some more short runs of each figure. True by default. */
  readonly intervals?: boolean | undefined;
  /** Called after each figure. */
  readonly onProgress?: ((progress: { id: string; done: number; total: number }) => void) | undefined;
}

/** How well a measurement repeats, in percent, if its figure does not say so: three series of one unit test differ by that. */
const usualTolerancePct = 2.5;

/** Standard deviations that hold nine in ten of a normal distribution. */
const nineInTen = 1.645;

function sizeSummary(figures: readonly ValidatedFigure[]): ErrorSummary {
  const sizes = figures.map(({ errorPct }) => Math.abs(errorPct));
  return {
    n: sizes.length,
    medianErrorPct: sizes.length === 0 ? null : median(sizes),
    maxErrorPct: sizes.length === 0 ? null : Math.max(...sizes),
  };
}

function errorPct(published: number, simulated: number): number {
  if (published !== 0) return (100 * (simulated - published)) / Math.abs(published);
  return 100 * Math.sign(simulated);
}

function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** Where a measurement is expected: by factors, but for what can be 0 or less. */
function intervalOf(
  figure: Figure,
  simulated: number,
  open: readonly ReturnType<typeof createSimulator>[],
): [number, number] {
  const tolerance = (figure.tolerancePct ?? usualTolerancePct) / 100;
  const values = open.map((simulate) => simulate(figure).simulated);
  if (figure.as === 'ratio' && values.every((value) => value > 0)) {
    const factor = Math.exp(nineInTen * Math.hypot(spread(values.map(Math.log)), tolerance));
    return [simulated / factor, simulated * factor];
  }
  const width = nineInTen * Math.hypot(spread(values), tolerance * Math.abs(simulated));
  return [simulated - width, simulated + width];
}

/**
 * Runs the scenarios of published figures and sets what comes of them beside what was published.
 *
 * @param figures - a figures file, `{ figures: [...] }`; the library's own by default
 * @returns every figure with its error, and the errors of fitted and other figures; the same input gives the same result
 * @throws InputError that says what is wrong in which figure, before anything runs; a scenario that then turns out to have no such number is in `failed`
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { validate } from 'vmx-apic';
 *
 * const { figures } = validate({
 *   figures: [
 *     {
 *       id: 'vmcall',
 *       source: 'kvm list, 2020-03-13',
 *       published: 1542,
 *       unit: 'cycles',
 *       metric: 'latencyCycles.mean',
 *       scenario: { profile: 'skylake-sp', workload: { kind: 'vmexit', test: 'vmcall', iterations: 10 } },
 *     },
 *   ],
 * });
 * assert.ok(Math.abs(figures[0]?.errorPct ?? 100) < 20);
 * ```
 */
export function validate(
  figures: { readonly figures: readonly FigureInput[] } = publishedFigures,
  { numbers, intervals = true, onProgress }: ValidateOptions = {},
): Validation {
  const parsed = parseFigures(figures);
  parsed.forEach(checkFigure);
  const simulate = createSimulator({ numbers });
  const open = intervals ? fittedEnsemble.map((draw) => createSimulator({ numbers: draw, iterations: 40 })) : [];
  const failed: FailedFigure[] = [];
  const rows = parsed.flatMap((figure, index): ValidatedFigure[] => {
    try {
      return [inFigure(`figures[${index}]`, () => rowOf(figure, simulate, open, numbers))];
    } catch (error) {
      // The others' numbers are not lost with it.
      if (!(error instanceof InputError || error instanceof InternalError)) throw error;
      failed.push({ id: figure.id, reason: error.message });
      return [];
    } finally {
      onProgress?.({ id: figure.id, done: index + 1, total: parsed.length });
    }
  });
  const judged = rows.filter(({ inside }) => inside !== undefined);
  return {
    figures: rows,
    failed,
    summary: {
      fitted: { ...sizeSummary(rows.filter(({ fitted }) => fitted)), parameters: effectiveParameters },
      heldOut: sizeSummary(rows.filter(({ fitted }) => !fitted)),
      inside: { n: judged.filter(({ inside }) => inside).length, of: judged.length },
    },
  };
}

function rowOf(
  figure: Figure,
  simulate: ReturnType<typeof createSimulator>,
  open: readonly ReturnType<typeof createSimulator>[],
  numbers: Numbers | undefined,
): ValidatedFigure {
  const { id, source, published, unit, metric, fitted, family, setup, note } = figure;
  const { simulated, report } = simulate(figure);
  const error = (value: number): number => errorPct(published, value);
  const interval = open.length > 1 ? intervalOf(figure, simulated, open) : undefined;
  return {
    id,
    source,
    published,
    simulated,
    errorPct: error(simulated),
    unit,
    metric,
    profile: report.profile,
    fitted,
    ...(interval === undefined ? {} : { interval, inside: published >= interval[0] && published <= interval[1] }),
    ...(family === undefined ? {} : { family }),
    ...(setup === undefined ? {} : { setup }),
    ...(note === undefined ? {} : { note }),
    assumed: report.assumed,
    alternatives: figure.alternatives.map(({ name, set }) => {
      const scenario = withChanges(scenarioOfFigure(figure.scenario, 'scenario'), set);
      const other = createSimulator({ numbers })({ ...figure, scenario }).simulated;
      return { name, simulated: other, errorPct: error(other) };
    }),
  };
}
