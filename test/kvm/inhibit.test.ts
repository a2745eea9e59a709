import { describe, expect, test } from 'vitest';
import { ApicvInhibit } from '../../src/kvm/apicv.js';
import { kernelVersions } from '../../src/kvm/kernels.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from './run-machine.js';

const reasons = Object.keys(ApicvInhibit) as (keyof typeof ApicvInhibit)[];

describe('a reason against APICv that comes and goes while IPIs are sent', () => {
  for (const apicMode of ['xapic', 'x2apic'] as const) {
    for (const targetIdle of ['loop', 'hlt'] as const) {
      test.each(reasons)(`loses none (${apicMode}, ${targetIdle}): %s`, (reason) => {
        const input: ScenarioInput = {
          topology: { coresPerSocket: 3 },
          vms: [{ apicMode, apicvInhibits: [{ reason, atNs: 30_000, forNs: 60_000 }] }],
          workload: { kind: 'vmexit', test: 'ipi', targetIdle, iterations: 60, warmup: 0 },
        };
        const { run } = checkedRun(input);
        run.run();
        const { machine, observers } = run.state;
        expect(observers.iterations).toHaveLength(60);
        expect(machine.vms[0]?.apicvInhibits).toBe(0);
        // All three ways of delivery were in use; the last one is the hardware's again.
        expect(machine.vcpus.map(({ apicvActive }) => apicvActive)).toEqual([1, 1]);
        expect(Math.max(...observers.iterations)).toBeGreaterThan(1.5 * Math.min(...observers.iterations));
      });
    }
  }

  test.each(kernelVersions)('the page is unmapped meanwhile, where the kernel does that (%s)', (kernel) => {
    const { run } = checkedRun({
      host: { kernel },
      topology: { coresPerSocket: 3 },
      vms: [{ apicMode: 'xapic', apicvInhibits: [{ reason: 'hyperv', atNs: 20_000 }] }],
      workload: { kind: 'vmexit', test: 'self_ipi_sti_nop', iterations: 30 },
    });
    run.run();
    const hides = run.state.machine.vms[0]?.hidesApicPage;
    expect(run.state.machine.apicPageMapping[0]).toBe(hides === 1 ? 0 : 2);
  });
});
