/** A CPU of a Linux guest: its per-CPU variables that others touch, and the cache lines they are in. */
export interface LinuxCpu {
  /** Where it is: its physical APIC ID, its logical one, and the package that shares its last-level cache. */
  apicId: number;
  logicalId: number;
  node: number;

  /** `call_single_queue`: what to run, three numbers each: a {@link csdTag}, a function, and what it is told. */
  queue: number[];
  queueLine: number;
  /** What `flush_smp_call_function_queue` has taken off the queue and not run yet. */
  batch: number[];
  /** CSD_FLAG_LOCK of the csd on the stack of `smp_call_function_single`, and of the per-CPU one for calls that do not wait. */
  stackLocked: number;
  stackLine: number;
  dataLocked: number;
  dataLine: number;
  /** `cfd_data`: the mask of `smp_call_function_many`, its csds by target (empty if this CPU never calls many), and the first of their lines. */
  mask: number[];
  ipiMask: number[];
  cfdLocked: number[];
  cfdLine: number;
  /** Notified when one of its csds is unlocked. */
  csdChannel: number;
  /** The line of what a called function writes to: the caller's variable. */
  infoLine: number;

  /** Flags of the idle task, in one line: TIF_POLLING_NRFLAG and TIF_NEED_RESCHED. */
  polling: number;
  needResched: number;
  idleLine: number;
  /** 1 while the idle task runs, interrupts on it included. */
  inIdle: number;
  /** Notified when `needResched` is set. */
  channel: number;

  /** The one task that it has: 1 while it sleeps or means to; 1 while it is on the run queue; 1 while its wake-up is left to this CPU. */
  sleeping: number;
  queued: number;
  wakePending: number;
  taskLine: number;
  runQueueLine: number;
  /** Messages for the task, or answers to it; who asked last; and their line. */
  inbox: number;
  request: number;
  inboxLine: number;
  /** The CPUs that its workload sends to. */
  targets: number[];

  /** Governor haltpoll: its window in cycles, the last state (0 poll, 1 halt), whether that poll ran out, and its timer. */
  pollLimit: number;
  lastState: number;
  pollExpired: number;
  pollTimer: number;

  /** When its task's sleep ends, and when the next tick is due; 0 if it does not sleep until a time, or the tick is stopped. */
  wakeAt: number;
  tickAt: number;

  /** `cpu_tlbstate`: generation of its TLB, whether it is lazy, and the line that says so. */
  tlbGeneration: number;
  lazyTlb: number;
  tlbLine: number;

  /** Its generator of random numbers. */
  random: number[];
}

/** A Linux guest: what all of its CPUs share, and the choices that were made when it booted. */
export interface LinuxGuest {
  /** Number of its first virtual CPU in the machine; the others follow. */
  firstVcpu: number;
  cpus: LinuxCpu[];
  /** {@link GuestIdle}. */
  idle: number;
  /** {@link PvIpi}; 1 if shootdowns leave out virtual CPUs that do not run. */
  pvIpi: number;
  pvTlbFlush: number;
  /** 1 if callers lend their processor to a target that does not run. */
  pvSchedYield: number;
  /** Facts of its kernel, each 0 or 1. */
  pollingIdleRunsCalls: number;
  synchronousFirst: number;
  broadcastShorthand: number;
  lazyTlbSkipped: number;
  tickOnIrqExit: number;
  /** How many calls through pointers are on the way to the local APIC's driver: those of `smp_ops` and, before its static calls, of the driver. */
  driverPointers: number;
  /** 1 if it was built with retpolines, and uses them; 1 if its switches, too, are jumps through them. */
  retpolines: number;
  jumpTables: number;
  /** `guest_halt_poll_ns`, `_grow`, `_grow_start`, `_shrink`; times in cycles. */
  haltPollMax: number;
  haltPollGrow: number;
  haltPollGrowStart: number;
  haltPollShrink: number;
  /** From one tick of a CPU to the next, in cycles; 0 if there is none. */
  tickPeriod: number;
  /** A spin lock, first come, first served: the next ticket and the one that is served. */
  lockNext: number;
  lockServing: number;
  lockLine: number;
  lockChannel: number;
  /** `mm->context.tlb_gen` of the program that runs, and the line of it. */
  tlbGeneration: number;
  mmLine: number;
  /** The iteration that `ipi-ping-pong` is at. */
  round: number;
  /** 1 if a shootdown frees page tables: lazy TLBs must be flushed, too. */
  freedTables: number;
}

/** What an idle CPU does: `default_idle`, `idle=poll`, `mwait_idle`, or cpuidle with the governor haltpoll. */
export const GuestIdle = { hlt: 0, poll: 1, mwait: 2, haltpoll: 3 } as const;

/** Which hypervisor's call it sends IPIs to many with. */
export const PvIpi = { none: 0, kvm: 1, hyperv: 2 } as const;

/** Which csd of the caller an entry of the queue is. */
export const CsdSlot = { stack: 0, data: 1, cfd: 2 } as const;

/** An entry of the queue: whose csd, which, and whether the caller waits (CSD_TYPE_SYNC). */
export function csdTag(caller: number, slot: number, wait: number): number {
  return caller * 8 + wait * 4 + slot;
}

/** 1 if the caller of an entry waits. */
export function tagWaits(tag: number): boolean {
  return (tag & 4) !== 0;
}
