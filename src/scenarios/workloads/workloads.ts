import { timers } from './timers.js';
import { vmexit } from './vmexit.js';
import type { WorkloadKind, WorkloadSchema } from './workload.js';

/** The workloads by kind. To add one: a file with its schema and its programs, and a line here. */
export const workloads = {
  timers,
  vmexit,
} as const;

/** The kind of that name, for a workload that its schema has accepted. */
export function workloadOf(kind: keyof typeof workloads): WorkloadKind<WorkloadSchema> {
  return workloads[kind] as unknown as WorkloadKind<WorkloadSchema>;
}
