import { describe, expect, it } from 'vitest';
import { recordKind, recordKindOf } from '../../src/engine/records.js';

describe('a kind of record', () => {
  it('has a number, a name, and names for what its two numbers mean', () => {
    const number = recordKind('records-test', 'vector', 'destination');
    const kind = { number, name: 'records-test', fields: ['vector', 'destination'] };
    expect(recordKindOf(number)).toEqual(kind);
    expect(recordKindOf('records-test')).toEqual(kind);
    expect(recordKind('records-test-2')).toBe(number + 1);
  });

  it('is defined once, before it is asked for', () => {
    recordKind('records-once');
    expect(() => recordKind('records-once')).toThrow('records-once: a kind of record of this name exists');
    expect(() => recordKindOf('records-never')).toThrow('records-never: there is no such kind of record');
    expect(() => recordKindOf(-1)).toThrow('-1: there is no such kind of record');
  });
});
