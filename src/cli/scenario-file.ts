import { readFileSync, writeFileSync } from 'node:fs';
import { InputError, presets, type ScenarioInput, withValue } from '../index.js';
import { UsageError } from './usage.js';

/** Reads a text file. Throws an {@link InputError} that names it. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(file, `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** Reads JSON. Throws an {@link InputError} that names the file, and the line where it stops being JSON. */
export function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(file, `is not JSON (${(error as Error).message})`);
  }
}

/** Writes a text file. Throws an {@link InputError} that names it. */
export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new InputError(file, `cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** What the options `--set` and `--variant` make of a preset or a file. */
export function scenarioFrom(name: string, settings: readonly string[], variant: string | undefined): ScenarioInput {
  const whole = applySettings(scenarioOf(name), settings) as ScenarioInput;
  return variant === undefined ? whole : onlyVariants(whole, variant);
}

function scenarioOf(name: string): unknown {
  if (Object.hasOwn(presets, name)) return presets[name as keyof typeof presets];
  if (/[./\\]/.test(name)) return readJson(name);
  throw new UsageError(
    `there is no preset '${name}' (there are: ${Object.keys(presets).join(', ')}); a file needs its ending`,
  );
}

/** A scenario with what the options `--set path=value` change. */
export function applySettings(scenario: unknown, settings: readonly string[]): unknown {
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
    changed = withValue(changed, setting.slice(0, equals), value);
  }
  return changed;
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
