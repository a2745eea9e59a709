import { describe, expect, it } from 'vitest';
import { formatNumber, formatPercent, formatTable } from '../../src/observe/index.js';

describe('a table', () => {
  it('sets text to the left and numbers to the right, two spaces apart', () => {
    const columns = [
      { title: 'stage', align: 'left' },
      { title: 'cycles', align: 'right' },
      { title: 'why', align: 'left' },
    ] as const;
    const rows = [
      ['set-pir', '216', 'a locked read-modify-write'],
      ['notify', '12 345'],
      ['µs …', '1', ''],
    ];
    expect(formatTable(columns, rows).split('\n')).toEqual([
      'stage    cycles  why',
      '-------  ------  --------------------------',
      'set-pir     216  a locked read-modify-write',
      'notify   12 345',
      'µs …          1',
    ]);
  });

  it('can be without rows', () => {
    expect(formatTable([{ title: 'a', align: 'right' }], [])).toBe('a\n-');
  });
});

describe('a number', () => {
  it.each([
    [0, 0, '0'],
    [999, 0, '999'],
    [1000, 0, '1 000'],
    [1234567.891, 2, '1 234 567.89'],
    [-1234.5, 1, '-1 234.5'],
    [-0.04, 1, '0.0'],
    [0.05, 1, '0.1'],
  ])('%d with %d decimals is %s', (value, digits, text) => {
    expect(formatNumber(value, digits)).toBe(text);
  });

  it.each([
    [1.26, '+1.3 %'],
    [-20.04, '-20.0 %'],
    [0, '+0.0 %'],
    [-0.01, '+0.0 %'],
  ])('%d as a percentage is %s', (value, text) => {
    expect(formatPercent(value)).toBe(text);
  });
});
