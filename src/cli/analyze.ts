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
import { checkKvmTrace, type KvmTraceCheck } from '../testing/index.js';
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
    options: { json: { type: 'boolean', default: false }, check: { type: 'boolean', default: false } },
  });
  const [file, ...more] = positionals;
  if (file === undefined) throw new UsageError('analyze: which trace? (- for standard input)');
  if (more.length > 0) throw new UsageError(`analyze: one trace at a time, not also '${more[0]}'`);
  const text = file === '-' ? readFileSync(0, 'utf8') : readText(file);
  const name = file === '-' ? 'standard input' : file;
  const events = readKvmTrace(text, name);
  const analysis = analyzeTrace(events);
  const check = values.check ? checkKvmTrace(events) : undefined;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ ...analysis, ...(check === undefined ? {} : { check }) }, null, 2)}\n`
      : `${printAnalysis(analysis)}${check === undefined ? '' : printCheck(check, name)}`,
  );
  return check !== undefined && check.broken.length > 0 ? 1 : 0;
}

/** Unfinished interrupts that are listed one by one. */
const unfinishedAtMost = 10;

function printCheck({ broken, unfinished, checked, limits }: KvmTraceCheck, name: string): string {
  const tested = Object.entries(checked).map(([law, times]) => [law, times === 0 ? 'not tested' : formatNumber(times)]);
  const parts = [`What cannot happen\n\n${formatTable([left('law'), right('times tested')], tested)}`];
  if (limits.length > 0) parts.push(`What this trace cannot show\n\n${limits.map((limit) => `  ${limit}`).join('\n')}`);
  if (unfinished.length > 0) {
    const shown = unfinished
      .slice(0, unfinishedAtMost)
      .map(
        ({ line, tid, vector, state }) =>
          `  ${name}:${line}: ${vector.toString(16).toUpperCase()}H ${state}, thread ${tid}`,
      );
    const more = unfinished.length - shown.length;
    parts.push(
      `Under way where the trace ends or was cut\n\n${shown.join('\n')}${more > 0 ? `\n  and ${more} more` : ''}`,
    );
  }
  parts.push(
    broken.length === 0
      ? 'Nothing is broken.'
      : broken.map(({ law, line, message }) => `${name}:${line}: BROKEN, ${law}: ${message}`).join('\n'),
  );
  return `\n${parts.join('\n\n')}\n`;
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
