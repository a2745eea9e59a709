import { FairClass, type HostMachine, type RunQueue, runQueueOf, type Task } from './machine.js';

/** Weight of nice 0. Linux `NICE_0_LOAD`. */
const niceZero = 1024;

/** The weight of a nice value, -20 to 19: each step is about a quarter. Linux `sched_prio_to_weight`. */
export function weightOf(nice: number): number {
  return Math.max(1, Math.round(niceZero / 1.25 ** nice));
}

/** Cycles as virtual time of a task. Linux `calc_delta_fair`. */
function virtual(cycles: number, { weight }: Task): number {
  return Math.round((cycles * niceZero) / weight);
}

function taskOf(machine: HostMachine, task: number): Task {
  return machine.tasks[task] as Task;
}

/** The tasks of a queue that count: the running one too, unless it is the idle task or has left. */
function* entities(machine: HostMachine, queue: RunQueue): Generator<Task> {
  const current = taskOf(machine, queue.current);
  if (queue.current !== queue.idle && current.onRunQueue === 1 && !queue.queue.includes(current.id)) yield current;
  for (const task of queue.queue) yield taskOf(machine, task);
}

/** The mean of the tasks' virtual runtimes, by their weights. Linux `avg_vruntime`. */
function meanVruntime(machine: HostMachine, queue: RunQueue): number {
  let weights = 0;
  let sum = 0;
  for (const { weight, vruntime } of entities(machine, queue)) {
    weights += weight;
    sum += weight * (vruntime - queue.minVruntime);
  }
  return weights === 0 ? queue.minVruntime : queue.minVruntime + sum / weights;
}

/** Charges the running task for what it ran until `now`. Linux `update_curr`. */
export function updateCurr(machine: HostMachine, queue: RunQueue, now: number): void {
  const ran = Math.max(0, now - queue.execStart);
  queue.execStart = Math.max(now, queue.execStart);
  if (queue.current === queue.idle) return;
  const current = taskOf(machine, queue.current);
  current.vruntime += virtual(ran, current);
  updateMinVruntime(machine, queue);
}

function updateMinVruntime(machine: HostMachine, queue: RunQueue): void {
  let least = Number.POSITIVE_INFINITY;
  for (const { vruntime } of entities(machine, queue)) least = Math.min(least, vruntime);
  if (least < Number.POSITIVE_INFINITY) queue.minVruntime = Math.max(queue.minVruntime, least);
}

/** How long the running task may run before others do. Linux `sched_slice`; EEVDF's `base_slice`. */
export function sliceOf(machine: HostMachine, queue: RunQueue): number {
  const { fairClass, latency, minGranularity, baseSlice } = machine.scheduler;
  if (fairClass === FairClass.eevdf) return baseSlice;
  const current = taskOf(machine, queue.current);
  let weights = 0;
  let count = 0;
  for (const { weight } of entities(machine, queue)) {
    weights += weight;
    count++;
  }
  if (weights === 0) return latency;
  const period = Math.max(latency, count * minGranularity);
  return Math.max(minGranularity, Math.round((period * current.weight) / weights));
}

/**
 * Gives a task that comes onto a queue its virtual runtime. A sleeper is put at most half a latency behind the others (CFS), or keeps how far it
 * was behind or ahead of the mean (EEVDF). Linux `place_entity`.
 */
function place(machine: HostMachine, queue: RunQueue, task: Task): void {
  const { fairClass, latency, baseSlice } = machine.scheduler;
  if (fairClass === FairClass.cfs) {
    task.vruntime = Math.max(task.vruntime, queue.minVruntime - Math.floor(latency / 2));
    return;
  }
  let weights = 0;
  for (const { weight } of entities(machine, queue)) weights += weight;
  // The task's own coming moves the mean: what it is to be behind afterwards needs more before.
  const lag = weights === 0 ? 0 : (task.vlag * (weights + task.weight)) / weights;
  task.vruntime = Math.round(meanVruntime(machine, queue) - lag);
  task.deadline = task.vruntime + virtual(baseSlice, task);
}

/** Puts a task that is ready on a processor's queue. `from` is the processor whose virtual time its runtime is in. Linux `enqueue_task_fair`. */
export function enqueue(machine: HostMachine, processor: number, task: Task, from = task.cpu): void {
  const queue = runQueueOf(machine, processor);
  if (from !== processor) task.vruntime += queue.minVruntime - runQueueOf(machine, from).minVruntime;
  place(machine, queue, task);
  task.onRunQueue = 1;
  queue.queue.push(task.id);
  machine.ready++;
}

