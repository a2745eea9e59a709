import { notation } from '../engine/routine.js';
import type { HardwareMachine, LogicalProcessor } from '../hardware/machine.js';
import type { Topology } from './topology.js';

/** Physical vectors of the host. Linux `arch/x86/include/asm/irq_vectors.h`. */
export const SystemVector = {
  localTimer: 0xec,
  callFunctionSingle: 0xfb,
  callFunction: 0xfc,
  reschedule: 0xfd,
} as const;

/** `task->__state`. Linux `include/linux/sched.h`. */
export const TaskState = { running: 0, interruptible: 1 } as const;

/** A thread that the host schedules. */
export interface Task {
  id: number;
  /** Index in `machine.threads`. */
  thread: number;
  /** {@link TaskState}: `interruptible` from when it means to sleep until it is woken, even while it still runs. */
  state: number;
  /** 1 while it runs or is queued on a run queue. */
  onRunQueue: number;
  /** 1 while a processor executes it. */
  onCpu: number;
  /** The processor it runs on, is queued on or ran on last. */
  cpu: number;
  /** The processors it may run on; empty for all. */
  allowed: number[];
  /** Its share against others: 1024 for nice 0. */
  weight: number;
  /** How much it has run, in cycles weighted by its share; only differences on one queue mean something. */
  vruntime: number;
  /** EEVDF: when, in virtual time, its request is to be served; how far it was behind the others' mean when it left the queue. */
  deadline: number;
  vlag: number;
  /** 1 if an interrupt's way out may take the processor from it: it runs in user mode. */
  user: number;
  /** Whose it is: what that means is the business of the notifiers. */
  owner: number;
  /** Routines called when the task has been switched in and before it is switched out, by their first stage (saved by name); -1 for none. Linux `struct preempt_notifier`. */
  schedIn: number;
  schedOut: number;
}

/** What an idle processor remembers to guess how long it will be idle. */
export interface IdleHistory {
  /** The state it is in or was in last, and since when. */
  state: number;
  since: number;
  /** Governor `menu`: how long the last eight times were, and which is the oldest. */
  intervals: number[];
  next: number;
  /** Governor `menu`: by how much the last times were shorter than the time to the next timer, in 1024ths. */
  correction: number;
  /** Governor `teo`: by state, how often a wake-up came when that state would have been the right one, decaying. */
  bins: number[];
  /** Governor `haltpoll`: its polling window, and 1 if the last polling ended with it. */
  window: number;
  timedOut: number;
}

/** The run queue of a processor. */
export interface RunQueue {
  /** Tasks that are ready and not running, in the order in which they came. */
  queue: number[];
  /** The running task. */
  current: number;
  /** The task that runs when nothing else is ready. */
  idle: number;
  /** TIF_NEED_RESCHED of the running task. */
  needResched: number;
  /** 1 while the processor idles in a way that sees `needResched` change, so that it needs no interrupt (MWAIT). */
  polling: number;
  /** Least virtual runtime of its tasks, never going back. */
  minVruntime: number;
  /** Until when the running task's time has been charged, and since when its slice runs. */
  execStart: number;
  sliceStart: number;
  /** The task to prefer and the one to pass over at the next choice, -1 for none. Linux `cfs_rq->next`, `->skip`. */
  next: number;
  skip: number;
  /** Tasks that others have woken and this processor is to put on its queue, and the cache line of that list. */
  wakeList: number[];
  wakeLine: number;
  /** Notified when `needResched` is set. */
  channel: number;
  /** Its cache line. */
  line: number;
  /** The timer that ends the running task's slice, an index in `machine.timers`. */
  sliceTimer: number;
  /** The timer that ends polling in the idle loop. */
  idleTimer: number;
  history: IdleHistory;
}

/** Scheduling classes by kernel: completely fair until 6.5, earliest eligible virtual deadline first from 6.6. */
export const FairClass = { cfs: 0, eevdf: 1 } as const;

/** How an idle processor waits: HLT, MWAIT in the state a governor chooses, or a loop (`idle=poll`). */
export const IdleMode = { hlt: 0, mwait: 1, poll: 2 } as const;

/** What chooses the idle state. */
export const IdleGovernor = { menu: 0, teo: 1, haltpoll: 2 } as const;

/** When a waker leaves the work to the woken processor: only across caches, or also if that is idle (from 6.0). */
export const WakeList = { acrossCaches: 0, idleToo: 1 } as const;

/** What of the scheduler a host can choose. Times in cycles. */
export interface SchedulerOptions {
  /** {@link FairClass}. */
  fairClass: number;
  /** CFS: within this all that are ready run once, but none less than the granularity. Linux `sched_latency_ns`, `sched_min_granularity_ns`. */
  latency: number;
  minGranularity: number;
  /** CFS: by how much a woken task must be behind to take the processor. Linux `sched_wakeup_granularity_ns`. */
  wakeupGranularity: number;
  /** EEVDF: what a task asks for. Linux `sched_base_slice_ns`. */
  baseSlice: number;
  /** 0 if a task that wakes up never takes the processor from the one that runs. Linux feature `WAKEUP_PREEMPTION`. */
  wakeupPreemption: number;
  /** {@link IdleMode}, {@link IdleGovernor}, {@link WakeList}. */
  idleMode: number;
  governor: number;
  wakeList: number;
  /** What a governor takes for the longest time to the next timer: the period of the tick. */
  tick: number;
  /** How long governor `haltpoll` polls at most. Module parameter `guest_halt_poll_ns`. */
  idlePollMax: number;
}

/** The machine as the host's scheduler knows it. */
export interface HostMachine extends HardwareMachine {
  tasks: Task[];
  /** By processor. */
  runQueues: RunQueue[];
  scheduler: SchedulerOptions;
  topology: { -readonly [Part in keyof Topology]: Topology[Part] };
  /** Tasks that are ready and not running, on all queues. */
  ready: number;
}

/** The notation of this room's routines. */
export const host = notation<HostMachine, LogicalProcessor>();

/** The run queue of a processor. */
export function runQueueOf(machine: HostMachine, processor: number): RunQueue {
  return machine.runQueues[processor] as RunQueue;
}

/** The task that a processor runs. */
export function currentTask(machine: HostMachine, processor: number): Task {
  return machine.tasks[runQueueOf(machine, processor).current] as Task;
}

/** True if a task may run on a processor. */
export function mayRunOn({ allowed }: Task, processor: number): boolean {
  return allowed.length === 0 || allowed.includes(processor);
}

/** True if a processor has nothing to run. */
export function isIdle(machine: HostMachine, processor: number): boolean {
  const { current, idle, queue, wakeList } = runQueueOf(machine, processor);
  return current === idle && queue.length === 0 && wakeList.length === 0;
}
