import { describe, expect, test } from 'vitest';
import { ExitReason } from '../../src/arch/exit-reason.js';
import { AddressMode, initApicLdr } from '../../src/guest/logical-mode.js';
import { startGuest } from '../../src/kvm/create-vm.js';
import { LogicalMode, vcpuOf } from '../../src/kvm/machine.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { build, run } from './lab.js';
import { checkedRun } from './run-machine.js';

const features = {
  off: { apicv: false },
  on: { apicv: true, ipiVirtualization: false },
  ipiv: { apicv: true, ipiVirtualization: true },
} as const;

function scenario(apicMode: 'xapic' | 'x2apic', logicalMode: 'flat' | 'cluster', column: keyof typeof features) {
  return {
    profile: { base: 'sapphire-rapids', set: { guestTestLoop: 60_000 } },
    vms: [{ apicMode, logicalMode, features: features[column] }],
    workload: { kind: 'vmexit', test: 'ipi', iterations: 20 },
  } satisfies ScenarioInput;
}

const models = [
  ['xapic', 'flat'],
  ['xapic', 'cluster'],
  ['x2apic', 'cluster'],
] as const;

describe.each(models)('a guest in %s mode that addresses by %s IDs', (apicMode, logicalMode) => {
  test.each(Object.keys(features) as (keyof typeof features)[])('reaches its target (%s)', (column) => {
    const { run: checked } = checkedRun(scenario(apicMode, logicalMode, column));
    checked.run();
    expect(checked.state.observers.iterations).toHaveLength(20);
  });

  test('exits for each IPI even with IPI virtualization, which does physical destinations only', () => {
    const exits = runScenario(scenario(apicMode, logicalMode, 'ipiv')).variants[0]?.exits;
    expect(exits?.map(({ reason, count }) => [reason, count])).toEqual([['APIC_WRITE', 20]]);
  });

  test('finds no fastpath: with APICv alone the exit is the same, and slow', () => {
    const cycles = (own: ScenarioInput) => runScenario(own).variants[0]?.latencyCycles.mean ?? 0;
    const logical = scenario(apicMode, logicalMode, 'on');
    const physical: ScenarioInput = { ...logical, vms: [{ apicMode, features: features.on }] };
    if (apicMode === 'x2apic') expect(cycles(logical)).toBeGreaterThan(cycles(physical));
    // xAPIC mode has no fastpath to lose.
    else expect(cycles(logical)).toBe(cycles(physical));
  });
});

test('writing DFR and LDR makes KVM rebuild its map', () => {
  const built = build({ vms: [{ apicMode: 'xapic' }] });
  const { machine } = built;
  machine.vcpus.forEach((vcpu, number) => {
    Object.assign(startGuest(machine, vcpuOf(machine, vcpu.id), initApicLdr), { number, mode: AddressMode.cluster });
  });
  const { exits } = run(built);
  expect(machine.vms[0]?.logicalMode).toBe(LogicalMode.cluster);
  expect(machine.vms[0]?.logicalMap.slice(0, 2)).toEqual([0, 1]);
  // Two trap-like exits each; whoever came first found the page not mapped yet.
  expect(exits[ExitReason.ApicWrite]).toBe(4);
});

test.each([
  [{ apicMode: 'x2apic', logicalMode: 'flat' }, 'vms[0].logicalMode: x2APIC mode has no flat model'],
  [
    { apicMode: 'xapic', logicalMode: 'flat', vcpus: 9 },
    'vms[0].logicalMode: 9 virtual CPUs, but xAPIC mode has 8 such IDs',
  ],
  [
    { apicMode: 'xapic', logicalMode: 'cluster', vcpus: 61 },
    'vms[0].logicalMode: 61 virtual CPUs, but xAPIC mode has 60 such IDs',
  ],
] as const)('what the modes do not have is refused: %j', (vm, reason) => {
  expect(() =>
    runScenario({ vms: [vm], topology: { coresPerSocket: 64 }, workload: { kind: 'vmexit', test: 'cpuid' } }),
  ).toThrow(reason);
});
