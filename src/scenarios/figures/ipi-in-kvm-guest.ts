import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

type Assumed = NonNullable<ScenarioInput['assumed']>;

const source = 'article on IPIs in KVM guests (Tencent Cloud developers, in Chinese): totals of 100,000 calls';
const setup =
  'Xeon Gold 6148, 2.4 GHz, 2 sockets, 80 threads; CentOS guest with 72 vCPUs; a kernel module that calls smp_call_function_*';

const assumed: Assumed = [
  { path: 'host.kernel', value: '4.19', why: 'not stated; before the fastpaths, as the cost of a call says' },
  { path: 'vms[0].guestKernel', value: '3.10', why: 'CentOS, version not stated; CPUs that poll are sent IPIs' },
  { path: 'vms[0].apicMode', value: 'x2apic', why: 'not stated; IPIs show as MSR_WRITE exits' },
  {
    path: 'vms[0].logicalMode',
    value: 'physical',
    why: 'not stated; without interrupt remapping a guest has one ICR write for each target',
  },
  {
    path: 'vms[0].pinning',
    value: '0-35, 40-75',
    why: 'not stated; 36 vCPUs on each socket, two on a core',
  },
  { path: 'workload.wait', value: true, why: 'not stated; the totals are those of calls that wait' },
  { path: 'host.mitigations', value: {}, why: 'not stated; they are in the exit of all figures of this machine' },
  { path: 'jitter', value: 0.1, why: 'the spread of single steps is not published' },
];

type Target = 'same-node' | 'cross-node' | 'all';

function scenario(to: Target, guestIdle: 'hlt' | 'poll', haltPollNs: number, more: Assumed): ScenarioInput {
  const sizes = to === 'all' ? { iterations: 10, warmup: 30 } : { iterations: 300, warmup: 64 };
  return {
    profile: 'skylake-sp',
    topology: { sockets: 2, coresPerSocket: 20, threadsPerCore: 2 },
    host: { kernel: '4.19', haltPollNs },
    vms: [
      {
        vcpus: 72,
        apicMode: 'x2apic',
        logicalMode: 'physical',
        guestKernel: '3.10',
        guestIdle,
        pinning: Array.from({ length: 72 }, (_, vcpu) => (vcpu < 36 ? vcpu : vcpu + 4)),
      },
    ],
    workload: { kind: 'smp-call-function', from: 0, to, wait: true, ...sizes },
    assumed: [...assumed, ...more],
    jitter: 0.1,
  };
}

const columns = [
  { name: 'same', to: 'same-node', tolerancePct: 4 },
  { name: 'cross', to: 'cross-node', tolerancePct: 4 },
  { name: 'all', to: 'all', tolerancePct: 10 },
] as const;

const noPolling: Assumed[number] = {
  path: 'host.haltPollNs',
  value: 0,
  why: 'a default that polls keeps a target awake that is called again and again, and would equal the rows of 2 ms',
};

const derived: Readonly<Record<string, string[]>> = {
  default_cross: ['derived_ipi_in_guest_default_minus_poll_cross'],
  default_all: ['derived_ipi_in_guest_default_per_target_broadcast'],
  idle_poll_cross: ['derived_ipi_in_guest_crossminus_same_idle_poll'],
  idle_poll_all: ['derived_ipi_in_guest_idle_poll_per_target_broadcast'],
  halt_poll_2ms_same: ['derived_ipi_in_guest_haltpoll_minus_poll_same'],
  halt_poll_2ms_cross: ['derived_ipi_in_guest_haltpoll_minus_poll_cross'],
  halt_poll_2ms_all: ['derived_ipi_in_guest_halt_poll_2ms_per_target_broadcast'],
};

const rows = [
  {
    name: 'idle-poll',
    key: 'idle_poll',
    idle: 'poll',
    window: 200_000,
    published: [177_809_074, 243_261_198, 8_457_203_324],
    more: [],
  },
  {
    name: 'halt-poll-2ms',
    key: 'halt_poll_2ms',
    idle: 'hlt',
    window: 2_000_000,
    published: [185_949_471, 283_615_009, 12_530_570_738],
    more: [],
  },
  {
    name: 'default',
    key: 'default',
    idle: 'hlt',
    window: 0,
    published: [230_063_725, 665_893_155, 15_601_355_147],
    more: [noPolling],
  },
] as const;

/**
 * The nine totals of the study of IPIs in a guest of 72 virtual CPUs, for a call. What the default of halt polling was on that host is not stated and decides the last
 * row, which nothing is fitted to.
 */
export const ipiInKvmGuest: readonly PublishedFigure[] = rows.flatMap(({ name, key, idle, window, published, more }) =>
  columns.map((column, index): PublishedFigure => {
    const cell = `${key}_${column.name}`;
    return {
      id: `guest-ipi-${name}-${column.name}`,
      covers: [`ipi_in_guest_${cell}`, ...(derived[cell] ?? [])],
      source,
      setup,
      family: `ipi in kvm guest, ${column.name === 'all' ? 'all' : 'one'}`,
      published: (published[index] as number) / 100_000,
      n: 100_000,
      unit: 'ns',
      metric: 'latencyNs.mean',
      scenario: scenario(column.to, idle, window, [...more]),
      tolerancePct: column.tolerancePct,
      fitted: name !== 'default',
      ...(name === 'default'
        ? {
            alternatives: [
              {
                name: '200 us of halt polling, 1 ms between calls',
                set: { 'host.haltPollNs': 200_000, 'workload.thinkNs': 1_000_000, 'workload.iterations': 40 },
              },
              { name: '200 us of halt polling, back to back', set: { 'host.haltPollNs': 200_000 } },
            ],
          }
        : {}),
    };
  }),
);
