import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

// A Linux guest calls a function on some of its CPUs: what that takes in exits, with the ICR and with hypercalls.

function exits(features: object, more: object = {}, to: number[] = [2, 4, 6]): Record<string, number> {
  const input: ScenarioInput = {
    topology: { coresPerSocket: 8 },
    vms: [{ vcpus: 8, guestIdle: 'poll', guestKernel: '4.19', features, ...more }],
    workload: { kind: 'smp-call-function', from: 0, to, iterations: 10, warmup: 4 },
  };
  const rows = runScenario(input).variants[0]?.exits ?? [];
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count / 10]));
}

describe('a function call on three CPUs of a Linux guest', () => {
  test('is three writes of the ICR in physical mode, one in cluster mode, one hypercall with paravirtual IPIs', () => {
    expect(exits({ ipiVirtualization: false })).toEqual({ MSR_WRITE: 3 });
    expect(exits({ ipiVirtualization: false }, { logicalMode: 'cluster' })).toEqual({ MSR_WRITE: 1 });
    expect(exits({ ipiVirtualization: false, pvIpi: true })).toEqual({ VMCALL: 1 });
    expect(exits({ ipiVirtualization: false, hypervPvIpi: true })).toEqual({ VMCALL: 1 });
  });

  test('makes paravirtual IPIs a loss where the processor virtualizes IPIs', () => {
    expect(exits({ ipiVirtualization: true })).toEqual({});
    expect(exits({ ipiVirtualization: true, pvIpi: true })).toEqual({ VMCALL: 1 });
  });
});

describe('a function call on one CPU of a Linux guest', () => {
  test('is an ICR write, whatever KVM offers, where the driver has a way for one CPU', () => {
    const one = (vm: object, features: object) => exits({ ipiVirtualization: false, ...features }, vm, [3]);
    expect(one({}, { pvIpi: true })).toEqual({ MSR_WRITE: 1 });
    expect(one({ logicalMode: 'cluster' }, { pvIpi: true })).toEqual({ MSR_WRITE: 1 });
    expect(one({ apicMode: 'xapic' }, { pvIpi: true })).toEqual({ APIC_WRITE: 1 });
  });

  test('is a hypercall in the flat model, whose driver sends to a mask of one, and with the hypercalls of Hyper-V', () => {
    const flat = { apicMode: 'xapic', logicalMode: 'flat' };
    expect(exits({ ipiVirtualization: false }, flat, [3])).toEqual({ APIC_WRITE: 1 });
    expect(exits({ ipiVirtualization: false, pvIpi: true }, flat, [3])).toEqual({ VMCALL: 1 });
    expect(exits({ ipiVirtualization: false, hypervPvIpi: true }, {}, [3])).toEqual({ VMCALL: 1 });
  });
});
