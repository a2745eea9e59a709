import { InputError } from '../engine/errors.js';
import type { VariantReport } from './report.js';

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
    const known = key === 'count' || key === 'cycles' || key === 'share' || key === 'mean';
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
