import { type VmexitTest, vmexitTestNames, vmexitTests } from '../../guest/vmexit.js';
import type { Trace } from '../../observe/trace.js';
import { traceScenario } from '../../scenarios/run.js';
import type { ScenarioInput } from '../../scenarios/schema.js';
import { machine } from './cases.js';
import type { Arbitrary, Fc } from './fast-check.js';

/** @internal A scenario of a few iterations, as `runScenario` takes it. */
export function scenario(fc: Fc): Arbitrary<ScenarioInput> {
  return fc
    .record({
      of: machine(fc),
      test: fc.constantFrom(...vmexitTestNames),
      targetIdle: fc.constantFrom<'loop' | 'hlt'>('loop', 'hlt'),
      iterations: fc.integer({ min: 1, max: 5 }),
      seed: fc.integer({ min: 0, max: 0xffff }),
      jitter: fc.constantFrom(0, 0.2),
    })
    .map(({ of, test, targetIdle, iterations, seed, jitter }) => {
      const [vm = {}] = of.vms ?? [];
      const { usesTarget, needsX2apic }: VmexitTest = vmexitTests[test];
      const fits = (!usesTarget || (vm.vcpus ?? 2) > 1) && (needsX2apic !== true || vm.apicMode !== 'xapic');
      return {
        ...of,
        seed,
        jitter,
        workload: {
          kind: 'vmexit',
          test: fits ? test : 'self_ipi_sti_nop',
          targetIdle,
          iterations,
          warmup: 1,
        },
      };
    });
}

/** @internal What happened in an iteration of a scenario. */
export function trace(fc: Fc): Arbitrary<Trace> {
  return scenario(fc).map((input) => (traceScenario(input)[0] as { trace: Trace }).trace);
}
