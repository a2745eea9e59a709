import { describe, expect, test } from 'vitest';
import { runScenario } from '../../../src/scenarios/run.js';
import type { ScenarioInput } from '../../../src/scenarios/schema.js';

const iterations = 40;

interface Result {
  readonly mean: number;
  readonly spread: number;
  /** Exits by reason, per expiry; one at the edge of what is counted may be over or under. */
  readonly exits: Record<string, number>;
}

function run(workload: object, more: Partial<ScenarioInput> = {}): Result {
  const report = runScenario({
    vms: [{ vcpus: 1 }],
    ...more,
    workload: { kind: 'timers', iterations, warmup: 60, ...workload } as ScenarioInput['workload'],
  });
  const [variant] = report.variants;
  if (variant === undefined) throw new Error('no variant');
  const exits: Record<string, number> = {};
  for (const { reason, count } of variant.exits) {
    const each = Math.round(count / iterations);
    expect(Math.abs(count - each * iterations)).toBeLessThanOrEqual(1);
    if (each > 0) exits[reason] = each;
  }
  const { mean, min, max } = variant.latencyCycles;
  expect(min).toBeGreaterThanOrEqual(0);
  return { mean, spread: max - min, exits };
}

const off = { timerAdvance: false } as const;

// Exits per expiry. The advance changes when things happen, not what happens.
const golden: readonly [string, object, ScenarioInput['vms'], Result['exits']][] = [
  // In a loop: the write of the deadline, and the VMX-preemption timer.
  ['tscdeadline_latency in a loop', { idle: 'loop' }, [{ vcpus: 1 }], { MSR_WRITE: 1, PREEMPTION_TIMER: 1 }],
  // Halted, the timer is one of the host's: the expiry wakes the thread, and no exit says so.
  ['tscdeadline_latency halted', { idle: 'hlt' }, [{ vcpus: 1 }], { MSR_WRITE: 1, HLT: 1 }],
  // HLT passed through: the VMX-preemption timer counts in HLT, too.
  [
    'halted without an exit',
    { idle: 'hlt' },
    [{ vcpus: 1, disableExits: ['hlt'] }],
    { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
  ],
  // MWAIT passed through: the VMX-preemption timer may stop in a C-state, so the host's timer kicks the virtual CPU.
  [
    'in a loop, MWAIT passed through',
    { idle: 'loop' },
    [{ vcpus: 1, disableExits: ['mwait'] }],
    { MSR_WRITE: 1, EXTERNAL_INTERRUPT: 1 },
  ],
  ['cyclictest halted', { program: 'cyclictest' }, [{ vcpus: 1 }], { MSR_WRITE: 1, HLT: 1 }],
  [
    'a one-shot count, x2APIC',
    { program: 'one-shot', idle: 'loop' },
    [{ vcpus: 1 }],
    { MSR_WRITE: 1, PREEMPTION_TIMER: 1 },
  ],
  // The initial count is written to the virtual-APIC page: KVM is told after the write.
  [
    'a one-shot count, xAPIC',
    { program: 'one-shot', idle: 'loop' },
    [{ vcpus: 1, apicMode: 'xapic' }],
    { APIC_WRITE: 1, PREEMPTION_TIMER: 1 },
  ],
  // Nothing is written between two periods.
  [
    'a periodic count',
    { program: 'periodic', idle: 'loop', intervalNs: 250_000 },
    [{ vcpus: 1 }],
    { PREEMPTION_TIMER: 1 },
  ],
  [
    'a periodic count without the VMX-preemption timer',
    { program: 'periodic', idle: 'loop', intervalNs: 250_000 },
    [{ vcpus: 1, disableExits: ['mwait'] }],
    { EXTERNAL_INTERRUPT: 1 },
  ],
];

describe('exits per expiry', () => {
  for (const host of [{}, off]) {
    test.each(golden)(`%s (${host === off ? 'no advance' : 'advance'})`, (_name, workload, vms, exits) => {
      expect(run(workload, { vms, host }).exits).toEqual(exits);
    });
  }
});

describe('the advance of timers', () => {
  test('takes out of the latency what it waits for, and adapts until errors are below 100 cycles', () => {
    const without = run({ idle: 'loop' }, { host: off });
    const adaptive = run({ idle: 'loop' });
    expect(adaptive.mean).toBeLessThan(without.mean);
    // Right by now: one expiry is as late as the other.
    expect(adaptive.spread).toBeLessThan(100);
  });

  test('of a fixed time waits for the true deadline if it is too much', () => {
    const fixed = (timerAdvance: number) => run({ idle: 'loop' }, { host: { kernel: '5.19', timerAdvance } }).mean;
    expect(fixed(2000)).toBe(fixed(4000));
    expect(fixed(300)).toBeGreaterThan(fixed(2000));
  });

  test('waits early on an old kernel: what comes after the wait adds to the latency', () => {
    const at = (kernel: '4.19' | '5.4') =>
      run({ idle: 'loop' }, { host: { kernel, timerAdvance: 3000 }, vms: [{ vcpus: 1, features: { apicv: false } }] })
        .mean;
    expect(at('4.19')).toBeGreaterThan(at('5.4'));
  });

  test('does not reach the end of a count that the host runs', () => {
    const count = (host: object) =>
      run({ program: 'one-shot', idle: 'loop' }, { host, vms: [{ vcpus: 1, disableExits: ['mwait'] }] }).mean;
    expect(count({})).toBe(count(off));
  });

  test('is refused where the kernel has no such choice', () => {
    const refused = (host: object) => () => run({}, { host });
    expect(refused({ kernel: '4.19', timerAdvance: true })).toThrow('host.timerAdvance');
    expect(refused({ kernel: '6.12', timerAdvance: 1000 })).toThrow('host.timerAdvance');
  });
});

describe('on a host that isolates processors', () => {
  const isolated = (kernel: '5.15' | '5.19', disableExits: 'hlt'[] = []) =>
    run(
      { idle: 'loop' },
      {
        host: { kernel, housekeeping: 1 },
        vms: [{ vcpus: 1, pinning: [0], disableExits, features: { ipiVirtualization: false } }],
      },
    );

  test('the global condition posts the timer of every virtual CPU: no preemption timer, no fastpath, a net loss', () => {
    const before = isolated('5.15');
    const after = isolated('5.19');
    expect(before.exits).toEqual({ MSR_WRITE: 1 });
    // The condition per virtual CPU (5.18) gives the preemption timer back to those that exit at HLT anyway.
    expect(after.exits).toEqual({ MSR_WRITE: 1, PREEMPTION_TIMER: 1 });
    expect(before.mean).toBeGreaterThan(after.mean);
  });

  test('a virtual CPU that halts without an exit has its timer posted by either', () => {
    expect(isolated('5.15', ['hlt']).exits).toEqual({ MSR_WRITE: 1 });
    expect(isolated('5.19', ['hlt']).exits).toEqual({ MSR_WRITE: 1 });
  });
});

test('an interval that a count cannot have is refused', () => {
  expect(() => run({ program: 'one-shot', intervalNs: 1e10 })).toThrow('workload.intervalNs');
  expect(() => run({ on: 3 })).toThrow('workload.on');
});
