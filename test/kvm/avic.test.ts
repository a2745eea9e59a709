import { describe, expect, test } from 'vitest';
import { createMachine } from '../../src/scenarios/machine.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

type Exits = Readonly<Record<string, number>>;
const iterations = 20;

function run(apicMode: 'xapic' | 'x2apic', avic: boolean, workload: object, more: Partial<ScenarioInput> = {}) {
  const [variant] = runScenario({
    profile: 'epyc',
    vms: [{ apicMode, features: { avic } }],
    ...more,
    workload: { kind: 'vmexit', iterations, warmup: 5, ...workload } as ScenarioInput['workload'],
  }).variants;
  if (variant === undefined) throw new Error('no variant');
  const exits: Record<string, number> = {};
  for (const { reason, count } of variant.exits) {
    const each = Math.round(count / iterations);
    expect(Math.abs(count - each * iterations)).toBeLessThanOrEqual(2);
    if (each > 0) exits[reason] = each;
  }
  return { exits, mean: variant.latencyCycles.mean };
}

const none: Exits = {};

// Exits per iteration on an AMD host: xAPIC and x2APIC without AVIC, either with it.
const golden: readonly [string, Exits, Exits, Exits][] = [
  // xAPIC: each access faults in the nested page table. The target is kicked, or has the window opened after its EOI.
  ['self_ipi_sti_nop', { NPF: 4, VINTR: 1 }, { MSR: 2, VINTR: 1 }, none],
  ['self_ipi_sti_hlt', { NPF: 4, HLT: 1, VINTR: 1 }, { MSR: 2, HLT: 1, VINTR: 1 }, { HLT: 1 }],
  // V_TPR takes MOV to CR8, but for the one that lets in what is pending: CR8 is intercepted for as long as something is held back.
  ['self_ipi_tpr', { NPF: 4, WRITE_CR8: 1 }, { MSR: 2, WRITE_CR8: 1 }, none],
  // The deadline is an MSR; off, the handler's EOI is the other exit.
  ['tscdeadline_immed', { MSR: 1, NPF: 1 }, { MSR: 2 }, { MSR: 1 }],
  ['cpuid', { CPUID: 1 }, { CPUID: 1 }, { CPUID: 1 }],
  ['vmcall', { VMMCALL: 1 }, { VMMCALL: 1 }, { VMMCALL: 1 }],
  ['mov_to_cr8', none, none, none],
  ['mov_from_cr8', none, none, none],
];

describe('exits per iteration on an AMD host', () => {
  test.each(golden)('%s', (name, xapic, x2apic, avic) => {
    expect(run('xapic', false, { test: name }).exits).toEqual(xapic);
    expect(run('x2apic', false, { test: name }).exits).toEqual(x2apic);
    expect(run('xapic', true, { test: name }).exits).toEqual(avic);
    expect(run('x2apic', true, { test: name }).exits).toEqual(avic);
  });

  test.each(['xapic', 'x2apic'] as const)('an IPI with AVIC takes no exit while the target runs (%s)', (apicMode) => {
    const without = run(apicMode, false, { test: 'ipi' });
    const avic = run(apicMode, true, { test: 'ipi' });
    expect(avic.exits).toEqual(none);
    expect(avic.mean).toBeLessThan(without.mean);
  });

  test.each(['xapic', 'x2apic'] as const)('to a target that sleeps it exits at the sender, once (%s)', (apicMode) => {
    const asleep = run(apicMode, true, { test: 'ipi_halt', targetIdle: 'hlt' }, { host: { haltPollNs: 0 } });
    expect(asleep.exits).toEqual({ AVIC_INCOMPLETE_IPI: 1, HLT: 1 });
    // A target that polls still counts as running: the doorbell finds nobody in the guest, and the poll sees IRR.
    expect(run(apicMode, true, { test: 'ipi_halt', targetIdle: 'hlt' }).exits).toEqual({ HLT: 1 });
  });

  test('without x2AVIC a guest in x2APIC mode still has its interrupts delivered by hardware', () => {
    const hybrid = createMachine({
      profile: 'epyc',
      vms: [{ apicMode: 'x2apic', features: { avic: true } }],
      workload: { kind: 'vmexit', test: 'ipi', iterations: 5 },
    });
    expect(hybrid.run({ stages: 50_000 })).toBe('quiescent');
    expect(hybrid.counters.iterations).toHaveLength(5);
  });

  test('a timer of the host is all that there is: no preemption timer', () => {
    const workload = { kind: 'timers', idle: 'loop', intervalNs: 100_000 };
    expect(run('x2apic', true, workload).exits).toEqual({ MSR: 1, INTR: 1 });
  });
});

describe('AVIC is refused', () => {
  const asked = (profile: string, kernel: '5.15' | '6.1', apicMode: 'xapic' | 'x2apic') => () =>
    createMachine({ profile, host: { kernel }, vms: [{ apicMode, features: { avic: true } }] });

  test('on an Intel host, and for x2APIC guests before x2AVIC', () => {
    expect(asked('sapphire-rapids', '6.1', 'x2apic')).toThrow('vms[0].features.avic');
    expect(asked('epyc', '5.15', 'x2apic')).toThrow('xAPIC mode only');
    expect(asked('epyc', '5.15', 'xapic')).not.toThrow();
  });

  test('and on an AMD host what Intel has', () => {
    expect(() => createMachine({ profile: 'epyc', vms: [{ features: { ipiVirtualization: true } }] })).toThrow(
      'features',
    );
    expect(() => createMachine({ profile: 'epyc', vms: [{ features: { apicv: true } }] })).toThrow('features');
  });
});

test.each(['hyperv', 'absent', 'blockIrq'] as const)('inhibited and allowed again while IPIs come: %s', (reason) => {
  const inhibits = [0, 1, 2, 3].map((n) => ({ reason, atNs: 20_000 + 40_000 * n, forNs: 15_000 }));
  for (const targetIdle of ['hlt', 'loop'] as const) {
    const machine = createMachine({
      profile: 'epyc',
      topology: { coresPerSocket: 3 },
      host: { haltPollNs: 0 },
      vms: [{ apicMode: 'x2apic', features: { avic: true }, apicvInhibits: inhibits }],
      workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle, iterations: 60, warmup: 0 },
      jitter: 0.3,
    });
    machine.run({ time: 20_000_000 });
    expect(machine.counters.iterations).toHaveLength(60);
  }
});
