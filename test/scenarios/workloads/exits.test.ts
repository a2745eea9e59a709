import { describe, expect, test } from 'vitest';
import type { VariantReport } from '../../../src/scenarios/report.js';
import { runScenario } from '../../../src/scenarios/run.js';
import type { MachineInput } from '../../../src/scenarios/schema.js';

// VM exits and interrupts per iteration, by workload and configuration: what Linux and KVM do, counted.

const iterations = 20;

type Vm = NonNullable<MachineInput['vms']>[number];
type Workload = NonNullable<MachineInput['workload']>;

function run(vm: Vm, workload: Workload, host: MachineInput['host'] = {}): VariantReport {
  const report = runScenario({
    topology: { coresPerSocket: 40 },
    host,
    vms: [vm],
    workload: { ...workload, iterations, warmup: 8 } as Workload,
  });
  return report.variants[0] as VariantReport;
}

/** Exits per iteration, rounded: one at the edge of what is counted may be over or under. */
function exits({ exits: rows }: VariantReport): Record<string, number> {
  return Object.fromEntries(
    rows
      .map(({ reason, count }) => [reason, Math.round(count / iterations)])
      .filter(([, each]) => (each as number) > 0),
  );
}

const slow = { features: { ipiVirtualization: false } } as const;
const old = '4.18';

describe('a broadcast to 35 running CPUs', () => {
  const broadcast = { kind: 'smp-call-function', to: 'all' } as const;
  const vm = { vcpus: 36, guestIdle: 'poll', guestKernel: old, ...slow } as const;

  test('physical: an ICR write for each', () => {
    expect(exits(run(vm, broadcast))).toEqual({ MSR_WRITE: 35 });
  });

  test('cluster: one for each cluster of 16', () => {
    expect(exits(run({ ...vm, logicalMode: 'cluster' }, broadcast))).toEqual({ MSR_WRITE: 3 });
  });

  test('with the shorthand of newer guests one, in either mode; IPI virtualization does not take it over', () => {
    expect(exits(run({ ...vm, guestKernel: '5.4' }, broadcast))).toEqual({ MSR_WRITE: 1 });
    expect(exits(run({ ...vm, guestKernel: '6.1', logicalMode: 'cluster' }, broadcast))).toEqual({ MSR_WRITE: 1 });
    // The write is done when it exits: trap-like.
    expect(exits(run({ ...vm, guestKernel: '6.1', features: {} }, broadcast))).toEqual({ APIC_WRITE: 1 });
  });

  test('with IPIs by hypercall one call for each 128, unless the shorthand is at hand', () => {
    const paravirtual = { ...vm, features: { ipiVirtualization: false, pvIpi: true } } as const;
    expect(exits(run({ ...paravirtual, guestKernel: '4.19' }, broadcast))).toEqual({ VMCALL: 1 });
    expect(exits(run({ ...paravirtual, guestKernel: '6.1' }, broadcast))).toEqual({ MSR_WRITE: 1 });
    expect(exits(run({ ...paravirtual, guestKernel: '6.1' }, { ...broadcast, to: [1, 2, 3] }))).toEqual({ VMCALL: 1 });
  });

  test('with IPI virtualization and a write for each none', () => {
    expect(exits(run({ ...vm, features: {} }, broadcast))).toEqual({});
  });

  test('in each way every CPU takes one interrupt', () => {
    for (const guestKernel of [old, '6.1'] as const) {
      for (const logicalMode of ['physical', 'cluster'] as const) {
        expect(run({ ...vm, guestKernel, logicalMode }, broadcast).interrupts.delivered).toBe(35 * iterations);
      }
    }
  });

  test('cluster is faster than physical by far', () => {
    const physical = run(vm, broadcast).latencyNs.mean;
    expect(run({ ...vm, logicalMode: 'cluster' }, broadcast).latencyNs.mean).toBeLessThan(physical / 1.5);
  });
});

test('xAPIC, flat: one ICR write for seven CPUs', () => {
  const vm = { vcpus: 8, apicMode: 'xapic', guestIdle: 'poll', guestKernel: old, ...slow } as const;
  const broadcast = { kind: 'smp-call-function', to: 'all' } as const;
  expect(exits(run({ ...vm, logicalMode: 'flat' }, broadcast))).toEqual({ APIC_WRITE: 1 });
  expect(exits(run(vm, broadcast))).toEqual({ APIC_WRITE: 7 });
});

