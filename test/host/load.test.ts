import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

type Load = NonNullable<NonNullable<ScenarioInput['host']>['load']>;

/** What a round trip to a server on processor 1 comes to beside other tasks of the host, and what becomes of that processor's time. */
function beside(load: Load) {
  const [variant] = runScenario(
    {
      profile: 'skylake-sp',
      topology: { coresPerSocket: 3 },
      host: { kernel: '6.1', haltPollNs: 0, idle: 'poll', sliceNs: 100_000, load },
      vms: [{ vcpus: 2 }],
      workload: { kind: 'request-response', thinkNs: 20_000, iterations: 60, warmup: 2 },
    },
    { breakdown: false },
  ).variants;
  if (variant === undefined) throw new Error('nothing ran');
  const { latencyNs, cpu } = variant;
  const { otherLoad, guest, host, haltPoll, idle } = cpu.processors[1] as (typeof cpu.processors)[number];
  return {
    mean: latencyNs.mean,
    worst: latencyNs.max,
    loadShare: otherLoad / (otherLoad + guest + host + haltPoll + idle),
  };
}

describe("other tasks of the host (scenario key 'host.load')", () => {
  const alone = beside([]);

  test('take the share of a processor that they ask for while nobody else wants it', () => {
    const { loadShare } = beside([{ count: 1, busyNs: 30_000, idleNs: 70_000, pinning: [2] }]);
    expect(loadShare).toBe(0);
    const here = beside([{ count: 1, busyNs: 30_000, idleNs: 70_000, pinning: [1] }]);
    // Thirty of a hundred microseconds, but for when it is woken while the virtual CPU runs.
    expect(here.loadShare).toBeGreaterThan(0.22);
    expect(here.loadShare).toBeLessThan(0.31);
  });

  test('on another processor cost a guest nothing', () => {
    expect(beside([{ count: 1, busyNs: 30_000, idleNs: 70_000, pinning: [2] }]).mean).toBeCloseTo(alone.mean, -3);
  });

  test('make who is woken there wait for the end of a slice, which is the longer the heavier they are', () => {
    const usual = beside([{ count: 3, busyNs: 500_000, idleNs: 0, pinning: [1] }]);
    const heavy = beside([{ count: 3, busyNs: 500_000, idleNs: 0, pinning: [1], nice: -10 }]);
    expect(usual.worst).toBeGreaterThan(alone.worst);
    expect(usual.worst).toBeLessThan(alone.worst + 100_000);
    expect(heavy.worst).toBeGreaterThan(alone.worst + 100_000);
  });
});
