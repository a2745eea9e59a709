import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/errors.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

type Workload = Extract<ScenarioInput['workload'], { kind: 'migration' }>;

function migrate(vm: object, workload: Partial<Workload>, more: Partial<ScenarioInput> = {}) {
  const { migration, ...report } = runScenario(
    {
      topology: { coresPerSocket: 4 },
      vms: [{ vcpus: 3, guestIdle: 'poll', ...vm }],
      workload: { kind: 'migration', iterations: 60, warmup: 10, atNs: 150_000, ...workload },
      ...more,
    } as ScenarioInput,
    { breakdown: false },
  ).variants[0] as NonNullable<ReturnType<typeof runScenario>['variants'][number]>;
  if (migration === undefined) throw new Error('nothing moved');
  return { ...migration, report };
}

const reasons = (leg: { exits: readonly { reason: string }[] }): string[] =>
  leg.exits.map(({ reason }) => reason).filter((reason) => reason !== 'EXTERNAL_INTERRUPT');

describe('a VM that moves while its virtual CPUs send each other IPIs', () => {
  test('goes the destination\u2019s ways, and loses nothing', () => {
    const { before, after, lost, sent } = migrate({}, { destination: { kernel: '5.15' } });
    expect(lost).toBe(0);
    expect(sent).toBeGreaterThan(before.latencyNs.n + after.latencyNs.n);
    // IPI virtualization here, an exit for each write of ICR there.
    expect(reasons(before)).toEqual([]);
    expect(reasons(after)).toEqual(['MSR_WRITE']);
    expect(after.exitsPerIteration).toBeGreaterThanOrEqual(1);
    expect(after.latencyNs.mean).toBeGreaterThan(before.latencyNs.mean);
    expect(after.latencyNs.n).toBe(60);
  });

  test('and the other way round', () => {
    const { before, after, lost } = migrate(
      {},
      { destination: { profile: 'sapphire-rapids', kernel: '6.1' } },
      { profile: 'skylake-sp', host: { kernel: '5.15' } },
    );
    expect(lost).toBe(0);
    expect(reasons(before)).toEqual(['MSR_WRITE']);
    expect(reasons(after)).toEqual([]);
  });

  test('sleeps, has timers, and sends to everybody: none of it is lost', () => {
    for (const atNs of [60_000, 101_000, 133_333, 170_017]) {
      const { lost, after } = migrate(
        { vcpus: 4, guestIdle: 'hlt' },
        { guest: 'mix', thinkNs: 8000, iterations: 30, atNs, destination: { features: { apicv: false } } },
        { host: { haltPollNs: 0, cStates: ['C1'] } },
      );
      expect(lost).toBe(0);
      expect(after.latencyNs.n).toBe(30);
      expect(reasons(after)).toContain('HLT');
    }
  });

  test('a guest in its own halt polling, or in MWAIT, goes on as well', () => {
    for (const [guestIdle, disableExits] of [
      ['haltpoll', []],
      ['mwait', ['mwait']],
      ['hlt', ['hlt']],
    ] as const) {
      const { lost, after } = migrate(
        { guestIdle, disableExits },
        { thinkNs: 20_000, to: 'all', destination: { kernel: '5.15' } },
      );
      expect(lost).toBe(0);
      expect(after.latencyNs.n).toBe(60);
    }
  });

  test('on an AMD host AVIC may be there or not', () => {
    const { before, after, lost } = migrate({}, { destination: { features: { avic: true } } }, { profile: 'epyc' });
    expect(lost).toBe(0);
    expect(before.exitsPerIteration).toBeGreaterThan(after.exitsPerIteration);
  });

  test('a report has both machines\u2019 iterations together', () => {
    const { before, after, report } = migrate({}, { destination: { features: { ipiVirtualization: false } } });
    expect(report.latencyCycles.n).toBe(before.latencyNs.n + after.latencyNs.n);
    expect(report.exits.map(({ reason }) => reason)).toContain('MSR_WRITE');
  });
});

test('a destination that cannot be is said before anything runs', () => {
  const failing = (destination: Workload['destination']) => {
    try {
      migrate({}, { destination });
    } catch (error) {
      if (error instanceof InputError) return `${error.path}: ${error.reason}`;
    }
    return '';
  };
  expect(failing({ profile: 'epyc' })).toMatch(/^workload\.destination\.profile: .*of another vendor/);
  expect(failing({ profile: 'pentium' })).toMatch(/^workload\.destination\.profile: there is no profile/);
  expect(failing({ kernel: '5.15', features: { ipiVirtualization: true } })).toMatch(
    /^workload\.destination\.features\.ipiVirtualization: Linux 5\.15 has no/,
  );
});
