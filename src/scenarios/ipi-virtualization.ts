import type { ScenarioInput } from './schema.js';

const source =
  'IPI virtualization series v1, cover letter (kvm list, 2021-07-16), the same table in v4 and v7: 20 runs of kvm-unit-tests vmexit, test ipi';

/**
 * The experiment of the first published IPI-virtualization series: kvm-unit-tests' `vmexit` test `ipi` between two virtual CPUs on
 * two cores, the target in a busy loop, in both APIC modes, without and with IPI virtualization.
 */
export const ipiVirtualizationPreset = {
  name: 'ipi-virtualization',
  title: 'kvm-unit-tests vmexit ipi: one IPI and its acknowledgement, two vCPUs on two cores, target running',
  profile: 'sapphire-rapids',
  topology: { sockets: 1, coresPerSocket: 2, threadsPerCore: 1 },
  host: { kernel: '5.19' },
  vms: [{ vcpus: 2, apicMode: 'x2apic', pinning: [0, 1], features: { ipiVirtualization: false } }],
  workload: { kind: 'vmexit', test: 'ipi', targetIdle: 'loop', from: 0, to: 1, iterations: 1000 },
  assumed: [
    {
      path: 'profile',
      value: 'sapphire-rapids',
      why: 'the processor is not named; the first server part with the feature',
    },
    {
      path: 'host.kernel',
      value: '5.19',
      why: 'the patches were on a kernel of 2021; 5.19 is the first here that has them',
    },
    { path: 'vms[0].pinning', value: [0, 1], why: 'placement is not stated; two cores of one socket' },
    { path: 'jitter', value: 0.2, why: 'the spread of single steps is not published; the means do not depend on it' },
  ],
  seed: 1,
  jitter: 0.2,
  runs: 20,
  variants: [
    {
      name: 'xAPIC',
      set: { 'vms[0].apicMode': 'xapic' },
      published: [{ metric: 'latencyCycles.mean', value: 6059, min: 5866, max: 6244, n: 20, source }],
    },
    {
      name: 'xAPIC, IPI virtualization',
      set: { 'vms[0].apicMode': 'xapic', 'vms[0].features.ipiVirtualization': true },
      published: [{ metric: 'latencyCycles.mean', value: 4713.1, min: 4530, max: 4994, n: 20, source }],
    },
    {
      name: 'x2APIC',
      set: {},
      published: [{ metric: 'latencyCycles.mean', value: 4337.85, min: 4178, max: 4645, n: 20, source }],
    },
    {
      name: 'x2APIC, IPI virtualization',
      set: { 'vms[0].features.ipiVirtualization': true },
      published: [{ metric: 'latencyCycles.mean', value: 3644.8, min: 3392, max: 3842, n: 20, source }],
    },
  ],
} as const satisfies ScenarioInput;
