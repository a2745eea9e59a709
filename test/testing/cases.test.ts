import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resetRegisters } from '../../src/arch/apic-registers.js';
import { InputError } from '../../src/engine/errors.js';
import { costKeysOf, type Routine } from '../../src/engine/routine.js';
import { systemRoutines } from '../../src/scenarios/routines.js';
import type { MachineInput } from '../../src/scenarios/schema.js';
import {
  arbitraries,
  type CaseSchedule,
  checkCase,
  type InterruptCase,
  runCase,
  story,
} from '../../src/testing/index.js';
import { Accounts } from '../../src/testing/laws/accounts.js';
import { commandHandler, guestOperation, guestProgram, handlers } from '../../src/testing/laws/guest-program.js';
import { hostLoad, hostProgram } from '../../src/testing/laws/host-program.js';
import { runs } from '../runs.js';

const any = arbitraries(fc);

const send = (vector: number, destination: number) => ({ op: 'send', icr: 0x4000 | vector, destination }) as const;
const two: Omit<InterruptCase, 'schedule'> = {
  machine: { vms: [{ vcpus: 2 }] },
  programs: [[send(0x31, 1), { op: 'work', cycles: 100 }], [{ op: 'hlt' }]],
};

describe('the laws of delivery hold', () => {
  const kinds: CaseSchedule['kind'][] = ['switches', 'timed', 'random', 'pct'];
  test.each(kinds)('whatever the machine, its programs and its host do, schedules: %s', (kind) => {
    fc.assert(
      fc.property(any.interruptCase({ schedules: [kind] }), (input) => void checkCase(input)),
      runs(150),
    );
  });
});

