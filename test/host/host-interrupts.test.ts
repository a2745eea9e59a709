import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/errors.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from '../kvm/run-machine.js';

type Sources = NonNullable<NonNullable<ScenarioInput['host']>['interrupts']>;

const tscGhz = 2;

/** Exits in a hundred thousand cycles or so of a guest that spins, but for the CPUIDs that it measures. */
function exitsOf(interrupts: Sources, profile: 'sapphire-rapids' | 'epyc' = 'sapphire-rapids') {
  const [variant] = runScenario(
    {
      profile: { base: profile, set: { guestTestLoop: 1000 } },
      topology: { coresPerSocket: 2, tscGhz },
      host: { interrupts },
      vms: [{ vcpus: 1 }],
      workload: { kind: 'vmexit', test: 'mov_from_cr8', iterations: 1000, warmup: 10 },
    },
    { breakdown: false },
  ).variants;
  if (variant === undefined) throw new Error('nothing ran');
  const { exits, totalNs, latencyCycles, cpu } = variant;
  return {
    exits: Object.fromEntries(exits.map(({ reason, count }) => [reason, count])),
    totalNs,
    mean: latencyCycles.mean,
    cpu,
  };
}

describe('an interrupt of the host while a guest runs is an exit, by its rate', () => {
  test.each([
    ['device', 'EXTERNAL_INTERRUPT'],
    ['tick', 'EXTERNAL_INTERRUPT'],
    ['nmi', 'EXCEPTION_NMI'],
  ] as const)('%s', (what, reason) => {
    const { exits, totalNs } = exitsOf([{ what, perSecond: 100_000, processors: [0] }]);
    expect(Object.keys(exits)).toEqual([reason]);
    // One each ten microseconds; the first or last may be beyond the edge.
    expect(Math.abs((exits[reason] ?? 0) - totalNs / 10_000)).toBeLessThanOrEqual(1);
  });

  test('what they cost the guest is the exit and the handler', () => {
    const quiet = exitsOf([]);
    const short = exitsOf([{ what: 'device', perSecond: 50_000, handlerNs: 0, processors: [0] }]);
    const long = exitsOf([{ what: 'device', perSecond: 50_000, handlerNs: 2000, processors: [0] }]);
    expect(quiet.exits).toEqual({});
    expect(quiet.totalNs).toBeLessThan(short.totalNs);
    const count = long.exits['EXTERNAL_INTERRUPT'] ?? 0;
    expect(long.totalNs - short.totalNs).toBeGreaterThan((count - 2) * 2000);
  });

  test('on another processor they cost it nothing', () => {
    const there = exitsOf([{ what: 'nmi', perSecond: 100_000, processors: [1] }]);
    expect(there.exits).toEqual({});
    expect(there.mean).toBe(exitsOf([]).mean);
    // There, it was idle time that became the host's.
    expect(there.cpu.processors[1]?.host ?? 0).toBeGreaterThan(exitsOf([]).cpu.processors[1]?.host ?? 0);
  });
});

test('interrupts of the host at any time, in guests, handlers and idle loops, break nothing', () => {
  for (const [what, features] of [
    ['nmi', { ipiVirtualization: true }],
    ['device', { ipiVirtualization: true }],
    ['nmi', { apicv: false }],
    ['device', { apicv: false }],
    ['tick', { ipiVirtualization: false }],
  ] as const) {
    const { run, stages } = checkedRun({
      topology: { coresPerSocket: 2 },
      // Faster than most of what they interrupt.
      host: {
        haltPollNs: 2000,
        cStates: ['C1'],
        interrupts: [{ what, perSecond: 173_000, handlerNs: 300 }],
      },
      vms: [{ features }],
      workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 40, warmup: 0 },
      jitter: 0.3,
    });
    run.run({ time: 3_000_000 });
    expect(run.state.observers.iterations).toHaveLength(40);
    expect(stages()).toBeGreaterThan(1000);
  }
});

test('an external interrupt waits while the host has interrupts off, an NMI does not', () => {
  const from = (what: 'device' | 'nmi') => {
    const inside: string[] = [];
    const { run } = checkedRun({
      topology: { coresPerSocket: 2 },
      host: { interrupts: [{ what, perSecond: 910_000, handlerNs: 0, processors: [0] }] },
      vms: [{ vcpus: 1 }],
      workload: { kind: 'vmexit', test: 'cpuid', iterations: 200, warmup: 0 },
    });
    const { machine } = run.state;
    for (let time = 100; time < 400_000; time += 100) {
      run.run({ time });
      const [cpu] = machine.processors;
      const handler = machine.threads[cpu?.thread ?? -1]?.find((frame) => Object.hasOwn(frame.locals, 'masked'));
      if (cpu?.nonRoot === 0 && handler !== undefined) inside.push(String(handler.locals['masked']));
    }
    return new Set(inside);
  };
  // What the handler will restore: interrupts were on where a device's came, and could be off where an NMI did.
  expect([...from('device')]).toEqual(['0']);
  expect(from('nmi').has('1')).toBe(true);
});

test('what does not fit is said with its path', () => {
  const path = (interrupts: Sources) => {
    try {
      exitsOf(interrupts);
    } catch (error) {
      return error instanceof InputError ? error.path : '';
    }
    return '';
  };
  expect(path([{ what: 'nmi' }])).toBe('host.interrupts[0].perSecond');
  expect(path([{ what: 'device', perSecond: 1000, processors: [0, 7] }])).toBe('host.interrupts[0].processors[1]');
});
