import { availableParallelism } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import {
  InputError,
  InternalError,
  parseSweepParameter,
  type SweepPoint,
  type SweepReport,
  type SweepRow,
  sweepPoints,
  sweepReport,
} from '../index.js';
import { type Column, formatNumber, formatTable, tradeOffChart } from '../observe/index.js';
import { scenarioFrom, writeText } from './scenario-file.js';
import { openSweepFile } from './sweep-file.js';
import type { SweepAnswer } from './sweep-worker.js';
import { UsageError } from './usage.js';

const interrupted = 130;

/**
 * `vmx-apic sweep`. Returns the exit status.
 *
 * @param worker - where the code of its threads is
 */
export async function sweep(args: string[], worker: URL): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      param: { type: 'string', multiple: true, default: [] },
      set: { type: 'string', multiple: true, default: [] },
      variant: { type: 'string' },
      threads: { type: 'string' },
      save: { type: 'string' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined) throw new UsageError('sweep: which preset or scenario file?');
  if (more.length > 0) throw new UsageError(`sweep: one scenario at a time, not also '${more[0]}'`);
  if (values.param.length === 0) throw new UsageError('sweep: over what? (--param path=from..to)');
  if (values.param.length > 2) throw new UsageError('sweep: two parameters at most');
  const threads = values.threads === undefined ? availableParallelism() : Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new UsageError(`--threads ${values.threads}: expected a number from 1 to 1024`);
  }
  const input = scenarioFrom(name, values.set, values.variant);
  const parameters = values.param.map(parseSweepParameter);
  const points = sweepPoints(input, parameters);
  const file = values.save === undefined ? undefined : openSweepFile(values.save, input, parameters);
  const rows = [...(file?.rows ?? [])];
  const done = new Set(rows.map(({ point }) => point));
  const left = points.flatMap((_, point) => (done.has(point) ? [] : [point]));
  const progress = (): void => {
    if (process.stderr.isTTY) showProgress(points.length - left.length - running.size, points.length);
  };
  const running = new Set<number>();
  const completed = await runPoints(points, left, running, Math.min(threads, left.length), worker, (own) => {
    file?.add(own);
    rows.push(...own);
    progress();
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const report = sweepReport(input, parameters, points, rows);
  if (values.svg !== undefined && rows.length > 0) writeText(values.svg, chartOf(report));
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : printSweep(report));
  if (completed) return 0;
  process.stderr.write(
    values.save === undefined
      ? 'vmx-apic: interrupted (with --save FILE, the same command goes on where it stopped)\n'
      : 'vmx-apic: interrupted; the same command goes on where it stopped\n',
  );
  return interrupted;
}

/** Runs points on threads until none are left or Ctrl-C is pressed. True if none are left. */
async function runPoints(
  points: readonly SweepPoint[],
  left: number[],
  running: Set<number>,
  threads: number,
  worker: URL,
  onRows: (rows: readonly SweepRow[]) => void,
): Promise<boolean> {
  if (left.length === 0) return true;
  const workers = Array.from({ length: threads }, () => new Worker(worker, { workerData: points }));
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const stop = (): void => resolve(false);
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);
      const next = (thread: Worker): void => {
        const point = left.shift();
        if (point !== undefined) {
          running.add(point);
          thread.postMessage(point);
        } else if (running.size === 0) {
          resolve(true);
        }
      };
      for (const thread of workers) {
        thread.on('error', reject);
        thread.on('message', (answer: SweepAnswer) => {
          try {
            if (answer.kind !== 'rows') throw errorOf(answer);
            running.delete(answer.point);
            onRows(answer.rows);
            next(thread);
          } catch (error) {
            reject(error);
          }
        });
        next(thread);
      }
    });
  } finally {
    await Promise.all(workers.map((thread) => thread.terminate()));
  }
}

function errorOf(answer: Exclude<SweepAnswer, { kind: 'rows' }>): Error {
  if (answer.kind === 'input') return new InputError(answer.path, answer.reason);
  const error = new InternalError(answer.place, answer.message.slice(answer.place.length + 2));
  error.reproduction = answer.reproduction;
  return error;
}

function showProgress(done: number, total: number): void {
  const width = 30;
  const full = Math.round((width * done) / total);
  process.stderr.write(`\r\u001b[K[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${done} of ${total} points`);
}

function valueText(value: unknown): string {
  return typeof value === 'number'
    ? formatNumber(value, decimals(value))
    : String(JSON.stringify(value)).replaceAll('"', '');
}

/** As many decimals as a value has, six at most. */
function decimals(value: number): number {
  return Math.min(6, String(value).split('.')[1]?.length ?? 0);
}

function labelOf(report: SweepReport, point: number): string {
  const values = report.points[point] ?? [];
  const single = report.parameters.length === 1;
  return report.parameters
    .map(({ path }, index) => {
      const text = valueText(values[index]);
      return single ? text : `${path.slice(path.lastIndexOf('.') + 1)} ${text}`;
    })
    .join(', ');
}

function chartOf(report: SweepReport): string {
  const paths = report.parameters.map(({ path }) => path).join(' and ');
  return tradeOffChart(
    report.fronts.map(({ variant }) => ({
      title: variant,
      points: report.rows.flatMap((row) =>
        row.variant === variant
          ? [{ x: row.burntNs / 1000, y: row.latencyNs.mean / 1000, label: labelOf(report, row.point) }]
          : [],
      ),
    })),
    {
      title: `${report.scenario}: latency and CPU time by ${paths}`,
      x: 'CPU time burnt per iteration, µs',
      y: 'mean latency, µs',
    },
  );
}

function printSweep(report: SweepReport): string {
  const marks = new Map<number, string>();
  for (const { rows, knee } of report.fronts) {
    for (const row of rows) marks.set(row, 'front');
    if (knee !== undefined) marks.set(knee, 'front, knee');
  }
  const columns: Column[] = [
    ...report.parameters.map(({ path }): Column => ({ title: path, align: 'right' })),
    ...(report.fronts.length > 1 ? [{ title: 'variant', align: 'left' } as const] : []),
    ...['mean ns', 'p99 ns', 'CPU ns burnt', 'exits per iteration'].map((title): Column => ({ title, align: 'right' })),
    { title: '', align: 'left' },
  ];
  const rows = report.rows.map((row, index) => [
    ...(report.points[row.point] ?? []).map(valueText),
    ...(report.fronts.length > 1 ? [row.variant] : []),
    formatNumber(row.latencyNs.mean, 1),
    formatNumber(row.latencyNs.p99, 1),
    formatNumber(row.burntNs, 1),
    row.exitsPerIteration.toFixed(2),
    marks.get(index) ?? '',
  ]);
  const total = report.points.length;
  const done = new Set(report.rows.map(({ point }) => point)).size;
  return [
    `${report.title}\n${report.complete ? `${total} points` : `${done} of ${total} points`}; latency and CPU time are per iteration`,
    '',
    formatTable(columns, rows),
    '',
    'front: no other choice is better in both mean latency and CPU time burnt; knee: farthest below the line between its ends',
    '',
  ].join('\n');
}
