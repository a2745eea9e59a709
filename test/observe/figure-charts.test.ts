import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/errors.js';
import { errorChart } from '../../src/observe/error-chart.js';
import { heatMap } from '../../src/observe/heat-map.js';
import { median } from '../../src/observe/statistics.js';

describe('a heat map', () => {
  const table = {
    title: 'a < b',
    rows: ['one', 'two'],
    columns: ['x', 'y', 'z'],
    values: [
      [1, 0, -1],
      [0.5, 0, 0],
    ],
  };

  test('has a cell for each row and column, with its number as a tip', () => {
    const svg = heatMap(table);
    expect(svg.match(/<title>/g)).toHaveLength(6);
    expect(svg).toContain('one, z: -1.000');
    expect(svg).toContain('a &lt; b');
  });

  test('the largest number has the full colour, 0 none, and the sign another', () => {
    const svg = heatMap(table);
    expect(svg).toContain('rgb(47,111,183)');
    expect(svg).toContain('rgb(200,85,61)');
    expect(svg.match(/#f4f5f7/g)).toHaveLength(3);
  });

  test('a table with holes is refused', () => {
    expect(() => heatMap({ ...table, values: [[1, 0, -1]] })).toThrow(InputError);
    expect(() =>
      heatMap({
        ...table,
        values: [
          [1, 0],
          [0, 0, 0],
        ],
      }),
    ).toThrow('values[0]: is not 3 finite numbers');
    expect(() =>
      heatMap({
        ...table,
        values: [
          [1, 0, Number.NaN],
          [0, 0, 0],
        ],
      }),
    ).toThrow(InputError);
  });
});

describe('a chart of errors', () => {
  const figure = { label: 'ipi', published: 200, simulated: 210, fitted: true } as const;

  test('has a dot for each figure: full if fitted to, a ring if not', () => {
    const svg = errorChart('Errors', [figure, { ...figure, label: 'held out', simulated: 190, fitted: false }]);
    expect(svg).toContain('ipi: +5.0 %');
    expect(svg).toContain('held out: -5.0 %');
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg.match(/<circle[^>]*fill="#ffffff"/g)).toHaveLength(1);
  });

  test('a bar shows where a measurement is expected', () => {
    expect(errorChart('Errors', [figure]).match(/rx="4"/g)).toBeNull();
    expect(errorChart('Errors', [{ ...figure, interval: [190, 230] }]).match(/rx="4"/g)).toHaveLength(1);
  });

  test('what cannot be drawn is refused', () => {
    expect(() => errorChart('Errors', [])).toThrow(InputError);
    expect(() => errorChart('Errors', [{ ...figure, published: 0 }])).toThrow('figures[0]');
    // A saving is a number below 0: its error counts in its size.
    expect(errorChart('Errors', [{ ...figure, published: -20, simulated: -22 }])).toContain('-10.0 %');
    expect(() => errorChart('Errors', [{ ...figure, simulated: Number.NaN }])).toThrow('figures[0]');
  });
});

test('a median is the middle, or the mean of the two there', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});
