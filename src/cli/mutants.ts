import process from 'node:process';
import { parseArgs } from 'node:util';
import { InputError } from '../index.js';
import { formatNumber, formatTable } from '../observe/index.js';
import { findConfiguration, type MutantReport, mutants, tryMutant, withMutant } from '../testing/index.js';
import { drawSchedule } from './explore.js';
import { UsageError } from './usage.js';

/** `vmx-apic mutants`. Returns the exit status. */
export function mutantsCommand(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, seed: { type: 'string' }, svg: { type: 'string' } },
  });
  const seed = Number(values.seed ?? 1);
  if (!Number.isInteger(seed)) throw new UsageError(`--seed ${values.seed}: expected a whole number`);
  const unknown = positionals.find((id) => !mutants.some((mutant) => mutant.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no mutant '${unknown}'`);
  const wanted = mutants.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
  if (values.svg !== undefined && wanted.length !== 1) throw new UsageError('mutants: --svg is of one mutant');
  const reports = wanted.map((mutant, index): MutantReport => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${index} of ${wanted.length}: ${mutant.id}`);
    return tryMutant(mutant, {}, seed);
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const caught = reports.filter((report) => report.caught).length;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ mutants: reports, summary: { tried: reports.length, caught } }, null, 2)}\n`
      : print(reports, caught),
  );
  if (values.svg !== undefined) draw(values.svg, reports[0] as MutantReport);
  return caught === reports.length ? 0 : 1;
}

/** Draws the schedule of a mutant that the explorer caught. */
function draw(file: string, { id, by, where, title, schedule, invariant }: MutantReport): void {
  if (by !== 'explorer' || schedule === undefined)
    throw new InputError('--svg', `${id} has no schedule: ${where} found it`);
  const [model = '', configuration = ''] = where.split('/');
  withMutant(id, () => {
    drawSchedule(file, findConfiguration(model, configuration), schedule, `${id} in ${where}: ${title}`, invariant);
  });
}

function print(reports: readonly MutantReport[], caught: number): string {
  const left = (title: string) => ({ title, align: 'left' as const });
  const table = formatTable(
    [
      left('mutant'),
      left('what is wrong'),
      left('caught by'),
      left('where'),
      left('invariant'),
      { title: 'states', align: 'right' },
      left('schedule or counterexample'),
    ],
    reports.map((report) => [
      report.id,
      report.title,
      report.caught ? report.by : 'NOT CAUGHT',
      report.where,
      report.invariant ?? '',
      report.states === undefined ? '' : formatNumber(report.states),
      report.schedule ?? '',
    ]),
  );
  return `${table}\n\n${caught} of ${reports.length} caught\n`;
}
