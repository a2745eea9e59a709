import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  InputError,
  presets,
  runScenario,
  type ScenarioInput,
  type TracedVariant,
  traceScenario,
  withValue,
} from '../index.js';
import {
  type ChromeEvent,
  chromeTrace,
  foldedStacks,
  ftraceText,
  sequenceChart,
  sliceTrace,
} from '../observe/index.js';
import { printReport } from './print-report.js';
import { UsageError } from './usage.js';

/** Reads JSON. Throws an {@link InputError} that names the file, and the line where it stops being JSON. */
function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(file, `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(file, `is not JSON (${(error as Error).message})`);
  }
}

function scenarioOf(name: string): unknown {
  if (Object.hasOwn(presets, name)) return presets[name as keyof typeof presets];
  if (/[./\\]/.test(name)) return readJson(name);
  throw new UsageError(
    `there is no preset '${name}' (there are: ${Object.keys(presets).join(', ')}); a file needs its ending`,
  );
}

function applySettings(scenario: unknown, settings: readonly string[]): unknown {
  let changed = scenario;
  for (const setting of settings) {
    const equals = setting.indexOf('=');
    if (equals < 1) throw new UsageError(`--set ${setting}: expected path=value`);
    const text = setting.slice(equals + 1);
    let value: unknown = text;
    try {
      value = JSON.parse(text);
    } catch {
      // Anything that is not JSON is a string.
    }
    const path = setting.slice(0, equals);
    // A name of a profile becomes a profile with changes when one of its costs is set.
    const profile = (changed as { profile?: unknown } | null)?.profile ?? 'sapphire-rapids';
    if (path.startsWith('profile.set.') && typeof profile === 'string') {
      changed = withValue(changed, 'profile', { base: profile, set: {} });
    }
    changed = withValue(changed, path, value);
  }
  return changed;
}

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

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new InputError(file, `cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** The scenario with only those variants whose names contain `text`. */
function onlyVariants(scenario: ScenarioInput, text: string): ScenarioInput {
  const variants = Array.isArray(scenario.variants) ? scenario.variants : [];
  const chosen = variants.filter((variant) => variant.name.includes(text));
  if (chosen.length === 0) {
    const names = variants.map((variant) => `'${variant.name}'`).join(', ');
    throw new UsageError(`--variant ${text}: no variant has that in its name (there are: ${names || 'none'})`);
  }
  return { ...scenario, variants: chosen };
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
  const whole = applySettings(scenarioOf(name), values.set) as ScenarioInput;
  const input = values.variant === undefined ? whole : onlyVariants(whole, values.variant);
  const report = runScenario(input, process.stderr.isTTY ? { onProgress: showProgress } : {});
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const { svg, perfetto, ftrace, folded } = values;
  if (svg !== undefined || perfetto !== undefined || ftrace !== undefined || folded !== undefined) {
    const traced = traceScenario(input);
    if (svg !== undefined) write(svg, sequenceChart(traced, { title: report.title }));
    if (perfetto !== undefined) write(perfetto, perfettoOf(traced));
    if (ftrace !== undefined)
      write(ftrace, traced.map((variant) => `# ${variant.title}\n${ftraceText(variant.trace)}`).join(''));
    if (folded !== undefined) write(folded, traced.map(foldedOf).join(''));
  }
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
  return 0;
}

function showProgress({ variant, done, total }: { variant: string; done: number; total: number }): void {
  process.stderr.write(`\r\u001b[K${done} of ${total} runs: ${variant}`);
}
