import { InternalError } from './errors.js';

/** A kind of record: what an effect tells observers, two numbers whose meaning is named here. */
export interface RecordKind {
  readonly number: number;
  readonly name: string;
  /** What the two numbers of the record are; fewer if they mean nothing. */
  readonly fields: readonly string[];
}

const kinds: RecordKind[] = [];

/** Defines a kind of record and returns its number, for `observe`. Names are unique. */
export function recordKind(name: string, ...fields: readonly string[]): number {
  if (kinds.some((kind) => kind.name === name)) throw new InternalError(name, 'a kind of record of this name exists');
  kinds.push({ number: kinds.length, name, fields });
  return kinds.length - 1;
}

/** The kind of this number, or of this name. Throws an {@link InternalError} if there is none. */
export function recordKindOf(key: number | string): RecordKind {
  const kind = typeof key === 'number' ? kinds[key] : kinds.find((candidate) => candidate.name === key);
  if (kind === undefined) throw new InternalError(String(key), 'there is no such kind of record');
  return kind;
}
