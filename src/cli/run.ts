import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { InputError, presets, runScenario, type ScenarioInput, traceScenario, withValue } from '../index.js';
// chart
import { printReport } from './print-report.js';
import { UsageError } from './usage.js';

/** Reads JSON. Throws an {@link InputError} that names the file, and the line where it stops being JSON. */
export function readJson(file: string): unknown {
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

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new InputError(file, `cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** `vmx-apic run`. Returns the exit status. */
export function run(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      set: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      svg: { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined) throw new UsageError('run: which preset or scenario file?');
  if (more.length > 0) throw new UsageError(`run: one scenario at a time, not also '${more[0]}'`);
  const input = applySettings(scenarioOf(name), values.set) as ScenarioInput;
  const report = runScenario(input, process.stderr.isTTY ? { onProgress: showProgress } : {});
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  // svg
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
  return 0;
}

function showProgress({ variant, done, total }: { variant: string; done: number; total: number }): void {
  process.stderr.write(`\r\u001b[K${done} of ${total} runs: ${variant}`);
}
