import process from 'node:process';
import { parseArgs } from 'node:util';
import { runScenario, type TracedVariant, traceScenario } from '../index.js';
import {
  type ChromeEvent,
  chromeTrace,
  foldedStacks,
  ftraceText,
  sequenceChart,
  sliceTrace,
} from '../observe/index.js';
import { printReport } from './print-report.js';
import { scenarioFrom, writeText } from './scenario-file.js';
import { UsageError } from './usage.js';

/** All variants in one trace: the processes of each have its name. */
function perfettoOf(traced: readonly TracedVariant[]): string {
  const events = traced.flatMap((variant, index) =>
    chromeTrace(variant.trace).traceEvents.map(
      (event): ChromeEvent => ({
        ...event,
        pid: event.pid + 10_000 * index,
        ...(event.id === undefined ? {} : { id: event.id + 1_000_000 * index }),
        ...(event.name === 'process_name' && traced.length > 1
          ? { args: { ...event.args, name: `${variant.title}: ${String(event.args?.['name'])}` } }
          : {}),
      }),
    ),
  );
  return `${JSON.stringify({ displayTimeUnit: 'ns', traceEvents: events })}\n`;
}

/** The stacks of the measured iteration, below the name of the variant. */
function foldedOf(variant: TracedVariant, _index: number, all: readonly TracedVariant[]): string {
  const stacks = foldedStacks(sliceTrace(variant.trace, variant.from, variant.to));
  if (all.length === 1) return stacks;
  return stacks.replace(/^(?=.)/gm, `${variant.title.replaceAll(';', ',')};`);
}

/** `vmx-apic run`. Returns the exit status. */
export function run(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      set: { type: 'string', multiple: true, default: [] },
      variant: { type: 'string' },
      json: { type: 'boolean', default: false },
      svg: { type: 'string' },
      perfetto: { type: 'string' },
      ftrace: { type: 'string' },
      folded: { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined) throw new UsageError('run: which preset or scenario file?');
  if (more.length > 0) throw new UsageError(`run: one scenario at a time, not also '${more[0]}'`);
  const input = scenarioFrom(name, values.set, values.variant);
  const report = runScenario(input, process.stderr.isTTY ? { onProgress: showProgress } : {});
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const { svg, perfetto, ftrace, folded } = values;
  if (svg !== undefined || perfetto !== undefined || ftrace !== undefined || folded !== undefined) {
    const traced = traceScenario(input);
    if (svg !== undefined) writeText(svg, sequenceChart(traced, { title: report.title }));
    if (perfetto !== undefined) writeText(perfetto, perfettoOf(traced));
    if (ftrace !== undefined)
      writeText(ftrace, traced.map((variant) => `# ${variant.title}\n${ftraceText(variant.trace)}`).join(''));
    if (folded !== undefined) writeText(folded, traced.map(foldedOf).join(''));
  }
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
  return 0;
}

function showProgress({ variant, done, total }: { variant: string; done: number; total: number }): void {
  process.stderr.write(`\r\u001b[K${done} of ${total} runs: ${variant}`);
}