/** The running task goes back among those that wait: its virtual runtime stays. Linux `put_prev_entity`. */
export function putBack(machine: HostMachine, queue: RunQueue, task: Task): void {
  queue.queue.push(task.id);
  machine.ready++;
}

/** Takes a task off the queue. Linux `set_next_entity`, `detach_task`. */
export function take(machine: HostMachine, queue: RunQueue, task: number): void {
  queue.queue.splice(queue.queue.indexOf(task), 1);
  machine.ready--;
}

/** The running task leaves the queue to sleep. Linux `dequeue_task_fair`, `update_entity_lag`. */
export function dequeueCurrent(machine: HostMachine, queue: RunQueue): void {
  const current = taskOf(machine, queue.current);
  const limit = 2 * virtual(machine.scheduler.baseSlice, current);
  const lag = meanVruntime(machine, queue) - current.vruntime;
  current.vlag = Math.round(Math.min(limit, Math.max(-limit, lag)));
  current.onRunQueue = 0;
}

/** True if the task that runs has used up what it asked for; it then asks anew. Linux `update_deadline`, `check_preempt_tick`. */
export function sliceUsed(machine: HostMachine, queue: RunQueue, now: number): boolean {
  if (now - queue.sliceStart < sliceOf(machine, queue)) return false;
  const current = taskOf(machine, queue.current);
  current.deadline = current.vruntime + virtual(machine.scheduler.baseSlice, current);
  return true;
}

/** The next task of a queue, -1 if it is empty. Linux `pick_next_entity`, `pick_eevdf`. */
export function pickNext(machine: HostMachine, queue: RunQueue): number {
  const { fairClass } = machine.scheduler;
  const mean = fairClass === FairClass.eevdf ? meanVruntime(machine, queue) : 0;
  let best: Task | undefined;
  let second: Task | undefined;
  for (const id of queue.queue) {
    const task = taskOf(machine, id);
    if (fairClass === FairClass.eevdf && task.vruntime > mean) continue;
    if (best === undefined || goesBefore(fairClass, task, best)) {
      second = best;
      best = task;
    } else if (second === undefined || goesBefore(fairClass, task, second)) {
      second = task;
    }
  }
  // Rounding may leave nobody eligible.
  if (best === undefined) return queue.queue[0] ?? -1;
  if (fairClass === FairClass.eevdf) return best.id;
  if (best.id === queue.skip && second !== undefined && !farBehind(machine, best, second)) best = second;
  const buddy = queue.next < 0 || !queue.queue.includes(queue.next) ? undefined : taskOf(machine, queue.next);
  return buddy !== undefined && !farBehind(machine, best, buddy) ? buddy.id : best.id;
}

function goesBefore(fairClass: number, a: Task, b: Task): boolean {
  return fairClass === FairClass.eevdf ? a.deadline < b.deadline : a.vruntime < b.vruntime;
}

/** True if `task` has run so much less than `other` that `other` must not run before it. Linux `wakeup_preempt_entity`. */
function farBehind(machine: HostMachine, task: Task, other: Task): boolean {
  return other.vruntime - task.vruntime > virtual(machine.scheduler.wakeupGranularity, task);
}

/**
 * True if a task that was woken should take the processor from the one that runs, which has been charged. With EEVDF that one keeps
 * it until it has had what it asked for (feature `RUN_TO_PARITY`) or is no longer eligible. Linux `check_preempt_wakeup_fair`.
 */
export function preempts(machine: HostMachine, queue: RunQueue, task: Task): boolean {
  if (queue.current === queue.idle) return true;
  const current = taskOf(machine, queue.current);
  // It is on its way out: whoever was chosen to follow it did not know of this one.
  if (current.onRunQueue === 0 || current === task) return true;
  if (machine.scheduler.wakeupPreemption === 0) return false;
  if (machine.scheduler.fairClass === FairClass.cfs) return farBehind(machine, task, current);
  const mean = meanVruntime(machine, queue);
  if (current.vruntime < current.deadline) return false;
  return task.vruntime <= mean && (current.vruntime > mean || task.deadline < current.deadline);
}
