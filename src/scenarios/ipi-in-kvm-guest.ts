import type { ScenarioInput } from './schema.js';

const source = 'article on IPIs in KVM guests (Tencent Cloud developers, in Chinese): total of 100,000 calls';

type Variant = NonNullable<ScenarioInput['variants']>[number];

const targets = [
  ['one vCPU, same node', 'same-node'],
  ['one vCPU, other node', 'cross-node'],
  ['all 71 others', 'all'],
] as const;

/** A row of the study's table: one variant for each of its three columns, with the figures in nanoseconds for a call. */
function row(name: string, set: Record<string, unknown>, published: readonly [number, number, number]): Variant[] {
  return targets.map(([title, to], column) => ({
    name: `${name}: ${title}`,
    set: { 'workload.to': to, ...(to === 'all' ? { 'workload.iterations': 60, 'workload.warmup': 8 } : {}), ...set },
    published: [{ metric: 'latencyNs.mean', value: published[column] as number, source }],
  }));
}

const defaultRow = [2300.64, 6658.93, 156_013.55] as const;

/**
 * The study of IPIs in a VM of 72 virtual CPUs on a two-socket Skylake machine: function calls to one virtual CPU of the same NUMA node, to one of the
 * other, and to all, with what idle CPUs do by default, with `idle=poll` in the guest, and with `halt_poll_ns=2000000` on the host. What the
 * default was on that host is not stated, and decides its row: two alternatives.
 */
export const ipiInKvmGuestPreset = {
  name: 'ipi-in-kvm-guest',
  title:
    'Function calls between the 72 vCPUs of a guest on two sockets: to one on the same node, one on the other, all',
  profile: 'skylake-sp',
  topology: { sockets: 2, coresPerSocket: 20, threadsPerCore: 2 },
  host: { kernel: '4.19' },
  vms: [
    {
      vcpus: 72,
      apicMode: 'x2apic',
      logicalMode: 'physical',
      guestKernel: '3.10',
      guestIdle: 'hlt',
      pinning: Array.from({ length: 72 }, (_, vcpu) => (vcpu < 36 ? vcpu : vcpu + 4)),
    },
  ],
  workload: { kind: 'smp-call-function', from: 0, to: 'same-node', wait: true, iterations: 400 },
  assumed: [
    { path: 'host.kernel', value: '4.19', why: 'not stated; before the fastpaths, as the cost of a call says' },
    { path: 'vms[0].guestKernel', value: '3.10', why: 'CentOS, version not stated; CPUs that poll are sent IPIs' },
    {
      path: 'vms[0].apicMode',
      value: 'x2apic',
      why: 'not stated; IPIs show as MSR_WRITE exits',
    },
    {
      path: 'vms[0].logicalMode',
      value: 'physical',
      why: 'not stated; a guest without interrupt remapping uses it, and one ICR write for each target fits a broadcast of 84.6 microseconds, one for each cluster does not',
    },
    {
      path: 'vms[0].pinning',
      value: '0-35, 40-75',
      why: 'placement is not stated; 36 vCPUs on each socket, two on a core',
    },
    { path: 'workload.wait', value: true, why: 'not stated; the totals are those of calls that wait' },
    { path: 'host.mitigations', value: {}, why: 'not stated' },
    {
      path: 'host.haltPollNs',
      value: 0,
      why: 'rows "default, no halt polling": a default that polls keeps a target that is called again and again awake, and would equal the row of 2 ms',
    },
    {
      path: 'workload.thinkNs',
      value: 1_000_000,
      why: 'rows "default, 1 ms between calls": with the kernel\'s default of 200 microseconds, targets sleep only if calls are further apart than that',
    },
    {
      path: 'jitter',
      value: 0.2,
      why: 'not stated; it gives single calls a spread of 3 %, which runs of the IPI-virtualization series had',
    },
  ],
  seed: 1,
  jitter: 0.2,
  variants: [
    ...row('idle=poll', { 'vms[0].guestIdle': 'poll' }, [1778.09, 2432.61, 84_572.03]),
    ...row('halt_poll_ns=2000000', { 'host.haltPollNs': 2_000_000 }, [1859.49, 2836.15, 125_305.71]),
    ...row('default, no halt polling', { 'host.haltPollNs': 0 }, defaultRow),
    ...row('default, 1 ms between calls', { 'workload.thinkNs': 1_000_000, 'workload.iterations': 60 }, defaultRow),
  ],
} as const satisfies ScenarioInput;
