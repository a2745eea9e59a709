import { notation } from '../engine/routine.js';
import type { HardwareMachine, LogicalProcessor } from '../hardware/machine.js';

/** Physical vectors of the host. Linux `arch/x86/include/asm/irq_vectors.h`. */
export const SystemVector = { localTimer: 0xec, callFunction: 0xfc, reschedule: 0xfd } as const;

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
  /** Whose it is: what that means is the business of the notifiers. */
  owner: number;
  /** Routines called when the task has been switched in and before it is switched out, by their first stage (saved by name); -1 for none. Linux `struct preempt_notifier`. */
  schedIn: number;
  schedOut: number;
}

/** The run queue of a processor, first in, first out. */
export interface RunQueue {
  /** Tasks that are ready and not running, in order. */
  queue: number[];
  /** The running task. */
  current: number;
  /** The task that runs when nothing else is ready. */
  idle: number;
  /** TIF_NEED_RESCHED of the running task. */
  needResched: number;
  /** 1 while the processor idles in a way that sees `needResched` change, so that it needs no interrupt (MWAIT). */
  polling: number;
  /** Notified when `needResched` is set. */
  channel: number;
  /** Its cache line. */
  line: number;
  /** The timer that ends the running task's slice, an index in `machine.timers`. */
  sliceTimer: number;
}

/** What of the scheduler a host can choose. */
export interface SchedulerOptions {
  /** How long a task runs while others are ready, in cycles. */
  sliceCycles: number;
  /** 1 if a task that wakes up takes the processor from the one that runs. */
  wakeupPreemption: number;
  /** 1 if idle processors wait with MWAIT, 0 for HLT. */
  mwaitIdle: number;
}

/** The machine as the host's scheduler knows it. */
export interface HostMachine extends HardwareMachine {
  tasks: Task[];
  /** By processor. */
  runQueues: RunQueue[];
  scheduler: SchedulerOptions;
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
