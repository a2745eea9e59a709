import { deviceInterrupt } from './device-interrupt.js';
import { ipiBench } from './ipi-bench.js';
import { ipiPingPong } from './ipi-ping-pong.js';
import { migration } from './migration.js';
import { mix } from './mix.js';
import { bringUp, nmi, smi } from './nmi-and-bring-up.js';
import { requestResponse } from './request-response.js';
import { smpCallFunction } from './smp-call-function.js';
import { timers } from './timers.js';
import { tlbShootdown } from './tlb-shootdown.js';
import { vmexit } from './vmexit.js';
import type { WorkloadKind, WorkloadSchema } from './workload.js';

/** The workloads by kind. To add one: a file with its schema and its programs, and a line here. */
export const workloads = {
  'bring-up': bringUp,
  'device-interrupt': deviceInterrupt,
  nmi,
  smi,
  timers,
  vmexit,
  'ipi-bench': ipiBench,
  'smp-call-function': smpCallFunction,
  'ipi-ping-pong': ipiPingPong,
  'request-response': requestResponse,
  'tlb-shootdown': tlbShootdown,
  mix,
  migration,
} as const;

/** The kind of that name, for a workload that its schema has accepted. */
export function workloadOf(kind: keyof typeof workloads): WorkloadKind<WorkloadSchema> {
  return workloads[kind] as unknown as WorkloadKind<WorkloadSchema>;
}
