import { describe, expect, test } from 'vitest';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { sweepPoints, sweepReport, sweepScenario } from '../../src/scenarios/sweep.js';
import { parseSweepParameter } from '../../src/scenarios/sweep-parameters.js';

const vmcall: ScenarioInput = { name: 'vmcall', workload: { kind: 'vmexit', test: 'vmcall', iterations: 5 } };

describe('a parameter as the command takes it', () => {
  test.each([
    ['host.haltPollNs=0..100:3', [0, 50, 100]],
    ['a=1..1000:4:log', [1, 10, 100, 1000]],
    ['a=0,1..4:3:log,4', [0, 1, 2, 4]],
    ['a=0..1:3', [0, 1]],
    ['a=0.0..0.5:3', [0, 0.25, 0.5]],
    ['a=100..0:3', [100, 50, 0]],
    ['vms[0].guestIdle=hlt,poll', ['hlt', 'poll']],
    [
      'vms[0].pinning=[0,1],[0,2]',
      [
        [0, 1],
        [0, 2],
      ],
    ],
    ['a=true,"x,y"', [true, 'x,y']],
  ])('%s', (text, values) => {
    expect(parseSweepParameter(text).values).toEqual(values);
  });

  test('a range has eleven points unless it says otherwise', () => {
    expect(parseSweepParameter('a=0..2000000').values).toHaveLength(11);
  });

  test.each([
    ['host.haltPollNs', 'expected path=values'],
    ['=1', 'expected path=values'],
    ['a=1,,2', 'a: has an empty value'],
    ['a=x..2', "a: 'x' is not a number"],
    ['a=1..', "a: '' is not a number"],
    ['a=0..10:log', 'a: a logarithmic range lies above 0'],
    ['a=1..10:1', 'a: 1 is not a number of points from 2 to 10000'],
    ['a=1..10:lin', "a: ':lin' after a range"],
  ])('%s is refused', (text, message) => {
    expect(() => parseSweepParameter(text)).toThrow(message);
  });
});

describe('a sweep', () => {
  test('has a point for each combination, the last parameter changing fastest', () => {
    const points = sweepPoints(vmcall, [
      { path: 'seed', values: [1, 2] },
      { path: 'profile.set.vmExit', values: [400, 500] },
    ]);
    expect(points.map(({ values }) => values)).toEqual([
      [1, 400],
      [1, 500],
      [2, 400],
      [2, 500],
    ]);
    expect(points[3]?.scenario).toMatchObject({ seed: 2, profile: { base: 'sapphire-rapids', set: { vmExit: 500 } } });
  });

  test('reports latency and the CPU time burnt; what is dearer in both is not on the front', () => {
    const report = sweepScenario(vmcall, [{ path: 'profile.set.vmExit', values: [400, 800] }]);
    const [cheap, dear] = report.rows;
    expect(report.complete).toBe(true);
    expect((dear?.latencyCycles.mean ?? 0) - (cheap?.latencyCycles.mean ?? 0)).toBe(400);
    expect(dear?.burntNs).toBeGreaterThan(cheap?.burntNs ?? 0);
    expect(report.fronts).toEqual([{ variant: 'vmcall', rows: [0] }]);
  });

  test('a part of its points makes a report that says so', () => {
    const parameters = [{ path: 'seed', values: [1, 2] }];
    const report = sweepReport(vmcall, parameters, sweepPoints(vmcall, parameters), []);
    expect(report).toMatchObject({ complete: false, rows: [], fronts: [], points: [[1], [2]] });
  });

  test.each([
    [[{ path: 'host.haltPolNs', values: [1] }], 'host.haltPolNs: is not a known key'],
    [[{ path: 'seed', values: [1, 'x'] }], 'seed: "x" is not'],
    [[{ path: 'seed', values: [] }], 'seed: has no values'],
    [
      [
        { path: 'seed', values: [1] },
        { path: 'seed', values: [2] },
      ],
      'seed: is a parameter twice',
    ],
    [[], 'a sweep needs at least one'],
  ])('%j is refused before anything runs', (parameters, message) => {
    expect(() => sweepPoints(vmcall, parameters)).toThrow(message);
  });

  test('what a variant sets cannot be swept: it would change nothing there', () => {
    const variants = [{ name: 'fast', set: { 'host.kernel': '6.1' } }];
    const sweep = () => sweepPoints({ ...vmcall, variants }, [{ path: 'host.kernel', values: ['5.4', '6.1'] }]);
    expect(sweep).toThrow("host.kernel: is set by the variant 'fast'");
  });
});
