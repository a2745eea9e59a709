import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

type Assumed = NonNullable<ScenarioInput['assumed']>;

const running: Assumed = [
  {
    path: 'vms[0].guestIdle',
    value: 'poll',
    why: 'not stated; a target that sleeps takes longer than these latencies leave',
  },
  {
    path: 'vms[0].guestKernel',
    value: '5.4',
    why: 'not stated; later ones send no IPI to a CPU that polls',
  },
  { path: 'jitter', value: 0.1, why: 'the spread of single steps is not published' },
];

function scenario(
  apicMode: 'xapic' | 'x2apic',
  tscGhz: number,
  kernel: '5.15' | '6.1',
  assumed: Assumed,
): ScenarioInput {
  return {
    profile: 'epyc',
    topology: { sockets: 1, coresPerSocket: 2, tscGhz, coreGhz: tscGhz },
    host: { kernel },
    vms: [
      {
        vcpus: 2,
        apicMode,
        logicalMode: apicMode === 'xapic' ? 'flat' : 'physical',
        guestIdle: 'poll',
        guestKernel: '5.4',
        features: { avic: true },
      },
    ],
    workload: { kind: 'smp-call-function', from: 0, to: 'same-node', wait: true, iterations: 300 },
    assumed: [...assumed, ...running],
    jitter: 0.1,
  };
}

const rome = {
  source: 'AVIC against PV IPIs (kvm list, 2021-10-21): ipi_bench, smp_call_function_single with wait, 100,000 calls',
  setup: 'EPYC 7642, AVIC on, xAPIC flat mode, two vCPUs of one node, without PV IPIs; 3217 and 2994 cycles',
  family: 'avic, zen 2',
  unit: 'ns',
  tolerancePct: 10,
  note: 'a Zen 2 processor on the profile of Zen 4: it counts with the tolerance of another generation',
  scenario: scenario('xapic', 2.3, '5.15', [
    {
      path: 'profile',
      value: 'epyc',
      why: 'a Zen 2 processor: the profile of that, epyc-rome, has its scale from this figure, and from nothing else',
    },
    { path: 'topology.tscGhz', value: 2.3, why: "not stated; the part's base clock" },
  ]),
} as const;
const alternatives = [{ name: 'on the profile of Zen 2', set: { profile: 'epyc-rome' } }];

const genoa = {
  source: 'commit 04c3024560d3 (x86/barrier: Do not serialize MSR accesses on AMD): ipi-bench, modified',
  setup: 'Zen 4, 96 cores, 2.5 GHz fixed, C-states off, same CCX, pinned',
  family: 'avic, zen 4',
  unit: 'ns',
  metric: 'latencyNs.mean',
  tolerancePct: 5,
  fitted: true,
} as const;

const call: Assumed = [
  {
    path: 'workload',
    value: 'smp-call-function',
    why: 'what the modified benchmark measures is not stated: a call that waits',
  },
  { path: 'host.kernel', value: '6.1', why: 'not stated; x2AVIC came with 6.0' },
];

/** IPIs on AMD processors with AVIC. */
export const avic: readonly PublishedFigure[] = [
  {
    ...rome,
    id: 'avic-call',
    alternatives,
    covers: ['avic_smpcall_single'],
    published: 3217 / 2.3,
    metric: 'latencyNs.mean',
    fitted: true,
  },
  {
    ...rome,
    id: 'avic-call-one-way',
    alternatives,
    covers: ['avic_smpcall_single'],
    published: 2994 / 2.3,
    metric: 'oneWayNs.mean',
    fitted: false,
  },
  {
    ...genoa,
    id: 'avic-zen4',
    covers: ['avic_x2avic_zen4'],
    published: 1124.98,
    scenario: scenario('xapic', 2.5, '6.1', call),
  },
  {
    ...genoa,
    id: 'x2avic-zen4',
    covers: ['avic_x2avic_zen4'],
    published: 1172.42,
    scenario: scenario('x2apic', 2.5, '6.1', call),
    note: 'with MFENCE and LFENCE before the write, as all kernels had it until then; without them 1117.44 ns',
  },
];
