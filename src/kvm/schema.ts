import type { ApicMode } from '../arch/apic-mode.js';
import type { Schema } from '../engine/schema.js';
import { cycles, flag, id, integer, list, record, register } from '../engine/schema-values.js';

const count = integer(0, 2 ** 31 - 1);
const safe = integer(0, Number.MAX_SAFE_INTEGER);

/** What a virtual CPU is to KVM, beside what it is to the processor. */
export const kvmVcpuFields = {
  vcpuId: count,
  task: id('tasks'),
  mode: integer(0, 2),
  requests: count,
  cpu: id('processors', -1),
  loaded: flag,
  preempted: flag,
  apicvActive: flag,
  mpState: integer(0, 3),
  waiter: flag,
  wakeupList: id('processors', -1),
  irrPending: flag,
  pendingEvents: integer(0, 3),
  sipiVector: integer(0, 255),
  pvUnhalted: flag,
  nmiQueued: count,
  nmiPending: count,
  injected: register,
  exception: register,
  signalPending: flag,
  stopped: flag,
  apicMode: integer(0, 2) as Schema<ApicMode>,
  haltPoll: cycles,
  pollControl: flag,
  pollTimer: id('timers', -1),
  lapicTimer: record({
    hrtimer: id('timers', -1),
    deadline: safe,
    period: safe,
    expires: safe,
    hvInUse: flag,
    pending: count,
    advance: cycles,
    expiredDeadline: safe,
  }),
  modeLine: count,
} as const;

/** A VM. */
export const kvmVm = record({
  vcpus: list(id('vcpus')),
  apicMap: list(id('vcpus', -1)),
  logicalMap: list(id('vcpus', -1)),
  logicalMode: integer(0, 4),
  ioapic: list(record({ low: register, destination: register, remoteIrr: flag, line: flag, resample: flag })),
  apicvInhibits: count,
  bypassCount: count,
  pidTableAddress: safe,
  maxVcpuIds: count,
  flexpriority: flag,
  tprShadow: flag,
  hidesApicPage: flag,
  icrReservedFaults: flag,
  apicv: flag,
  ipiVirtualization: flag,
  icrFastpath: flag,
  tscDeadlineFastpath: flag,
  preemptionTimerFastpath: flag,
  hltFastpath: flag,
  preemptionTimer: flag,
  postedTimer: integer(0, 2),
  timerProcessor: id('processors', -1),
  timerAdvance: integer(0, 2),
  timerAdvanceCycles: cycles,
  timerWaitEarly: flag,
  apicTick: safe,
  cyclesPerMicrosecond: safe,
  hltInGuest: flag,
  mwaitInGuest: flag,
  haltPollMax: cycles,
  haltPollGrow: safe,
  haltPollGrowStart: cycles,
  haltPollShrink: safe,
  haltPollFloor: integer(0, 2),
  haltPollPause: flag,
  haltPollStopsForResched: flag,
});

/** What the machine has for KVM. */
export const kvmFields = { wakeupLists: list(list(id('vcpus'))), mitigations: count } as const;
