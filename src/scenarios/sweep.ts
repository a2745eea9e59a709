import { InputError } from '../engine/errors.js';
import { kneeOf, paretoFront } from '../observe/pareto.js';
import type { Summary } from '../observe/statistics.js';
import type { VariantReport } from './report.js';
import { checkScenario, runScenario } from './run.js';
import { parseScenario, type ScenarioInput, withValue } from './schema.js';
import type { SweepParameter } from './sweep-parameters.js';

/** One combination of the values of a sweep's parameters. */
export interface SweepPoint {
  /** The values, in the order of the parameters. */
  readonly values: readonly unknown[];
  readonly scenario: ScenarioInput;
}

/** What came of one variant at one point of a sweep. */
export interface SweepRow {
  /** The point: an index in {@link SweepReport.points}. */
  readonly point: number;
  readonly variant: string;
  readonly latencyCycles: Summary;
  readonly latencyNs: Summary;
  /**
   * CPU time burnt per iteration, in nanoseconds: what all processors spent in the guests, in the host and polling, but not what they were
   * idle.
   */
  readonly burntNs: number;
  readonly cpu: VariantReport['cpu'];
  readonly exitsPerIteration: number;
}

/** The outcome of a sweep. */
export interface SweepReport {
  readonly scenario: string;
  readonly title: string;
  readonly parameters: readonly SweepParameter[];
  /** Values of the parameters, by point. */
  readonly points: readonly (readonly unknown[])[];
  /** True if every point was run. */
  readonly complete: boolean;
  /** A row for each variant of each point that was run. */
  readonly rows: readonly SweepRow[];
  /** By variant: the rows that no other row beats in both latency and CPU time, by growing CPU time; and their knee, if there is one. */
  readonly fronts: readonly { readonly variant: string; readonly rows: readonly number[]; readonly knee?: number }[];
}

const mostPoints = 100_000;

/**
 * The points of a sweep: every combination of the parameters' values, the last parameter changing fastest. Each is checked, so that what
 * is wrong is said before anything runs.
 *
 * @param parameters - one or two are what can be drawn; more are allowed
 * @throws InputError for a path or a value that the scenario does not take
 */
export function sweepPoints(input: ScenarioInput, parameters: readonly SweepParameter[]): SweepPoint[] {
  const { variants = [] } = parseScenario(input);
  if (parameters.length === 0) throw new InputError('parameters', 'a sweep needs at least one');
  const paths = parameters.map(({ path }) => path);
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) throw new InputError(twice, 'is a parameter twice');
  for (const path of paths) {
    const own = variants.find(({ set }) => Object.hasOwn(set, path));
    if (own !== undefined) throw new InputError(path, `is set by the variant '${own.name}' (choose others, or none)`);
  }
  let points: SweepPoint[] = [{ values: [], scenario: input }];
  for (const { path, values } of parameters) {
    if (values.length === 0) throw new InputError(path, 'has no values');
    if (points.length * values.length > mostPoints) throw new InputError(path, `makes more than ${mostPoints} points`);
    points = points.flatMap((point) =>
      values.map((value) => ({
        values: [...point.values, value],
        scenario: withValue(point.scenario, path, value) as ScenarioInput,
      })),
    );
  }
  for (const { scenario } of points) checkScenario(scenario);
  return points;
}

/**
 * Runs one point of a sweep.
 *
 * @param point - its number, for the rows
 */
export function runSweepPoint({ scenario }: SweepPoint, point: number): SweepRow[] {
  return runScenario(scenario).variants.map((variant) => {
    const { guest, host, haltPoll } = variant.cpu;
    return {
      point,
      variant: variant.name,
      latencyCycles: variant.latencyCycles,
      latencyNs: variant.latencyNs,
      burntNs: (guest + host + haltPoll) / variant.tscGhz / variant.latencyCycles.n,
      cpu: variant.cpu,
      exitsPerIteration: variant.exitsPerIteration,
    };
  });
}

/**
 * Puts the rows of a sweep's points together and finds what is worth choosing: the Pareto front of mean latency and CPU time burnt, and its
 * knee.
 *
 * @param rows - of those points that were run, in any order
 */
export function sweepReport(
  input: ScenarioInput,
  parameters: readonly SweepParameter[],
  points: readonly SweepPoint[],
  rows: readonly SweepRow[],
): SweepReport {
  const { name, title = name } = parseScenario(input);
  const sorted = [...rows].sort((a, b) => a.point - b.point);
  const variants = [...new Set(sorted.map(({ variant }) => variant))];
  const done = new Set(sorted.map(({ point }) => point));
  return {
    scenario: name,
    title,
    parameters,
    points: points.map(({ values }) => values),
    complete: done.size === points.length,
    rows: sorted,
    fronts: variants.map((variant) => {
      const own = sorted.flatMap((row, index) => (row.variant === variant ? [index] : []));
      const costs = own.map((index): [number, number] => {
        const { burntNs, latencyNs } = sorted[index] as SweepRow;
        return [burntNs, latencyNs.mean];
      });
      const front = paretoFront(costs);
      const knee = kneeOf(front.map((index) => costs[index] as [number, number]));
      return {
        variant,
        rows: front.map((index) => own[index] as number),
        ...(knee === undefined ? {} : { knee: own[front[knee] as number] as number }),
      };
    }),
  };
}

/** Options of {@link sweepScenario}. */
export interface SweepOptions {
  /** Called after each point. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Runs a scenario over every combination of its parameters' values: latency against the CPU time that it costs.
 *
 * @throws InputError for what the scenario does not take, before anything runs
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { parseSweepParameter, sweepScenario } from 'vmx-apic';
 *
 * const report = sweepScenario({ workload: { kind: 'vmexit', test: 'vmcall', iterations: 10 } }, [
 *   parseSweepParameter('profile.set.vmExit=400,800'),
 * ]);
 * const [cheap, dear] = report.rows.map((row) => row.latencyCycles.mean);
 * assert.equal((dear as number) - (cheap as number), 400);
 * ```
 */
export function sweepScenario(
  input: ScenarioInput,
  parameters: readonly SweepParameter[],
  options: SweepOptions = {},
): SweepReport {
  const points = sweepPoints(input, parameters);
  const rows = points.flatMap((point, index) => {
    const own = runSweepPoint(point, index);
    options.onProgress?.({ done: index + 1, total: points.length });
    return own;
  });
  return sweepReport(input, parameters, points, rows);
}
