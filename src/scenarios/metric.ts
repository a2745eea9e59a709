import { InputError } from '../engine/errors.js';
import { isExitReasonName } from '../observe/exit-reason-name.js';
import type { VariantReport } from './report.js';

/** The numbers of a variant's report, and the parts of it that have some. */
const numbers = ['totalNs', 'exitsPerIteration', 'tscGhz', 'meanWithinPct'];
const summaries = ['latencyCycles', 'latencyNs', 'oneWayNs', 'runs'];
const summaryKeys = ['mean', 'min', 'max', 'p50', 'p99', 'n', 'stdev'];
const others = ['cpu', 'kvmStat', 'interrupts', 'migration'];

/**
 * Refuses what cannot be the path of a number of a report, whatever the scenario.
 *
 * @param path - where the metric stands in the user's input, for the error
 */
export function checkMetric(metric: string, path: string): void {
  const [first = '', second = '', ...rest] = metric.split('.');
  if (first === 'exits') {
    if (!isExitReasonName(second)) {
      throw new InputError(
        path,
        `'${second}' is not an exit reason; they are as in Linux: MSR_WRITE, HLT, EXTERNAL_INTERRUPT`,
      );
    }
    if (rest.length !== 1 || !exitKeys.includes(rest[0] as string)) {
      throw new InputError(path, `'${metric}' is not one of exits.${second}.${exitKeys.join(', .')}`);
    }
    return;
  }
  const known =
    (numbers.includes(first) && second === '') ||
    (summaries.includes(first) && summaryKeys.includes(second) && rest.length === 0) ||
    (others.includes(first) && second !== '');
  if (known) return;
  throw new InputError(
    path,
    `'${metric}' is not a number of a variant's report (such are ${summaries[0]}.mean, latencyNs.p99, oneWayNs.mean, totalNs, exitsPerIteration, exits.MSR_WRITE.count)`,
  );
}

/** What can be asked of an exit reason: beside the columns of its row, the cycles of one exit. */
const exitKeys = ['count', 'cycles', 'mean', 'share', 'workShare', 'work', 'polling', 'blocked', 'waiting'];

/**
 * A number of a variant's report by its path: `latencyCycles.mean`, `oneWayNs.mean`, `totalNs`, or an exit reason's as `exits.MSR_WRITE.count`
 * (`cycles`, `share`, or `mean`: cycles of one exit). A reason that did not occur counts 0.
 *
 * @param path - where the metric stands in the user's input, for the error
 * @throws InputError if the report has no such number
 */
export function metricOf(report: VariantReport, metric: string, path: string): number {
  const keys = metric.split('.');
  let value: unknown = report;
  if (keys[0] === 'exits' && keys.length === 3) {
    const row = report.exits.find((exit) => exit.reason === keys[1]);
    const [, , key] = keys;
    const known = exitKeys.includes(key as string);
    if (row === undefined) value = known ? 0 : undefined;
    else value = key === 'mean' ? row.cycles / row.count : (row as unknown as Record<string, unknown>)[key as string];
  } else {
    for (const key of keys) {
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined;
    }
  }
  if (typeof value !== 'number') throw new InputError(path, `'${metric}' is not a number of a variant's report`);
  return value;
}
