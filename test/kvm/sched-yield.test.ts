import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/errors.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from './run-machine.js';

/** A caller with a processor of its own, and two targets that work on one. */
function crowded(pvSchedYield: boolean, guestKernel: '4.19' | '6.1' = '6.1'): ScenarioInput {
  return {
    topology: { coresPerSocket: 2 },
    vms: [{ vcpus: 3, pinning: [0, 1, 1], guestKernel, features: { pvSchedYield } }],
    workload: { kind: 'tlb-shootdown', to: 'all', targets: 'running', thinkNs: 10_000, iterations: 10, warmup: 2 },
  };
}

function measure(input: ScenarioInput) {
  const [variant] = runScenario(input, { breakdown: false }).variants;
  const calls = variant?.exits.find(({ reason }) => reason === 'VMCALL')?.count ?? 0;
  return { mean: variant?.latencyCycles.mean ?? 0, calls };
}

describe('a call to a target that has work and no processor', () => {
  test('makes the caller lend its processor, once for each call', () => {
    const without = measure(crowded(false));
    const with_ = measure(crowded(true));
    expect(without.calls).toBe(0);
    expect(with_.calls).toBeGreaterThan(0);
    // One hypercall at most for each call.
    expect(with_.calls).toBeLessThanOrEqual(10);
  });

  test('never breaks anything on the way', () => {
    const { run } = checkedRun(crowded(true));
    run.run({ stages: 20_000 });
    expect(run.stages).toBeGreaterThanOrEqual(10_000);
  });

  test('is refused where the guest\u2019s kernel does not do that', () => {
    expect(() => measure(crowded(true, '4.19'))).toThrow(InputError);
  });
});