describe('a call to one idle CPU', () => {
  // Long enough apart that the target is idle when it is called.
  const call = { kind: 'smp-call-function', thinkNs: 30_000 } as const;

  test('that halts: an exit there, and one to send', () => {
    expect(exits(run({ ...slow }, call))).toEqual({ HLT: 1, MSR_WRITE: 1 });
  });

  test('that polls: before 5.8 an interrupt, since then none', () => {
    const before = run({ guestIdle: 'poll', guestKernel: '5.4', ...slow }, call);
    expect(exits(before)).toEqual({ MSR_WRITE: 1 });
    expect(before.interrupts.delivered).toBe(iterations);
    const since = run({ guestIdle: 'poll', guestKernel: '5.8', ...slow }, call);
    expect(exits(since)).toEqual({});
    expect(since.interrupts.sent).toBe(0);
  });

  test('in MWAIT, passed through: the same, it monitors the flag', () => {
    const vm = { guestIdle: 'mwait' as const, disableExits: ['mwait' as const], ...slow };
    expect(exits(run({ ...vm, guestKernel: '5.4' }, call))).toEqual({ MSR_WRITE: 1 });
    expect(exits(run({ ...vm, guestKernel: '6.1' }, call))).toEqual({});
  });

  test('with its own halt polling: as one that polls, while the window lasts', () => {
    const vm = { guestIdle: 'haltpoll', ...slow } as const;
    expect(exits(run(vm, call))).toEqual({});
    // The host does not poll on top of it.
    expect(run(vm, { ...call, thinkNs: 2_000_000 }, { haltPollNs: 2_000_000 }).cpu.haltPoll).toBe(0);
    // Longer than the window ever is: it polls in vain, halts, and the window shrinks to nothing.
    expect(exits(run(vm, { ...call, thinkNs: 2_000_000 }))).toEqual({ HLT: 1, MSR_WRITE: 1 });
  });
});

describe('request-response', () => {
  const talk = { kind: 'request-response', serviceNs: 30_000, thinkNs: 30_000 } as const;

  test('halting: a wake-up each way is an interrupt each way', () => {
    const report = run({ ...slow }, talk);
    expect(exits(report)).toEqual({ HLT: 2, MSR_WRITE: 2 });
    expect(report.interrupts.delivered).toBe(2 * iterations);
  });

  test('polling: no interrupt at all, in any kernel: the scheduler has always known who polls', () => {
    for (const guestKernel of [old, '6.1'] as const) {
      const report = run({ guestIdle: 'poll', guestKernel, ...slow }, talk);
      expect(exits(report)).toEqual({});
      expect(report.interrupts.sent).toBe(0);
    }
  });
});

test('the rows of the IPI benchmark take an interrupt for each other CPU, or none', () => {
  const rows = { 'dry-run': 0, self: 0, normal: 1, broadcast: 3, 'broadcast-lock': 3 } as const;
  for (const [row, delivered] of Object.entries(rows)) {
    const report = run(
      { vcpus: 4, guestIdle: 'poll', guestKernel: old },
      { kind: 'ipi-bench', row: row as keyof typeof rows },
    );
    expect(report.interrupts.delivered, row).toBe(delivered * iterations);
  }
});

test('a mix sleeps by its timer: an exit to set it, and a halt, where it idles', () => {
  const { MSR_WRITE, HLT, PREEMPTION_TIMER } = exits(
    run({ ...slow }, { kind: 'mix', idle: 0.5, workNs: 100_000 }, { haltPollNs: 0 }),
  );
  expect(MSR_WRITE).toBeGreaterThanOrEqual(3);
  expect(HLT).toBeGreaterThanOrEqual(1);
  expect(PREEMPTION_TIMER).toBeUndefined();
});

test('idle=poll gains nothing on a guest that never idles', () => {
  const busy = { kind: 'mix', idle: 0, workNs: 5000 } as const;
  const halt = run({ vcpus: 4, guestKernel: old, ...slow }, busy);
  const poll = run({ vcpus: 4, guestKernel: old, guestIdle: 'poll', ...slow }, busy);
  expect(poll.latencyCycles).toEqual(halt.latencyCycles);
});
