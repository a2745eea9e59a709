import process from 'node:process';
import { createRun } from '../../src/scenarios/run.js';
import { type MachineInput, parseMachine } from '../../src/scenarios/schema.js';

// Whole machines: how many interrupts a second the modelled paths carry, by processor time.

type Features = NonNullable<NonNullable<MachineInput['vms']>[number]['features']>;

function rate(test: 'ipi' | 'self_ipi_sti_nop', apicMode: 'xapic' | 'x2apic', features: Features) {
  const config = parseMachine({
    vms: [{ vcpus: 2, apicMode, features }],
    workload: { kind: 'vmexit', test, iterations: 10_000_000, warmup: 0 },
  });
  const run = createRun(config);
  run.run({ stages: 300_000 });
  const stages = run.stages;
  const { delivered } = run.state.observers;
  const used = process.cpuUsage();
  run.run({ stages: 4_000_000 });
  const { user, system } = process.cpuUsage(used);
  const interrupts = run.state.observers.delivered - delivered;
  return { stages: run.stages - stages, interrupts, seconds: (user + system) / 1e6 };
}

const rows: [string, Parameters<typeof rate>][] = [
  ['x2APIC, IPI virtualization', ['ipi', 'x2apic', { ipiVirtualization: true }]],
  ['x2APIC, fastpath', ['ipi', 'x2apic', { ipiVirtualization: false }]],
  ['x2APIC, ordinary exit', ['ipi', 'x2apic', { ipiVirtualization: false, icrFastpath: false }]],
  ['xAPIC, self-IPI', ['self_ipi_sti_nop', 'xapic', { ipiVirtualization: true }]],
];

console.log('2 virtual CPUs                 M stages/s   k interrupts/s   stages/interrupt');
for (const [name, args] of rows) {
  const { stages, interrupts, seconds } = rate(...args);
  console.log(
    name.padEnd(30),
    (stages / seconds / 1e6).toFixed(1).padStart(10),
    (interrupts / seconds / 1e3).toFixed(0).padStart(16),
    (stages / interrupts).toFixed(1).padStart(18),
  );
}
