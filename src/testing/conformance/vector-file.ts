/** A file of conformance vectors, as parsed from JSON. */
export interface VectorFile {
  /** What produced the expected outcomes. */
  oracle?: string;
  /** One of {@link VectorKind}. */
  kind: string;
  sequences: unknown[];
}

/** The kinds of vector files that can be replayed. */
export const VectorKind = {
  apicPage: 'apic-page',
  apicPageSweep: 'apic-page-sweep',
  x2apicMsr: 'x2apic-msr',
  x2apicMsrSweep: 'x2apic-msr-sweep',
  cr8: 'cr8',
  virtualInterrupt: 'virtual-interrupt',
  postedInterrupt: 'posted-interrupt',
  localApic: 'local-apic',
} as const;

/** A vector file is not what it should be. `path` says where, as in `sequences[3].steps[0].op.kind`. */
export class VectorFileError extends Error {
  override readonly name = 'VectorFileError';
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(path === '' ? reason : `${path}: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

/** Runs `body`; a {@link VectorFileError} that leaves it gets `prefix` before its path. */
export function within<T>(prefix: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof VectorFileError)) throw error;
    const joint = error.path === '' || error.path.startsWith('[') ? '' : '.';
    throw new VectorFileError(`${prefix}${joint}${error.path}`, error.reason);
  }
}

/** A JSON object. */
export type Json = { readonly [key: string]: unknown };

/** `value` as an object. */
export function asObject(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VectorFileError(path, 'not an object');
  return value as Json;
}

/** The array `from[key]`. */
export function listIn(from: Json, key: string): unknown[] {
  const value = from[key];
  if (!Array.isArray(value)) throw new VectorFileError(key, value === undefined ? 'missing' : 'not a list');
  return value;
}

/** The string `from[key]`. */
export function textIn(from: Json, key: string): string {
  const value = from[key];
  if (typeof value !== 'string') throw new VectorFileError(key, value === undefined ? 'missing' : 'not a string');
  return value;
}

/** The boolean `from[key]`; false if it is absent. */
export function flagIn(from: Json, key: string): boolean {
  const value = from[key] ?? false;
  if (typeof value !== 'boolean') throw new VectorFileError(key, 'not true or false');
  return value;
}

/** The integer `from[key]`, 0 to `max`. */
export function numberIn(from: Json, key: string, max: number): number {
  const value = from[key];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new VectorFileError(key, value === undefined ? 'missing' : `not a whole number from 0 to ${max}`);
  }
  return value;
}

/** The object `from[key]`, or an empty one if it is absent. */
export function objectIn(from: Json, key: string): Json {
  const value = from[key];
  return value === undefined ? {} : asObject(value, key);
}

const hexDigits = /^[0-9a-f]+$/;

/** A number written as hexadecimal digits, at most 8. */
export function hex(text: unknown, path: string): number {
  if (typeof text !== 'string' || text.length > 8 || !hexDigits.test(text)) {
    throw new VectorFileError(path, text === undefined ? 'missing' : 'not 1 to 8 hexadecimal digits (lower case)');
  }
  return Number.parseInt(text, 16);
}

/** The number of at most 8 hexadecimal digits in `from[key]`. */
export function hexIn(from: Json, key: string): number {
  return hex(from[key], key);
}

/** The number of 1 to 16 hexadecimal digits in `from[key]`, as two halves. */
export function wideHexIn(from: Json, key: string): [low: number, high: number] {
  const text = textIn(from, key);
  return text.length > 8 ? [hex(text.slice(-8), key), hex(text.slice(0, -8), key)] : [hex(text, key), 0];
}

/** `value` as `digits` hexadecimal digits. */
export function toHex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** The two halves as 16 hexadecimal digits. */
export function toWideHex(low: number, high: number): string {
  return toHex(high, 8) + toHex(low, 8);
}

/** True if two JSON values are equal, whatever the order of keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key) || !sameJson((a as Json)[key], (b as Json)[key])) return false;
  }
  return true;
}
