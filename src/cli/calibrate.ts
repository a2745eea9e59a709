import process from 'node:process';
import { parseArgs } from 'node:util';
import { type Calibration, calibrateMachine, InputError, type MachineInput, readMeasurements } from '../index.js';
import { type Column, formatNumber, formatPercent, formatTable } from '../observe/index.js';
import { applySettings, readText, writeText } from './scenario-file.js';
import { UsageError } from './usage.js';

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

/** `vmx-apic calibrate`. Returns the exit status. */
export function calibrate(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      from: { type: 'string', multiple: true, default: [] },
      base: { type: 'string' },
      name: { type: 'string' },
      ghz: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length > 0)
    throw new UsageError(`calibrate: what is '${positionals[0]}'? (a file of measurements: --from)`);
  if (values.from.length === 0) throw new UsageError('calibrate: from which file? (--from vmexit.txt)');
  const ghz = values.ghz === undefined ? undefined : Number(values.ghz);
  if (ghz !== undefined && !(ghz > 0 && ghz <= 100)) throw new UsageError(`--ghz ${values.ghz}: is not a clock in GHz`);
  const measurements = inFile(values.from.join(', '), () => readMeasurements(values.from.map(readText).join('\n')));
  const { profile, calibration } = calibrateMachine(measurements, {
    base: values.base,
    name: values.name,
    tscGhz: ghz,
    machine: applySettings({}, values.set) as MachineInput,
  });
  const json = `${JSON.stringify(profile, null, 2)}\n`;
  if (values.out !== undefined) writeText(values.out, json);
  const table = `${printCalibration(calibration, measurements.ignored)}\n`;
  if (values.out === undefined || values.json) {
    process.stdout.write(json);
    process.stderr.write(table);
  } else {
    process.stdout.write(table);
  }
  return 0;
}

function inFile<T>(file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError && error.path === '') throw new InputError(file, error.reason);
    throw error;
  }
}

function printCalibration({ figures, parameters }: Calibration, ignored: readonly string[]): string {
  const measured = formatTable(
    [left('measured'), right('cycles'), right('simulated'), right('error')],
    figures.map(({ id, published, simulated, errorPct }) => [
      id,
      formatNumber(published, 0),
      formatNumber(simulated, 0),
      formatPercent(errorPct),
    ]),
  );
  const numbers = formatTable(
    [left('number'), right('before'), right('now'), right('+-'), left('')],
    parameters.map(({ name, estimate, value, spread, open, atBound }) => [
      name,
      formatNumber(estimate, 2),
      formatNumber(value, 2),
      `${(100 * spread).toFixed(0)} %`,
      atBound ? 'at an end of its range' : open > 0.97 ? 'not measured' : '',
    ]),
  );
  const rest = ignored.length === 0 ? '' : `\n\nNot simulated: ${ignored.join(', ')}`;
  return `${measured}\n\n${numbers}${rest}`;
}
