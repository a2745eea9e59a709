import { describe, expect, test } from 'vitest';
import { vmexitTestNames } from '../../src/guest/vmexit.js';
import { kernelVersions } from '../../src/kvm/kernels.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from './run-machine.js';

// Every guest program on every way of delivery, with the invariants looked at after each stage, and every wait after each event.

const ways = [
  { name: 'without APICv', features: { apicv: false } },
  { name: 'with APICv', features: { ipiVirtualization: false } },
  { name: 'with IPI virtualization', features: {} },
] as const;

function finish(input: ScenarioInput): void {
  const { run, scenario, stages } = checkedRun(input);
  run.run({ time: 1e8 });
  expect(run.state.observers.iterations).toHaveLength(Number(scenario.workload.iterations));
  expect(stages()).toBeGreaterThan(0);
}

describe.each(ways)('$name', ({ features }) => {
  for (const apicMode of ['xapic', 'x2apic'] as const) {
    for (const targetIdle of ['loop', 'hlt'] as const) {
      // Some use a register that xAPIC mode does not have.
      const names = vmexitTestNames.filter((name) => apicMode === 'x2apic' || !name.startsWith('x2apic_'));
      test.each(names)(`${apicMode}, target in ${targetIdle}: %s`, (name) => {
        finish({
          host: { kernel: '6.12' },
          vms: [{ apicMode, features }],
          workload: { kind: 'vmexit', test: name, targetIdle, iterations: 10, warmup: 2 },
          jitter: 0.3,
        });
      });
    }
  }
});

describe('a target that sleeps', () => {
  // Without halt polling every HLT goes all the way through the scheduler.
  for (const idle of ['hlt', 'mwait'] as const) {
    test.each(ways)(`is woken on a processor that idles in ${idle}, $name`, ({ features }) => {
      finish({
        host: { kernel: '6.12', haltPollNs: 0, idle },
        vms: [{ features }],
        workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 10, warmup: 2 },
        jitter: 0.3,
      });
    });
  }

  test.each(ways)('is woken where other virtual CPUs want its processor, $name', ({ features }) => {
    finish({
      host: { kernel: '6.12', haltPollNs: 0, sliceNs: 20_000 },
      topology: { coresPerSocket: 3 },
      vms: [
        { features, pinning: 'float' },
        { vcpus: 3, features, pinning: 'float' },
      ],
      workload: { kind: 'vmexit', test: 'ipi', targetIdle: 'hlt', iterations: 30, warmup: 2 },
      jitter: 0.3,
    });
  });
});

test.each(kernelVersions)('Linux %s runs what it has', (kernel) => {
  finish({ host: { kernel }, workload: { kind: 'vmexit', test: 'ipi', targetIdle: 'hlt', iterations: 10, warmup: 2 } });
});
