import { InputError } from '../engine/errors.js';
import type { VariantReport } from './report.js';

/**
 * A number of a variant's report by its path: `latencyCycles.mean`, `oneWayNs.mean`, `totalNs`, or an exit reason's as `exits.MSR_WRITE.count`. A reason that
 * did not occur counts 0.
 *
 * @param path - where the metric stands in the user's input, for the error
 * @throws InputError if the report has no such number
 */
export function metricOf(report: VariantReport, metric: string, path: string): number {
  const keys = metric.split('.');
  let value: unknown = report;
  if (keys[0] === 'exits' && keys.length === 3) {
    const row = report.exits.find((exit) => exit.reason === keys[1]);
    const known = keys[2] === 'count' || keys[2] === 'cycles' || keys[2] === 'share';
    value = row === undefined && known ? 0 : (row as Record<string, unknown> | undefined)?.[keys[2] as string];
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
