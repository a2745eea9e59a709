import type { ScenarioInput } from './schema.js';

const source =
  'commit 4180bf1b655a (KVM: X86: Implement "send IPI" hypercall), x2APIC cluster mode, before: 100,000 iterations';

const after = 'the same commit, after: the same guest with the hypercall';

const hypercall = { 'vms[0].features.pvIpi': true, 'vms[0].guestKernel': '4.19' } as const;

const broadcast = { 'workload.iterations': 60, 'workload.warmup': 8 } as const;

/**
 * The IPI benchmark of the Linux kernel mailing list as in the commit that brought IPIs by hypercall: 80 virtual CPUs on a two-socket Skylake machine, in x2APIC cluster
 * mode; beside it the broadcast in physical mode, and by the shorthand of newer guests.
 */
export const ipiBenchPreset = {
  name: 'ipi-bench',
  title: 'IPI benchmark (Yury Norov): 80 vCPUs on 80 threads of two sockets, x2APIC cluster mode',
  profile: 'skylake-sp',
  topology: { sockets: 2, coresPerSocket: 20, threadsPerCore: 2, tscGhz: 2.5, coreGhz: 2.5 },
  host: { kernel: '4.19' },
  vms: [
    {
      vcpus: 80,
      apicMode: 'x2apic',
      logicalMode: 'cluster',
      guestKernel: '4.18',
      guestIdle: 'hlt',
      pinning: Array.from({ length: 80 }, (_, vcpu) => vcpu),
    },
  ],
  workload: { kind: 'ipi-bench', row: 'normal', iterations: 400 },
  assumed: [
    { path: 'host.kernel', value: '4.19', why: 'the kernel that the commit went into' },
    { path: 'vms[0].guestKernel', value: '4.18', why: 'the kernel before it' },
    { path: 'vms[0].guestIdle', value: 'hlt', why: 'not stated: the default' },
    { path: 'vms[0].pinning', value: '0-79', why: 'placement is not stated; a thread for each vCPU' },
    { path: 'host.mitigations', value: {}, why: 'not stated' },
    { path: 'jitter', value: 0.1, why: 'the spread of single steps is not published' },
  ],
  seed: 1,
  jitter: 0.1,
  variants: [
    {
      name: 'dry-run',
      set: { 'workload.row': 'dry-run' },
      published: [{ metric: 'latencyNs.mean', value: 23.92, source }],
    },
    {
      name: 'self',
      set: { 'workload.row': 'self' },
      published: [
        { metric: 'oneWayNs.mean', value: 69.08, source },
        { metric: 'latencyNs.mean', value: 150.28, source },
      ],
    },
    {
      name: 'normal',
      set: {},
      published: [
        { metric: 'oneWayNs.mean', value: 2239.1, source },
        { metric: 'latencyNs.mean', value: 2513.01, source },
      ],
    },
    {
      name: 'broadcast',
      set: { 'workload.row': 'broadcast', ...broadcast },
      published: [{ metric: 'latencyNs.mean', value: 92_821.61, source }],
    },
    {
      name: 'broadcast-lock',
      set: { 'workload.row': 'broadcast-lock', ...broadcast },
      published: [{ metric: 'latencyNs.mean', value: 88_129.34, source }],
    },
    {
      name: 'broadcast, IPIs by hypercall',
      set: { 'workload.row': 'broadcast', ...hypercall, ...broadcast },
      published: [{ metric: 'latencyNs.mean', value: 75_722.94, source: after }],
    },
    {
      name: 'broadcast-lock, IPIs by hypercall',
      set: { 'workload.row': 'broadcast-lock', ...hypercall, ...broadcast },
      published: [{ metric: 'latencyNs.mean', value: 83_161.25, source: after }],
    },
    {
      name: 'broadcast, physical mode',
      set: { 'workload.row': 'broadcast', 'vms[0].logicalMode': 'physical', ...broadcast },
    },
    {
      name: 'broadcast, shorthand (5.4)',
      set: { 'workload.row': 'broadcast', 'vms[0].guestKernel': '5.4', ...broadcast },
    },
  ],
} as const satisfies ScenarioInput;