describe('a case', () => {
  test('replays from the string of its schedule', () => {
    fc.assert(
      fc.property(any.interruptCase({ schedules: ['random', 'pct', 'switches'] }), (input) => {
        const first = runCase(input);
        const again = runCase({ ...input, schedule: { kind: 'replay', schedule: first.schedule ?? '' } });
        expect(again).toEqual(first);
      }),
      runs(20),
    );
  });

  test('that was recorded long ago still replays', () => {
    const schedule: CaseSchedule = { kind: 'switches', at: [[20, 1]] };
    const { schedule: text = '' } = runCase({ ...two, schedule });
    const { events } = runCase({ ...two, schedule: { kind: 'replay', schedule: text } });
    expect(events.filter(({ what }) => what === 'takes')).toEqual([expect.objectContaining({ vcpu: 1, detail: 0x31 })]);
  });

  test('tells its story', () => {
    const told = story({ ...two, schedule: { kind: 'switches', at: [] } });
    expect(
      told
        .split('\n')
        .filter((line) => /^ +\d+\./.test(line))
        .map((line) => line.replace(/^ +\d+\. /, '')),
    ).toContain('vCPU 0 sends 31H to APIC 1');
    expect(told).toContain('vCPU 1 takes 31H');
    expect(told).toMatch(/^again: runCase\(\{"machine"/m);
  });

  test.each<[Partial<InterruptCase>, string]>([
    [{ programs: [[], [], []] }, 'programs: has 3 for 2 virtual CPUs'],
    [{ programs: [new Array(17).fill({ op: 'cli' })] }, 'programs[0]: has 17 operations, not 16 or fewer'],
    [{ host: [{ op: 'post', vcpu: 2, vector: 0x31 }] }, 'host[0].vcpu: virtual CPU 2 does not exist (2 there)'],
    [{ host: new Array(13).fill({ op: 'allow' }) }, 'host: has 13 operations, not 12 or fewer'],
    [{ machine: { workload: { kind: 'vmexit', test: 'cpuid' } } }, 'machine.workload: a case has programs instead'],
  ])('that does not fit is an error before anything runs: %o', (wrong, message) => {
    const run = () => runCase({ ...two, schedule: { kind: 'random', seed: 1 }, ...wrong });
    expect(run).toThrow(InputError);
    expect(run).toThrow(message);
  });

  test('shrinks to what it takes, and prints itself', () => {
    const result = fc.check(
      fc.property(
        any.interruptCase(),
        (input) => !runCase(input).events.some(({ what, detail }) => what === 'takes' && detail === 0x91),
      ),
      runs(200),
    );
    const [input] = result.counterexample ?? [];
    const operations = [...(input?.programs.flat() ?? []), ...(input?.host ?? [])];
    // A line that is held up comes with the end of that: neither is left out without the other.
    expect(operations.filter(({ op }) => op !== 'hold' && op !== 'quiet')).toHaveLength(1);
    expect(fc.stringify(input)).toContain('takes 91H');
  });
});

// Each was a counterexample once.
describe('what long searches found holds now', () => {
  const of = (machine: MachineInput, more: Partial<InterruptCase>): InterruptCase => ({
    machine: { host: { idle: 'mwait' }, ...machine },
    programs: [[], []],
    schedule: { kind: 'timed', seed: 0, jitter: 0 },
    ...more,
  });

  test('who polls sees a timer that expires on another processor before it is kicked', () => {
    const input = of(
      {
        topology: { coresPerSocket: 2 },
        host: { kernel: '4.19', haltPollNs: 200_000, idle: 'mwait', preemptionTimer: false, sliceNs: 20_000 },
        vms: [{ vcpus: 3, apicMode: 'x2apic', features: { ipiVirtualization: false }, pinning: 'float' }],
      },
      {
        programs: [[{ op: 'timer', cycles: 60_000 }], [], []],
        host: [{ op: 'post', vcpu: 1, vector: 0x70 }],
        load: [0],
      },
    );
    expect(runCase(input).broken).toEqual([]);
  });

  test('a HLT that does not exit is over when its guest was woken, whatever exits come before the next instruction', () => {
    const input = of(
      {
        topology: { coresPerSocket: 3 },
        vms: [{ vcpus: 2, apicMode: 'xapic', features: { apicv: false }, disableExits: ['hlt'] }],
      },
      { programs: [[], [{ op: 'hlt' }, { op: 'quiet', line: 3 }]], host: [{ op: 'hold', line: 3 }] },
    );
    for (const schedule of [input.schedule, { kind: 'switches', at: [] } as const])
      expect(runCase({ ...input, schedule }).broken).toEqual([]);
  });

  test('an EOI does not come between a line that rises and its interrupt', () => {
    const input = of(
      {
        topology: { coresPerSocket: 5 },
        host: { kernel: '5.4', idle: 'mwait', haltPollNs: 0, preemptionTimer: true, sliceNs: 20_000 },
        vms: [{ vcpus: 4, apicMode: 'xapic', features: { ipiVirtualization: false }, disableExits: ['hlt'] }],
      },
      {
        programs: [[{ op: 'timer', cycles: 1 }], [], [], [{ op: 'hlt' }]],
        host: [
          { op: 'raise', line: 1 },
          { op: 'post', vcpu: 0, vector: 0x31 },
          { op: 'allow' },
          { op: 'raise', line: 1 },
        ],
        load: [],
        handlers: 'plain',
      },
    );
    for (let seed = 59_000; seed < 59_100; seed++)
      expect(runCase({ ...input, schedule: { kind: 'random', seed } }).broken).toEqual([]);
  });
});

test('the routines of generated programs cost what the profile knows', () => {
  const known = costKeysOf(systemRoutines);
  const own = [guestProgram, guestOperation, commandHandler, hostProgram, hostLoad, ...Object.values(handlers)];
  expect(costKeysOf(own as unknown as Routine[]).filter((key) => !known.includes(key))).toEqual([]);
});

describe('accounts', () => {
  const setting = () => {
    const holders = [0, 1].map((id) => ({
      vm: 0,
      apicMode: 2 as const,
      page: { ...resetRegisters(), id, svr: 0x1ff },
      pir: [0, 0, 0, 0, 0, 0, 0, 0],
    }));
    return { holders, accounts: new Accounts(holders) };
  };
  const lawsOf = (accounts: Accounts) => accounts.balance().map(({ law }) => law);
  const set = (bits: number[], vector: number) => {
    bits[vector >> 5] = ((bits[vector >> 5] ?? 0) | (1 << (vector & 31))) >>> 0;
  };

  test('balance if what was sent is taken and ended', () => {
    const { holders, accounts } = setting();
    accounts.send(0, 0, 0x4031, 1);
    set(holders[1]?.page.isr ?? [], 0x31);
    accounts.take(1, 0x31);
    holders[1]?.page.isr.fill(0);
    accounts.end(1);
    accounts.setInterruptFlag(1, 1);
    expect(lawsOf(accounts)).toEqual([]);
  });

  test('say what was lost, what was made up, what was taken out of turn', () => {
    const lost = setting().accounts;
    lost.send(0, 0, 0x4031, 1);
    expect(lawsOf(lost)).toEqual(['no lost interrupt']);
    const { holders, accounts } = setting();
    set(holders[0]?.page.irr ?? [], 0x31);
    accounts.setInterruptFlag(0, 0);
    expect(lawsOf(accounts)).toEqual(['nothing spurious']);
    const twice = setting().accounts;
    twice.send(0, 0, 0x4031, 1);
    twice.take(1, 0x31);
    twice.take(1, 0x31);
    expect(twice.broken.map(({ law }) => law)).toEqual(['nothing spurious', 'priority order', 'priority order']);
    const asleep = setting();
    asleep.accounts.send(0, 0, 0x4031, 1);
    set(asleep.holders[1]?.page.irr ?? [], 0x31);
    expect(lawsOf(asleep.accounts)).toEqual(['no lost wake-up']);
    const unended = setting();
    unended.accounts.send(0, 0, 0x4031, 1);
    unended.accounts.take(1, 0x31);
    expect(lawsOf(unended.accounts)).toEqual(['one EOI per in-service bit']);
  });

  test('count one receiver of a lowest-priority message', () => {
    const { holders, accounts } = setting();
    accounts.send(0, 0, 0x4161, 0xffff_ffff);
    for (const id of [0, 1]) {
      set(holders[id]?.page.isr ?? [], 0x61);
      accounts.take(id, 0x61);
    }
    expect(accounts.broken.map(({ law }) => law)).toEqual(['nothing spurious']);
    const none = setting().accounts;
    none.send(0, 0, 0x4161, 0xffff_ffff);
    expect(lawsOf(none)).toEqual(['no lost interrupt']);
  });

  test('let no NMI in while one is handled', () => {
    const { accounts } = setting();
    accounts.send(0, 0, 0x4400, 1);
    accounts.send(0, 0, 0x4400, 1);
    accounts.take(1, 2);
    accounts.take(1, 2);
    expect(accounts.broken.map(({ law }) => law)).toEqual(['event latching']);
  });
});
