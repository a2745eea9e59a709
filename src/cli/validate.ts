import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  type FigureInput,
  InputError,
  unscoredFigures,
  type ValidateOptions,
  type Validation,
  validate,
} from '../index.js';
import { type Column, errorChart, formatNumber, formatPercent, formatTable } from '../observe/index.js';
import { readJson, writeText } from './scenario-file.js';
import { UsageError } from './usage.js';

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

/** `vmx-apic validate`. Returns the exit status. */
export function validateCommand(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      figures: { type: 'string' },
      'no-intervals': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      svg: { type: 'string' },
    },
  });
  if (positionals.length > 0)
    throw new UsageError(`validate: what is '${positionals[0]}'? (a file of figures: --figures)`);
  const options: ValidateOptions = {
    intervals: !values['no-intervals'],
    ...(process.stderr.isTTY ? { onProgress: showProgress } : {}),
  };
  const validation =
    values.figures === undefined ? validate(undefined, options) : validateFile(values.figures, options);
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  if (values.svg !== undefined) {
    // An error in percent of 0 has no place on the chart.
    const rows = validation.figures
      .filter(({ published }) => published !== 0)
      .map((figure) => ({ ...figure, label: figure.id }));
    if (rows.length > 0) writeText(values.svg, errorChart('Simulated against published', rows));
  }
  // The library's own also say what was published and has no scenario.
  const own = values.figures === undefined;
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify(own ? { ...validation, unscored: unscoredFigures } : validation, null, 2)}\n`,
    );
  } else {
    process.stdout.write(`${printValidation(validation)}${own ? `\n${unscoredText()}\n` : ''}`);
  }
  return validation.failed.length === 0 ? 0 : 1;
}

/** What is wrong in a file is said with its name. */
function validateFile(file: string, options: ValidateOptions): Validation {
  const figures = readJson(file) as { figures: FigureInput[] };
  try {
    return validate(figures, options);
  } catch (error) {
    if (error instanceof InputError)
      throw new InputError(error.path === '' ? file : `${file}: ${error.path}`, error.reason);
    throw error;
  }
}

function showProgress({ id, done, total }: { id: string; done: number; total: number }): void {
  process.stderr.write(`\r\u001b[K${done} of ${total} figures: ${id}`);
}

/** Four digits that count, as `3644.8`, `1.78` or `84 572`. */
function digits(value: number): string {
  const decimals = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 1 ? 2 : 4;
  return formatNumber(value, decimals);
}

/** A validation as text. */
function printValidation({ figures, failed, summary }: Validation): string {
  const rows = figures.flatMap((figure) => [
    [
      figure.id,
      figure.profile,
      digits(figure.published),
      digits(figure.simulated),
      figure.unit,
      formatPercent(figure.errorPct),
      figure.interval === undefined ? '' : `${digits(figure.interval[0])} … ${digits(figure.interval[1])}`,
      figure.inside === undefined ? '' : figure.inside ? 'inside' : 'outside',
      figure.fitted ? 'fitted' : '',
    ],
    ...figure.alternatives.map(({ name, simulated, errorPct }) => [
      `  or: ${name}`,
      '',
      '',
      digits(simulated),
      figure.unit,
      formatPercent(errorPct),
      '',
      '',
      '',
    ]),
  ]);
  const table = formatTable(
    [
      left('figure'),
      left('profile'),
      right('published'),
      right('simulated'),
      left('unit'),
      right('error'),
      right('expected'),
      left('published is'),
      left('fitted'),
    ],
    rows,
  );
  const parts = figures.length === 0 ? [] : [table, summaryText(summary)];
  if (failed.length > 0) parts.push(['Not simulated:', ...failed.map(({ reason }) => `  ${reason}`)].join('\n'));
  const assumed = assumptionText(figures);
  if (assumed !== '') parts.push(assumed);
  return `${parts.join('\n\n')}\n`;
}

function summaryText({ fitted, heldOut, inside }: Validation['summary']): string {
  const lines: string[] = [];
  const size = (value: number | null): string => (value === null ? '' : `${value.toFixed(1)} %`);
  for (const [what, group, numbers] of [
    ['fitted', fitted, `, by ${fitted.parameters} effective parameters`],
    ['not fitted', heldOut, ''],
  ] as const) {
    if (group.n === 0) continue;
    lines.push(
      `${group.n} ${group.n === 1 ? 'figure' : 'figures'} ${what}${numbers}: error ${size(group.medianErrorPct)} in the median, ${size(group.maxErrorPct)} at most`,
    );
  }
  if (inside.of > 0) lines.push(`${inside.n} of ${inside.of} published values lie where a measurement is expected`);
  return lines.join('\n');
}

function unscoredText(): string {
  return [
    'Published, and not held against a scenario:',
    ...unscoredFigures.map(({ source, published, reason }) => `  ${source}: ${published}\n    (${reason})`),
  ].join('\n');
}

/** Each assumption once, with the figures that rest on it. */
function assumptionText(figures: Validation['figures']): string {
  const by = new Map<string, string[]>();
  for (const { id, assumed } of figures) {
    for (const { path, value, why } of assumed) {
      const line = `${path} = ${JSON.stringify(value)}: ${why}`;
      by.set(line, [...(by.get(line) ?? []), id]);
    }
  }
  if (by.size === 0) return '';
  return [
    'Assumed, because the sources do not say it:',
    ...[...by].map(([line, ids]) => `  ${line}\n    (${ids.join(', ')})`),
  ].join('\n');
}
