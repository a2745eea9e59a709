import { InputError } from '../../engine/errors.js';
import { interruptTestNames } from '../../guest/vmexit.js';

/** What was measured on a machine. */
export interface Measurements {
  /** Cycles of the time-stamp counter for one iteration, by test of kvm-unit-tests' `vmexit`. */
  readonly tests: Readonly<Record<string, number>>;
  /** Microseconds from exit to entry, by exit reason: the averages of `perf kvm stat report`. */
  readonly exits: Readonly<Record<string, number>>;
  /** Tests whose results say nothing of interrupts, or that are not simulated. */
  readonly ignored: readonly string[];
}

const testLine = /^([a-z][a-z0-9_]*)[ \t]+(\d+)$/;
/** `CPUID  1000  50.00%  10.00%  0.50us  100.00us  1.20us ( +-  0.50% )` */
const statLine = /^([A-Z][A-Z0-9_]*)[ \t]+\d+[ \t]+[\d.]+%[ \t]+[\d.]+%[ \t]+[\d.]+us[ \t]+[\d.]+us[ \t]+([\d.]+)us\b/;

/**
 * Reads what kvm-unit-tests' `vmexit` and `perf kvm stat report` print, one or both, in one text. Lines of other kinds are passed over. A test
 * that is there several times counts with its mean.
 *
 * @param text - the output
 * @throws InputError if there is no measurement in it
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { readMeasurements } from 'vmx-apic';
 *
 * const { tests, ignored } = readMeasurements('enabling apic\ncpuid 1204\nvmcall 1180\ninl_from_pmtimer 9000\n');
 * assert.deepEqual(tests, { cpuid: 1204, vmcall: 1180 });
 * assert.deepEqual(ignored, ['inl_from_pmtimer']);
 * ```
 */
export function readMeasurements(text: string): Measurements {
  const values = new Map<string, number[]>();
  const exits: Record<string, number> = {};
  const ignored = new Set<string>();
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    const [, test, cycles] = testLine.exec(line) ?? [];
    const [, reason, average] = statLine.exec(line) ?? [];
    if (test !== undefined) {
      if (!(interruptTestNames as readonly string[]).includes(test)) ignored.add(test);
      else if (Number(cycles) > 0) values.set(test, [...(values.get(test) ?? []), Number(cycles)]);
    } else if (reason !== undefined && Number(average) > 0) {
      exits[reason] = Number(average);
    }
  }
  const tests = Object.fromEntries(
    [...values].map(([name, list]) => [name, list.reduce((sum, value) => sum + value, 0) / list.length]),
  );
  if (Object.keys(tests).length === 0) {
    throw new InputError('', 'has no result of a vmexit test that is simulated, as "cpuid 1204" in a line of its own');
  }
  return { tests, exits, ignored: [...ignored] };
}
