import { describe, expect, test } from 'vitest';
import { createMachine } from '../../../src/scenarios/machine.js';
import { runScenario } from '../../../src/scenarios/run.js';
import type { ScenarioInput } from '../../../src/scenarios/schema.js';

const iterations = 20;

function run(workload: object, features: object = {}, more: Partial<ScenarioInput> = {}) {
  const [variant] = runScenario({
    topology: { coresPerSocket: 3 },
    vms: [{ pinning: [0, 1], features }],
    ...more,
    workload: { iterations, warmup: 5, ...workload } as ScenarioInput['workload'],
  }).variants;
  if (variant === undefined) throw new Error('no variant');
  const exits: Record<string, number> = {};
  for (const { reason, count } of variant.exits) {
    const each = Math.round(count / iterations);
    expect(Math.abs(count - each * iterations)).toBeLessThanOrEqual(1);
    if (each > 0) exits[reason] = each;
  }
  return { exits, mean: variant.latencyCycles.mean, interrupts: variant.interrupts };
}

const device = (path: string, targetIdle: string, more: object = {}) => ({
  kind: 'device-interrupt',
  path,
  targetIdle,
  processor: 2,
  ...more,
});

// Exits per interrupt; the host takes it on another processor.
const golden: readonly [string, object, object, object][] = [
  ['a message, the guest running', device('msi', 'loop'), {}, {}],
  // Kicked to have it injected; and the EOI.
  ['a message, without APICv', device('msi', 'loop'), { EXTERNAL_INTERRUPT: 1, MSR_WRITE: 1 }, { apicv: false }],
  ['a message, the guest halted', device('msi', 'hlt'), { HLT: 1 }, {}],
  // On the guest's own processor the device's interrupt makes it exit.
  ['a message to its own processor', device('msi', 'loop', { processor: 0 }), { EXTERNAL_INTERRUPT: 1 }, {}],
  // Nobody of the host is involved.
  ['a posted message, the guest running', device('posted-msi', 'loop'), {}, {}],
  ['a posted message, the guest halted', device('posted-msi', 'hlt'), { HLT: 1 }, {}],
  // KVM has to see the EOI of a level-triggered interrupt: the EOI-exit bitmap says so.
  ['a line', device('ioapic-level', 'loop'), { EOI_INDUCED: 1 }, {}],
  ['a line, without APICv', device('ioapic-level', 'loop'), { EXTERNAL_INTERRUPT: 1, MSR_WRITE: 1 }, { apicv: false }],
  ['a line, the guest halted', device('ioapic-level', 'hlt'), { HLT: 1, EOI_INDUCED: 1 }, {}],
  // Two NMIs do not fit: the sender waits for each. The ICR's write exits, because IPI virtualization takes fixed IPIs only.
  ['NMIs to a running virtual CPU', { kind: 'nmi' }, { APIC_WRITE: 1, EXTERNAL_INTERRUPT: 1 }, {}],
  ['NMIs to a halted one', { kind: 'nmi', targetIdle: 'hlt' }, { APIC_WRITE: 1, HLT: 1 }, {}],
  ['NMIs without APICv', { kind: 'nmi' }, { MSR_WRITE: 1, EXTERNAL_INTERRUPT: 1 }, { apicv: false }],
  // INIT, its de-assert, two SIPIs; INIT finds the processor running from before.
  ['bring-up', { kind: 'bring-up' }, { APIC_WRITE: 4, EXTERNAL_INTERRUPT: 1 }, {}],
  ['bring-up without APICv', { kind: 'bring-up' }, { MSR_WRITE: 4, EXTERNAL_INTERRUPT: 1 }, { apicv: false }],
];

test.each(golden)('exits: %s', (_name, workload, exits, features) => {
  expect(run(workload, features).exits).toEqual(exits);
});

describe("a device's interrupt", () => {
  test('posted by the IOMMU is faster than through the host, and that than a line', () => {
    const posted = run(device('posted-msi', 'loop')).mean;
    const message = run(device('msi', 'loop')).mean;
    const line = run(device('ioapic-level', 'loop')).mean;
    expect(posted).toBeLessThan(message);
    expect(message).toBeLessThan(line);
  });

  test.each(['msi', 'posted-msi'])('goes where its affinity says, attached while everyone sleeps: %s', (path) => {
    const machine = createMachine({
      topology: { coresPerSocket: 3 },
      host: { haltPollNs: 0 },
      vms: [{ pinning: [0, 1], features: { ipiVirtualization: false } }],
      workload: {
        kind: 'device-interrupt',
        path: path as 'msi',
        processor: 2,
        attachNs: 50_000,
        affinityNs: 400_000,
        intervalNs: 150_000,
        iterations: 40,
        warmup: 0,
      },
    });
    const recording: number[] = [];
    expect(machine.run({ time: 400_000_000 })).toBe('quiescent');
    expect(machine.counters.iterations).toHaveLength(40);
    for (const vcpu of (machine.snapshot() as { vcpus: { page: { irr: number[] } }[] }).vcpus) {
      recording.push(vcpu.page.irr.filter((word) => word !== 0).length);
    }
    // Nothing is left pending on either.
    expect(recording).toEqual([0, 0]);
  });

  test('what does not fit is refused', () => {
    expect(() => run(device('posted-msi', 'loop'), { apicv: false })).toThrow('workload.path');
    expect(() => run(device('msi', 'loop', { processor: 3 }))).toThrow('workload.processor');
    expect(() => run(device('msi', 'loop', { to: 2 }))).toThrow('workload.to');
    expect(() => run({ kind: 'bring-up', from: 1, to: 0 })).toThrow('bootstrap');
    expect(() => run({ kind: 'nmi', to: 0 })).toThrow('workload.to');
  });
});

test('on an AMD host the EOI of a level-triggered interrupt is left to software', () => {
  const amd: Partial<ScenarioInput> = { profile: 'epyc', vms: [{ pinning: [0, 1], features: { avic: true } }] };
  expect(run(device('ioapic-level', 'loop'), {}, amd).exits).toEqual({ AVIC_UNACCELERATED_ACCESS: 1 });
  expect(run(device('msi', 'loop'), {}, amd).exits).toEqual({});
});
