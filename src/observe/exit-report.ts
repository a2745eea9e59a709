import { InputError } from '../engine/errors.js';
import type { ExitTotals } from './exit-statistics.js';

/** Options of {@link exitReport}. */
export interface ExitReportOptions {
  /** Clock of the time-stamp counter, in GHz: cycles per nanosecond, above 0. */
  readonly tscGhz: number;
  /** The virtual CPU whose exits these are; all by default. */
  readonly vcpu?: number;
  /** What rows are sorted by, largest first: `sample` (the default) or `time`, as perf's `--key`. */
  readonly key?: 'sample' | 'time';
  /** Width of the column of names: 40 in newer versions of perf (the default), 20 in older ones. */
  readonly nameWidth?: number;
}

/**
 * The exits of a report as `perf kvm stat report` prints those of a real host, to the byte, so that tools and eyes that know the one
 * know the other. Linux `tools/perf/builtin-kvm.c`.
 *
 * As there, the time of an exit is that from `kvm_exit` to the next `kvm_entry`, and what stands behind `+-` is the standard error of
 * the average in percent of it.
 *
 * @param exits - `exits` of a variant of a report
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { exitReport } from 'vmx-apic/observe';
 *
 * const exits = [{ reason: 'MSR_WRITE', count: 1000, cycles: 2_102_000, min: 1851, max: 2361, stdev: 91 }];
 * const text = exitReport(exits, { tscGhz: 2 });
 * assert.match(text, /MSR_WRITE {7}1000 {3}100\.00% {3}100\.00% {6}0\.93us {6}1\.18us {6}1\.05us \( \+- {3}0\.14% \)/);
 * ```
 */
export function exitReport(exits: readonly ExitTotals[], options: ExitReportOptions): string {
  const { tscGhz, vcpu, key = 'sample', nameWidth = 40 } = options;
  if (!(tscGhz > 0)) throw new InputError('tscGhz', `${tscGhz} is not a clock in GHz`);
  const us = (cycles: number): string => (cycles / tscGhz / 1000).toFixed(2);
  const percent = (part: number, whole: number): string => (whole === 0 ? 0 : (100 * part) / whole).toFixed(2);
  const samples = exits.reduce((sum, exit) => sum + exit.count, 0);
  const cycles = exits.reduce((sum, exit) => sum + exit.cycles, 0);
  const order = key === 'sample' ? (exit: ExitTotals) => exit.count : (exit: ExitTotals) => exit.cycles;
  const titles: readonly (readonly [string, number])[] = [
    ['VM-EXIT', nameWidth],
    ['Samples', 10],
    ['Samples%', 9],
    ['Time%', 9],
    ['Min Time', 11],
    ['Max Time', 11],
    ['Avg time', 16],
  ];
  const rows = [...exits]
    .filter((exit) => exit.count > 0)
    .sort((a, b) => order(b) - order(a))
    .map((exit) => {
      const average = exit.cycles / exit.count;
      const error = average === 0 ? 0 : (100 * exit.stdev) / Math.sqrt(exit.count) / average;
      return [
        exit.reason.slice(0, nameWidth - 1).padStart(nameWidth),
        String(exit.count).padStart(10),
        `${percent(exit.count, samples).padStart(8)}%`,
        `${percent(exit.cycles, cycles).padStart(8)}%`,
        `${us(exit.min).padStart(9)}us`,
        `${us(exit.max).padStart(9)}us`,
        `${us(average).padStart(9)}us ( +-${error.toFixed(2).padStart(7)}% )`,
      ].join(' ');
    });
  return [
    '',
    '',
    `Analyze events for all VMs, ${vcpu === undefined ? 'all VCPUs' : `VCPU ${vcpu}`}:`,
    '',
    titles.map(([title, width]) => `${title.padStart(width)} `).join(''),
    '',
    ...rows,
    '',
    `Total Samples:${samples}, Total events handled time:${us(cycles)}us.`,
    '',
    '',
  ].join('\n');
}
