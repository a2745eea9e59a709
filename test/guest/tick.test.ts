import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

type Workload = NonNullable<ScenarioInput['workload']>;

/** Exits of each kind, for all of the counted time and in one iteration, of a guest whose busy CPUs tick `hz` times a second. */
function run(hz: number, workload: Workload, vm: object = {}, host: object = {}) {
  const [variant] = runScenario(
    {
      profile: 'skylake-sp',
      topology: { coresPerSocket: 3, tscGhz: 2 },
      host: { kernel: '6.1', ...host },
      vms: [{ vcpus: 2, guestTickHz: hz, ...vm }],
      workload,
    },
    { breakdown: false },
  ).variants;
  if (variant === undefined) throw new Error('nothing ran');
  const { exits, totalNs, latencyNs } = variant;
  const counts = Object.fromEntries(exits.map(({ reason, count }) => [reason, count]));
  return { counts, totalNs, iterations: latencyNs.n, mean: latencyNs.mean };
}

const iterations = 2000;
const calls: Workload = { kind: 'smp-call-function', to: [1], iterations, warmup: 2 };
const requested = 50;
const requests: Workload = { kind: 'request-response', thinkNs: 20_000, iterations: requested, warmup: 2 };

describe('the tick of a Linux guest (scenario key guestTickHz)', () => {
  test('interrupts a busy CPU at its rate: an exit for the timer, and one to set it again', () => {
    const quiet = run(0, calls, { guestIdle: 'poll' });
    const ticking = run(1000, calls, { guestIdle: 'poll' });
    // The other CPU polls, so its tick goes on, too. A millisecond each, and one more or less at the edges.
    const ticks = (2 * ticking.totalNs) / 1e6;
    const timer = (counts: Record<string, number>): number => counts['PREEMPTION_TIMER'] ?? 0;
    expect(timer(quiet.counts)).toBe(0);
    expect(Math.abs(timer(ticking.counts) - ticks)).toBeLessThanOrEqual(2);
    const writes = (ticking.counts['MSR_WRITE'] ?? 0) - (quiet.counts['MSR_WRITE'] ?? 0);
    expect(Math.abs(writes - ticks)).toBeLessThanOrEqual(2);
  });

  test('is stopped before a sleep and started again after it: two writes of the deadline more, for each of the two CPUs', () => {
    const quiet = run(0, requests);
    const ticking = run(250, requests);
    const more = ((ticking.counts['MSR_WRITE'] ?? 0) - (quiet.counts['MSR_WRITE'] ?? 0)) / requested;
    expect(more).toBeGreaterThan(3.8);
    expect(more).toBeLessThan(4.2);
    expect(ticking.mean).toBeGreaterThan(quiet.mean);
  });

  test('is not started for a function call that an interrupt brings to a CPU that sleeps', () => {
    const quiet = run(0, calls);
    const ticking = run(250, calls);
    const more = ((ticking.counts['MSR_WRITE'] ?? 0) - (quiet.counts['MSR_WRITE'] ?? 0)) / iterations;
    expect(more).toBeLessThan(0.05);
  });

  test('comes early enough for a sleep that ends before it, which is then not put off', () => {
    const sleeps: Workload = { kind: 'mix', idle: 0.9, workNs: 5000, iterations: 100, warmup: 0 };
    const quiet = run(0, sleeps);
    const ticking = run(100, sleeps);
    // Sleeps are 90 microseconds at most: nearly all end before the next tick, which is never stopped for them.
    expect(ticking.mean).toBeLessThan(1.3 * quiet.mean);
    expect(ticking.totalNs).toBeLessThan(1.5 * quiet.totalNs);
  });

  test('every iteration ends, whatever the rate, the way of idling and the host', () => {
    for (const guestIdle of ['hlt', 'poll', 'haltpoll', 'mwait'] as const) {
      for (const features of [{}, { apicv: false }, { preemptionTimerFastpath: false }]) {
        const vm = { guestIdle, features, disableExits: guestIdle === 'mwait' ? ['mwait'] : [] };
        const result = run(10_000, requests, vm, { haltPollNs: 0 });
        expect(result.iterations).toBe(requested);
      }
    }
  });
});
