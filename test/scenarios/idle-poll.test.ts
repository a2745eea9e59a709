import { expect, test } from 'vitest';
import { runScenario } from '../../src/scenarios/run.js';

/** The mean call of a guest that works and calls at random, and sleeps for a part of its time. */
function mean(guestIdle: 'hlt' | 'poll', idle: number): number {
  const [variant] = runScenario(
    {
      topology: { coresPerSocket: 3 },
      vms: [{ vcpus: 3, guestIdle }],
      workload: { kind: 'mix', idle, workNs: 10_000, iterations: 60 },
    },
    { breakdown: false },
  ).variants;
  return variant?.latencyCycles.mean ?? 0;
}

test('idle=poll gains nothing on a guest that never idles, and much on one that does', () => {
  expect(mean('poll', 0)).toBe(mean('hlt', 0));
  expect(mean('poll', 0.8)).toBeLessThan(0.8 * mean('hlt', 0.8));
});

test('a VM\u2019s own maximum of halt polling stands against the host\u2019s', () => {
  const stat = (haltPollNs: number | undefined) =>
    runScenario(
      {
        topology: { coresPerSocket: 2 },
        host: { haltPollNs: 200_000 },
        vms: [{ vcpus: 2, ...(haltPollNs === undefined ? {} : { haltPollNs }) }],
        workload: { kind: 'request-response', thinkNs: 30_000, iterations: 20 },
      },
      { breakdown: false },
    ).variants[0]?.kvmStat.halt_successful_poll ?? 0;
  expect(stat(undefined)).toBeGreaterThan(0);
  expect(stat(0)).toBe(0);
});
