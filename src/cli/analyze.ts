import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  analyzeTrace,
  type Column,
  exitReport,
  formatNumber,
  formatTable,
  readKvmTrace,
  type TraceAnalysis,
} from '../observe/index.js';
import { readText } from './scenario-file.js';
import { UsageError } from './usage.js';

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });
const us = (ns: number, digits = 1): string => formatNumber(ns / 1000, digits);

/** `vmx-apic analyze`. Returns the exit status. */
export function analyze(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const [file, ...more] = positionals;
  if (file === undefined) throw new UsageError('analyze: which trace? (- for standard input)');
  if (more.length > 0) throw new UsageError(`analyze: one trace at a time, not also '${more[0]}'`);
  const text = file === '-' ? readFileSync(0, 'utf8') : readText(file);
  const analysis = analyzeTrace(readKvmTrace(text, file === '-' ? 'standard input' : file));
  process.stdout.write(values.json ? `${JSON.stringify(analysis, null, 2)}\n` : printAnalysis(analysis));
  return 0;
}

function printAnalysis(analysis: TraceAnalysis): string {
  const { durationNs, vcpus, exits, unfinished, lost, halt, savings } = analysis;
  const count = exits.reduce((sum, exit) => sum + exit.count, 0);
  const parts = [
    `${formatNumber(count)} exits of ${vcpus} virtual CPU${vcpus === 1 ? '' : 's'} in ${us(durationNs)} µs` +
      `${unfinished === 0 ? '' : `; ${unfinished} more without their entry`}${lost === 0 ? '' : `; ${formatNumber(lost)} events lost`}`,
    // Nanoseconds: a clock of 1 GHz.
    exitReport(exits, { tscGhz: 1, key: 'time' }).trim(),
  ];
  if (halt.exits > 0) parts.push(haltTable(analysis));
  if (savings.length > 0) {
    const rows = savings.map(({ feature, exits: avoided, ns, which }) => [
      feature,
      formatNumber(avoided),
      `${((100 * avoided) / count).toFixed(1)} %`,
      us(ns),
      which,
    ]);
    parts.push(
      `What features would save, at most: exits, and their time from exit to entry\n\n${formatTable(
        [left('feature'), right('exits'), right('of all'), right('µs'), left('which')],
        rows,
      )}`,
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function haltTable({ halt }: TraceAnalysis): string {
  const { exits, ns, polledNs, sleptNs, workNs, polled, slept, ifPolled } = halt;
  const lines = [
    `HLT: ${formatNumber(exits)} exits, ${us(ns)} µs, of which sleep ${us(sleptNs)}, polling ${us(polledNs)}, work ${us(workNs)}`,
  ];
  if (polled + slept > 0) {
    lines.push(`${formatNumber(polled)} halts were met by polling, ${formatNumber(slept)} slept`);
  }
  if (slept === 0) return lines.join('\n');
  const rows = ifPolled.map(({ windowNs, met, burntNs }) => [formatNumber(windowNs), formatNumber(met), us(burntNs)]);
  const columns = [right('halt_poll_ns'), right('sleeps it would meet'), right('µs it would burn')];
  return `${lines.join('\n')}\n\n${formatTable(columns, rows)}`;
}
