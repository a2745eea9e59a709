import { describe, expect, test } from 'vitest';
import { HostVector } from '../../src/kvm/machine.js';
import { createRun } from '../../src/scenarios/run.js';
import { parseScenario, type ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from './run-machine.js';

// Before 5.17 a virtual CPU's notifications become wake-ups before it blocks; since then when it is switched out.

const device = (kernel: '4.19' | '5.4' | '5.8' | '5.15' | '6.1', haltPollNs = 0): ScenarioInput => ({
  topology: { coresPerSocket: 2 },
  host: { kernel, haltPollNs },
  vms: [{ vcpus: 1, features: { ipiVirtualization: false } }],
  workload: { kind: 'device-interrupt', path: 'posted-msi', targetIdle: 'hlt', iterations: 10, warmup: 2 },
});

/** The stages of the processor's routines in order, and the vector of the descriptor at each. */
function vectors(input: ScenarioInput): [string, number][] {
  const seen: [string, number][] = [];
  const scenario = parseScenario(input);
  const run = createRun(scenario, scenario.seed, {
    plain: true,
    onStage: (_processor, { routine, name }) => {
      seen.push([`${routine.name}.${name}`, run.state.machine.memory.descriptors[0]?.nv ?? 0]);
    },
  });
  run.run({ time: 1e8 });
  return seen;
}

describe.each(['4.19', '5.4', '5.8', '5.15'] as const)('Linux %s', (kernel) => {
  test.each([0, 200_000])('loses nothing that a device posts (halt_poll_ns = %d)', (haltPollNs) => {
    const { run, stages } = checkedRun(device(kernel, haltPollNs));
    run.run({ time: 1e8 });
    expect(run.state.observers.iterations).toHaveLength(10);
    expect(stages()).toBeGreaterThan(0);
  });

  test('leaves the descriptor alone where nobody posts but the host: no wakeup vector, no list', () => {
    const { workload: _device, ...rest } = device(kernel);
    const seen = vectors({
      ...rest,
      vms: [{ vcpus: 2, features: { ipiVirtualization: false } }],
      workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 3 },
    });
    const names = new Set(seen.map(([name]) => name));
    expect(names).toContain('pi_pre_block.vmx_can_use_vtd_pi');
    expect(names).not.toContain('pi_pre_block.list_add_tail');
    expect(names).not.toContain('__pi_post_block.cmpxchg-nv');
    expect(new Set(seen.map(([, nv]) => nv))).not.toContain(HostVector.postedInterruptWakeup);
  });

  test('changes the vector before it blocks, and the put leaves the descriptor alone', () => {
    const seen = vectors(device(kernel));
    const at = (stage: string): number[] => seen.filter(([name]) => name === stage).map(([, nv]) => nv);
    expect(new Set(at('pi_pre_block.cmpxchg-nv'))).toEqual(new Set([HostVector.postedInterruptWakeup]));
    // It polls, or looks for the last time, with its wakeup vector already.
    expect(at('kvm_vcpu_halt.ktime_get')).toContain(HostVector.postedInterruptWakeup);
    expect(new Set(at('__pi_post_block.cmpxchg-nv'))).toEqual(new Set([HostVector.postedInterrupt]));
    expect(at('vmx_vcpu_pi_put.list_add')).toEqual([]);
  });
});

test('Linux 6.1 changes it with the put', () => {
  const seen = vectors(device('6.1'));
  const names = seen.map(([name]) => name);
  expect(names).toContain('vmx_vcpu_pi_put.cmpxchg-nv');
  expect(names).not.toContain('pi_pre_block.cmpxchg-nv');
  expect(seen.find(([name]) => name === 'kvm_vcpu_halt.ktime_get')?.[1]).toBe(HostVector.postedInterrupt);
});

test.each(['5.4', '5.15'] as const)('Linux %s: two sleep on one processor, and others want it', (kernel) => {
  const { run } = checkedRun({
    topology: { coresPerSocket: 2 },
    host: { kernel, haltPollNs: 0, sliceNs: 20_000, load: [{ count: 1, busyNs: 30_000, idleNs: 20_000 }] },
    vms: [
      { vcpus: 1, pinning: 'float', features: { ipiVirtualization: false } },
      { vcpus: 2, pinning: 'float', features: { ipiVirtualization: false } },
    ],
    workload: { kind: 'device-interrupt', path: 'posted-msi', targetIdle: 'hlt', iterations: 30, warmup: 2 },
    jitter: 0.3,
  });
  run.run({ time: 2e8 });
  expect(run.state.observers.iterations).toHaveLength(30);
});
