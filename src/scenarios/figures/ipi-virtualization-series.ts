import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

const source =
  'IPI virtualization series v1, cover letter (kvm list, 2021-07-16); the same table in v4 and v7: 20 runs of kvm-unit-tests vmexit, test ipi';
const setup =
  'Intel processor with IPI virtualization, model not stated, at base frequency; 2 vCPUs, the target in a busy loop; the x2APIC rows have the fastpath';
const family = 'ipi-virtualization series';

function scenario(apicMode: 'xapic' | 'x2apic', ipiVirtualization: boolean): ScenarioInput {
  return {
    profile: 'sapphire-rapids',
    host: { kernel: '5.19' },
    vms: [{ vcpus: 2, apicMode, pinning: [0, 1], features: { ipiVirtualization } }],
    workload: { kind: 'vmexit', test: 'ipi', targetIdle: 'loop', iterations: 200 },
    assumed: [
      {
        path: 'profile',
        value: 'sapphire-rapids',
        why: 'the processor is not named; the first server part with the feature, at 2 GHz',
      },
      {
        path: 'host.kernel',
        value: '5.19',
        why: 'the patches were on a kernel of 2021; 5.19 is the first here that has them',
      },
      { path: 'vms[0].pinning', value: [0, 1], why: 'placement is not stated; two cores of one socket' },
    ],
  };
}

/** The four means of the first series on IPI virtualization. */
export const ipiVirtualizationSeries: readonly PublishedFigure[] = [
  {
    id: 'ipiv-xapic',
    covers: ['ipiv_v1_xapic_no_ipiv'],
    published: 6059,
    min: 5866,
    max: 6244,
    stdev: 114.8,
    scenario: scenario('xapic', false),
  },
  {
    id: 'ipiv-xapic-ipiv',
    covers: ['ipiv_v1_xapic_ipiv', 'ipiv_v1_reduction_xapic', 'derived_ipiv_v1_diff_1'],
    published: 4713.1,
    min: 4530,
    max: 4994,
    stdev: 109.7,
    scenario: scenario('xapic', true),
  },
  {
    id: 'ipiv-x2apic',
    covers: ['ipiv_v1_x2apic_no_ipiv', 'derived_ipiv_v1_diff_3'],
    published: 4337.85,
    min: 4178,
    max: 4645,
    stdev: 131.1,
    scenario: scenario('x2apic', false),
  },
  {
    id: 'ipiv-x2apic-ipiv',
    covers: ['ipiv_v1_x2apic_ipiv', 'ipiv_v1_reduction_x2apic', 'derived_ipiv_v1_diff_0', 'derived_ipiv_v1_diff_2'],
    published: 3644.8,
    min: 3392,
    max: 3842,
    stdev: 125.8,
    scenario: scenario('x2apic', true),
  },
].map((figure) => ({
  ...figure,
  source,
  setup,
  family,
  unit: 'cycles',
  metric: 'latencyCycles.mean',
  n: 20,
  // A mean of 20 runs: their standard deviation, 2 to 3.5 percent, by the root of 20, and what a placement adds.
  tolerancePct: 1,
  fitted: true,
}));
