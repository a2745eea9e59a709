import { type HostMachine, isIdle, mayRunOn, type Task } from './machine.js';
import { socketOf } from './topology.js';

/** True if a task waits on a processor's queue that may run on `here` and is not still being switched out. */
function hasTaskFor(machine: HostMachine, queue: readonly number[], here: number): boolean {
  return queue.some((id) => {
    const task = machine.tasks[id] as Task;
    return mayRunOn(task, here) && task.onCpu === 0;
  });
}

/**
 * The processor whose queue is longest of those that have something for an idle one: on its own socket first, then elsewhere; -1 if none has.
 * Linux `newidle_balance`, `load_balance`, without their estimates of whether it pays.
 */
export function busiestQueue(machine: HostMachine, here: number): number {
  if (machine.ready === 0) return -1;
  const socket = socketOf(machine.topology, here);
  let best = -1;
  let bestLength = 0;
  for (let id = 0; id < machine.runQueues.length; id++) {
    const { queue } = machine.runQueues[id] as HostMachine['runQueues'][number];
    if (id === here || queue.length === 0 || !hasTaskFor(machine, queue, here)) continue;
    const length = queue.length + (socketOf(machine.topology, id) === socket ? machine.tasks.length : 0);
    if (length > bestLength) {
      best = id;
      bestLength = length;
    }
  }
  return best;
}

/** An idle processor that may run one of the tasks that wait on a queue, -1 if there is none. Linux `nohz_balancer_kick`, `find_new_ilb`. */
export function idleBalancer(machine: HostMachine, queue: readonly number[]): number {
  for (const { id } of machine.processors) {
    if (isIdle(machine, id) && machine.runQueues[id]?.needResched === 0 && hasTaskFor(machine, queue, id)) return id;
  }
  return -1;
}

/** True if no thread of a processor's core has anything to run. */
function isIdleCore(machine: HostMachine, processor: number): boolean {
  const { threadsPerCore } = machine.topology;
  const first = processor - (processor % threadsPerCore);
  for (let thread = first; thread < first + threadsPerCore; thread++) if (!isIdle(machine, thread)) return false;
  return true;
}

/** An idle processor of a socket for a task: on an idle core if there is one; -1 if all are busy. Linux `select_idle_sibling`, `select_idle_cpu`. */
function idleOnSocket(machine: HostMachine, task: Task, socket: number): number {
  const { coresPerSocket, threadsPerCore } = machine.topology;
  const perSocket = coresPerSocket * threadsPerCore;
  let thread = -1;
  for (let id = socket * perSocket; id < (socket + 1) * perSocket; id++) {
    if (!mayRunOn(task, id) || !isIdle(machine, id)) continue;
    if (isIdleCore(machine, id)) return id;
    if (thread < 0) thread = id;
  }
  return thread;
}

/**
 * Where a task that is woken goes: where it ran if that is idle; else to an idle processor that shares the cache with it, else with the waker;
 * else it waits where it was. Linux `select_task_rq_fair`: sockets that neither is on are left to load balancing.
 */
export function selectTaskRq(machine: HostMachine, task: Task, waker: number): number {
  const { allowed, cpu } = task;
  if (allowed.length === 1) return allowed[0] as number;
  const stays = mayRunOn(task, cpu);
  if (stays && isIdle(machine, cpu)) return cpu;
  for (const near of [cpu, waker]) {
    const found = idleOnSocket(machine, task, socketOf(machine.topology, near));
    if (found >= 0) return found;
  }
  return stays ? cpu : (allowed[0] as number);
}
