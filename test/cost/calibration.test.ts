import { describe, expect, test } from 'vitest';
import { calibrateProblem } from '../../src/cost/calibration/calibrate.js';
import { type Parameter, parametersOf } from '../../src/cost/calibration/parameters.js';
import type { Problem } from '../../src/cost/calibration/problem.js';
import { processors } from '../../src/cost/profiles.js';

// Calibration on models whose costs are known: paths that are sums of a few costs.

const parameter = (name: string, estimate: number, range: [number, number], processor?: string): Parameter => ({
  name,
  estimate,
  range,
  source: 'made up',
  ...(processor === undefined ? {} : { processor }),
});

/** Figures are sums of costs; the published ones come from `truth`, times `error`. */
function problemOf(
  parameters: Parameter[],
  truth: Record<string, number>,
  paths: Record<string, { of: string[]; error?: number; processor?: string; family?: string }>,
): Problem {
  const sum = (numbers: Readonly<Record<string, number>>, of: readonly string[]): number =>
    of.reduce((total, name) => total + (numbers[name] ?? 0), 0);
  const rows = Object.entries(paths);
  return {
    parameters,
    targets: rows.map(([id, { of, error = 1, processor = 'p', family = id }]) => ({
      id,
      family,
      processor,
      published: sum(truth, of) * error,
      tolerancePct: 1,
    })),
    simulate: (numbers, which) => which.map((index) => sum(numbers, rows[index]?.[1].of ?? [])),
  };
}

const exit = parameter('exit', 500, [250, 1000]);
const send = parameter('send', 400, [200, 800]);
const flight = parameter('flight', 300, [150, 600]);

describe('a calibration', () => {
  test('finds the costs that the figures came from', () => {
    const truth: Record<string, number> = { exit: 700, send: 300, flight: 250 };
    const { parameters, figures, effectiveParameters } = calibrateProblem(
      problemOf([exit, send, flight], truth, {
        all: { of: ['exit', 'send', 'flight'] },
        twice: { of: ['exit', 'exit', 'send'] },
        sending: { of: ['send', 'flight'] },
        flying: { of: ['flight'] },
      }),
    );
    for (const { name, value } of parameters) {
      expect(Math.abs(value / (truth[name] ?? Number.NaN) - 1), name).toBeLessThan(0.03);
    }
    for (const { id, errorPct } of figures) expect(Math.abs(errorPct), id).toBeLessThan(1);
    expect(effectiveParameters).toBeGreaterThan(2.7);
    expect(effectiveParameters).toBeLessThanOrEqual(3);
  });

  test('of a sum alone it finds the sum, and says that the parts are open', () => {
    const { parameters, figures, effectiveParameters } = calibrateProblem(
      problemOf(
        [exit, send],
        { exit: 700, send: 500 },
        { sum: { of: ['exit', 'send'] }, again: { of: ['exit', 'send'] } },
      ),
    );
    expect(figures[0]?.errorPct).toBeCloseTo(0, 0);
    expect(effectiveParameters).toBeLessThan(1.05);
    for (const { open } of parameters) expect(open).toBeGreaterThan(0.4);
  });

  test('a parameter that no figure depends on keeps its estimate and is not among the numbers', () => {
    const dead = parameter('dead', 123, [100, 200]);
    const { parameters, numbers } = calibrateProblem(
      problemOf([exit, dead], { exit: 600 }, { a: { of: ['exit'] }, b: { of: ['exit', 'exit'] } }),
    );
    expect(Object.keys(numbers)).toEqual(['exit']);
    expect(parameters[1]).toMatchObject({ name: 'dead', open: 1, atBound: false });
    expect(parameters[1]?.value).toBeCloseTo(123);
  });

  test('no number leaves its range, and one that would is said to be at its end', () => {
    const { parameters } = calibrateProblem(
      problemOf([exit], { exit: 3000 }, { a: { of: ['exit'] }, b: { of: ['exit'] } }),
    );
    expect(parameters[0]?.value).toBeCloseTo(1000);
    expect(parameters[0]?.atBound).toBe(true);
  });

  test('one figure that disagrees with all others counts less', () => {
    const { figures, parameters } = calibrateProblem(
      problemOf(
        [exit],
        { exit: 600 },
        {
          a: { of: ['exit'] },
          b: { of: ['exit'] },
          c: { of: ['exit'] },
          wrong: { of: ['exit'], error: 1.5 },
        },
      ),
    );
    expect(figures[3]?.weight).toBeLessThan(0.1);
    expect(Math.abs((parameters[0]?.value ?? 0) / 600 - 1)).toBeLessThan(0.02);
    expect(figures[3]?.leaveOneOutPct).toBeCloseTo(-33, 0);
  });

  test("a processor's own number moves only its figures", () => {
    const own = parameter('other.exit', 500, [250, 1000], 'other');
    let simulated = 0;
    const problem = problemOf(
      [exit, own],
      { exit: 500, 'other.exit': 800 },
      {
        a: { of: ['exit'] },
        b: { of: ['other.exit'], processor: 'other' },
        c: { of: ['other.exit', 'exit'], processor: 'other' },
      },
    );
    const { figures } = calibrateProblem({
      ...problem,
      simulate(numbers, which) {
        simulated += which.length;
        return problem.simulate(numbers, which);
      },
    });
    expect(figures[0]?.sensitivity).toEqual([expect.closeTo(1, 5), 0]);
    expect(figures[1]?.sensitivity[0]).toBe(0);
    expect(simulated).toBeLessThan(100);
  });

  test('its ensemble agrees with what the figures say, and spreads where they say nothing', () => {
    const { ensemble } = calibrateProblem(
      problemOf(
        [exit, send],
        { exit: 600, send: 500 },
        { sum: { of: ['exit', 'send'] }, again: { of: ['exit', 'send'] } },
      ),
    );
    const sums = ensemble.map((draw) => (draw['exit'] ?? 0) + (draw['send'] ?? 0));
    const exits = ensemble.map((draw) => draw['exit'] ?? 0);
    expect(Math.max(...sums) / Math.min(...sums)).toBeLessThan(1.25);
    expect(Math.max(...exits) / Math.min(...exits)).toBeGreaterThan(1.4);
    for (const value of exits) expect(value >= 250 && value <= 1000).toBe(true);
  });

  test('is the same every time', () => {
    const problem = problemOf(
      [exit, send],
      { exit: 600, send: 350 },
      { a: { of: ['exit', 'send'] }, b: { of: ['send'] } },
    );
    expect(calibrateProblem(problem)).toEqual(calibrateProblem(problem));
  });
});

describe('the parameters of the library', () => {
  const parameters = parametersOf(processors);

  test('have names of their own, and estimates within their ranges', () => {
    expect(new Set(parameters.map(({ name }) => name)).size).toBe(parameters.length);
    for (const { name, estimate, range } of parameters) {
      expect(estimate >= range[0] && estimate <= range[1], name).toBe(true);
    }
  });

  test('leave out what was taken from a source as it is', () => {
    const names = parameters.map(({ name }) => name);
    expect(names).toContain('sapphire-rapids.scale');
    expect(names).not.toContain('skylake-sp.scale');
    expect(names).not.toContain('sapphire-rapids.specCtrl');
    expect(names).not.toContain('lineTransfer');
  });
});
