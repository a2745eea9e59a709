import type { ScenarioInput } from './schema.js';

/**
 * What halt polling is worth: four virtual CPUs that work, call each other and sleep, for random times. Its question is
 * answered by a sweep of `host.haltPollNs`: the latency of a call, against the processor time that is burnt.
 */
export const haltPollPreset = {
  name: 'halt-poll',
  title:
    'Calls between four vCPUs that are idle nine tenths of their time, by how long the host polls for a halted one',
  profile: 'skylake-sp',
  topology: { sockets: 1, coresPerSocket: 4, threadsPerCore: 1 },
  host: { kernel: '6.1', haltPollNs: 200_000 },
  vms: [{ vcpus: 4, apicMode: 'x2apic', pinning: [0, 1, 2, 3] }],
  workload: { kind: 'mix', idle: 0.9, workNs: 20_000, iterations: 1000 },
  seed: 1,
  jitter: 0.1,
} as const satisfies ScenarioInput;
