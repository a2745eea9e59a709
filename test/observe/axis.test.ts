import fc from 'fast-check';
import { expect, test } from 'vitest';
import { axisOf } from '../../src/observe/axis.js';

const labels = (values: number[], division?: 'linear' | 'log' | 'auto') =>
  axisOf(values, 0, 100, 5, division).ticks.map(({ label }) => label);

test('ticks are round, and begin at 0 if the values nearly do', () => {
  expect(labels([3, 48])).toEqual(['0', '20', '40']);
  expect(labels([1800, 4600])).toEqual(['2 000', '3 000', '4 000']);
  expect(labels([0.12, 0.31])).toEqual(['0.15', '0.20', '0.25', '0.30']);
});

test('an axis of values that differ by a factor of 30 is logarithmic if it may be', () => {
  expect(labels([1, 200], 'auto')).toEqual(['1', '2', '5', '10', '20', '50', '100', '200']);
  expect(labels([1, 20], 'auto')).toEqual(['0', '5', '10', '15', '20']);
  expect(labels([0, 200], 'log')).toEqual(labels([0, 200], 'linear'));
});

test('one value and none have an axis, too', () => {
  expect(axisOf([7], 0, 100).at(7)).toBeCloseTo(50);
  expect(axisOf([], 0, 100).ticks.length).toBeGreaterThan(1);
});

test('values keep their order and lie between the ends; ticks too', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 2, maxLength: 8 }),
      fc.constantFrom('linear', 'log', 'auto'),
      (values, division) => {
        const axis = axisOf(values, 10, 110, 6, division);
        const places = [...values].sort((a, b) => a - b).map((value) => axis.at(value));
        expect([...places].sort((a, b) => a - b)).toEqual(places);
        for (const place of [...places, ...axis.ticks.map(({ value }) => axis.at(value))]) {
          expect(place).toBeGreaterThanOrEqual(10 - 1e-6);
          expect(place).toBeLessThanOrEqual(110 + 1e-6);
        }
        expect(axis.ticks.length).toBeLessThan(20);
      },
    ),
  );
});
