import process from 'node:process';
import { parseArgs } from 'node:util';
import { formatNumber, formatTable } from '../observe/index.js';
import { type MutantReport, mutants, tryMutant } from '../testing/index.js';
import { UsageError } from './usage.js';

/** `vmx-apic mutants`. Returns the exit status. */
export function mutantsCommand(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, seed: { type: 'string' } },
  });
  const seed = Number(values.seed ?? 1);
  if (!Number.isInteger(seed)) throw new UsageError(`--seed ${values.seed}: expected a whole number`);
  const unknown = positionals.find((id) => !mutants.some((mutant) => mutant.id === id));
  if (unknown !== undefined) throw new UsageError(`there is no mutant '${unknown}'`);
  const wanted = mutants.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
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
  return caught === reports.length ? 0 : 1;
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
