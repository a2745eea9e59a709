import { InputError } from '../engine/errors.js';

/** One parameter of a sweep. */
export interface SweepParameter {
  /** Path into the scenario, as `host.haltPollNs` or `vms[0].guestIdle`. */
  readonly path: string;
  /** The values it takes, one after the other: JSON. */
  readonly values: readonly unknown[];
}

const usualPoints = 11;
const most = 10_000;

/**
 * Reads a parameter of a sweep as the command takes it: `path=values`, where the values are separated by commas and each is a value
 * (JSON, or else a string) or a range `from..to`, with `:N` for the number of points (11 unless given) and `:log` for equal
 * factors instead of equal steps.
 *
 * A range between two whole numbers has whole numbers; values that come twice are left out.
 *
 * @throws InputError with the text before `=` as its path if it cannot be read
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { parseSweepParameter } from 'vmx-apic';
 *
 * assert.deepEqual(parseSweepParameter('host.haltPollNs=0,1000..100000:3:log'), {
 *   path: 'host.haltPollNs',
 *   values: [0, 1000, 10_000, 100_000],
 * });
 * assert.deepEqual(parseSweepParameter('vms[0].guestIdle=hlt,poll').values, ['hlt', 'poll']);
 * ```
 */
export function parseSweepParameter(text: string): SweepParameter {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InputError(text, 'expected path=values, as host.haltPollNs=0..2000000');
  const path = text.slice(0, equals);
  const values: unknown[] = [];
  const seen = new Set<string>();
  for (const item of separate(text.slice(equals + 1))) {
    for (const value of valuesOf(path, item)) {
      const key = JSON.stringify(value);
      if (!seen.has(key)) values.push(value);
      seen.add(key);
    }
  }
  return { path, values };
}

/** At commas outside of JSON's brackets and quotes. */
function separate(text: string): string[] {
  const items: string[] = [''];
  let depth = 0;
  let quoted = false;
  for (const [index, character] of [...text].entries()) {
    if (character === '"' && text[index - 1] !== '\\') quoted = !quoted;
    if (!quoted && (character === '[' || character === '{')) depth++;
    if (!quoted && (character === ']' || character === '}')) depth--;
    if (character === ',' && depth === 0 && !quoted) items.push('');
    else items[items.length - 1] += character;
  }
  return items;
}

function valuesOf(path: string, item: string): unknown[] {
  const range = /^([^:]*)\.\.([^:]*)((?::[^:]*)*)$/.exec(item);
  if (range === null) {
    if (item === '') throw new InputError(path, 'has an empty value in its list');
    try {
      return [JSON.parse(item)];
    } catch {
      return [item];
    }
  }
  const [, first = '', last = '', options = ''] = range;
  const from = numberOf(path, first);
  const to = numberOf(path, last);
  let points = usualPoints;
  let log = false;
  for (const option of options.split(':').slice(1)) {
    if (option === 'log') log = true;
    else if (/^\d+$/.test(option)) points = Number(option);
    else throw new InputError(path, `':${option}' after a range is neither a number of points nor ':log'`);
  }
  if (points < 2 || points > most) throw new InputError(path, `${points} is not a number of points from 2 to ${most}`);
  if (log && !(from > 0 && to > 0)) {
    throw new InputError(path, 'a logarithmic range lies above 0 (list 0 before it: 0,1000..2000000:log)');
  }
  const whole = Number.isInteger(from) && Number.isInteger(to);
  return Array.from({ length: points }, (_, index) => {
    const part = index / (points - 1);
    const value = log ? from * (to / from) ** part : from + (to - from) * part;
    return whole ? Math.round(value) : Number(value.toPrecision(12));
  });
}

function numberOf(path: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InputError(path, `'${text}' is not a number`);
  return value;
}
