import { describe, expect, test } from 'vitest';
import { type TradeOffSeries, tradeOffChart } from '../../src/observe/trade-off-chart.js';
import { parseXml } from './xml.js';

const series: TradeOffSeries[] = [
  {
    title: 'hlt <a>',
    points: [
      [1, 9],
      [2, 2],
      [9, 1],
      [9, 9],
    ].map(([x = 0, y = 0]) => ({ x, y, label: `${x}/${y}` })),
  },
  { title: 'poll', points: [{ x: 5, y: 5, label: 'p' }] },
];
const options = { title: 'Halt polling & latency', x: 'CPU, µs', y: 'latency, µs' };

describe('the chart of a trade-off', () => {
  const svg = tradeOffChart(series, options);

  test('is well-formed XML with a dot for each choice, and says what was chosen', () => {
    expect(() => parseXml(svg)).not.toThrow();
    expect(svg.match(/<circle[^>]*><title>/g)).toHaveLength(5);
    expect(svg).toContain('hlt &lt;a&gt;: 2/2 (2, 2)');
  });

  test('draws the front through what is not beaten, and rings the knee', () => {
    const [line] = svg.match(/<path d="M[^"]*" stroke[^>]*class="front"\/>/) ?? [''];
    expect(line.match(/L/g)).toHaveLength(2);
    expect(svg).toContain('knee: 2/2');
    expect(svg).toContain('3 of 4 choices are not beaten in both; knee at 2/2');
    expect(svg).toContain('1 of 1 choices are not beaten in both');
  });

  test('is the same text for the same points', () => {
    expect(tradeOffChart(series, options)).toBe(svg);
  });

  test.each([
    [{ ...options, width: 10 }, 'width: 10 is not 300 or more'],
    [{ ...options, height: 10 }, 'height: 10 is not 200 or more'],
    [{ ...options, id: '1' }, "id: '1' is not"],
  ])('%j is refused', (wrong, message) => {
    expect(() => tradeOffChart(series, wrong)).toThrow(message);
  });

  test('nothing, and what is not a number, cannot be drawn', () => {
    expect(() => tradeOffChart([], options)).toThrow('there is no point to draw');
    const points = [{ x: Number.NaN, y: 1, label: 'x' }];
    expect(() => tradeOffChart([{ title: 'a', points }], options)).toThrow("the point 'x' is not finite");
  });
});
