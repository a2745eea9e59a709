import { InternalError } from '../engine/errors.js';
import { interruptAt } from '../engine/frames.js';
import { arm, cancel, observe, readClock } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { dequeueCurrent, enqueue, pickNext, putBack, sliceOf, take, updateCurr } from './fair.js';
import { busiestQueue } from './load-balance.js';
import { localIrqDisable, localIrqEnable } from './local-irq.js';
import { currentTask, type HostMachine, host, mayRunOn, runQueueOf, type Task, TaskState } from './machine.js';
import { HostRecord } from './records.js';

const { program, stage, glue } = host;

function line(machine: HostMachine, processor: LogicalProcessor): number {
  return runQueueOf(machine, processor.id).line;
}

/** Begins a new slice if another task is ready. */
function startSlice(machine: HostMachine, processor: number): void {
  const queue = runQueueOf(machine, processor);
  if (queue.queue.length > 0 && queue.current !== queue.idle) {
    arm(machine, queue.sliceTimer, sliceOf(machine, queue));
  } else {
    cancel(machine, queue.sliceTimer);
  }
}

/**
 * What a task does first when it has been switched in: tells those who asked, and enables interrupts. Linux `finish_task_switch`.
 */
export const finishTaskSwitch = program('finish_task_switch', () => ({}), [
  stage('clear-on_cpu', 'finishTaskSwitch', shared, (m, cpu) => {
    startSlice(m, cpu.id);
  }),
  glue('fire_sched_in_preempt_notifiers', (m, cpu) => {
    const { schedIn } = currentTask(m, cpu.id);
    if (schedIn >= 0) interruptAt(m.threads[cpu.thread] as Thread, schedIn);
  }),
  stage('local_irq_enable', 'irqEnable', shared, (_m, cpu) => {
    localIrqEnable(cpu);
  }),
]);

const scheduleLocals = () => ({ next: -1, preempt: 0, pull: -1, now: 0 });

/**
 * Gives the processor to the next task: the running one waits for its turn if it is still runnable, and leaves the queue if it means to
 * sleep. A processor that would be idle looks for a task that waits elsewhere. Returns when the calling task runs again, perhaps elsewhere.
 * Linux `__schedule`.
 */
export const schedule = program('__schedule', scheduleLocals, [
  stage('local_irq_disable', 'irqDisable', shared, (m, cpu) => {
    localIrqDisable(cpu);
    // What update_rq_clock reads.
    readClock(m);
  }),
  stage(
    'deactivate_task',
    'deactivateTask',
    shared,
    (m, cpu, f, now) => {
      f.now = now;
      const queue = runQueueOf(m, cpu.id);
      const task = currentTask(m, cpu.id);
      queue.needResched = 0;
      updateCurr(m, queue, now);
      // A wake-up between the task's last look and here has made it running again: then it stays.
      if (task.state !== TaskState.running && f.preempt === 0) dequeueCurrent(m, queue);
      else if (task.id !== queue.idle) putBack(m, queue, task);
    },
    { line },
  ),
  stage(
    'pick_next_task',
    'pickNextTask',
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, cpu.id);
      f.next = pickNext(m, queue);
      queue.next = -1;
      queue.skip = -1;
      if (f.next < 0) {
        f.pull = busiestQueue(m, cpu.id);
        if (f.pull >= 0) return 'newidle_balance';
        f.next = queue.idle;
      } else {
        take(m, queue, f.next);
      }
      return 'picked';
    },
    { line, to: ['newidle_balance', 'picked'] },
  ),
  // The other queue is locked; who waits there longest and may run here comes over.
  stage(
    'newidle_balance',
    'idleBalance',
    shared,
    (m, cpu, f) => {
      const own = runQueueOf(m, cpu.id);
      const from = runQueueOf(m, f.pull);
      const found = from.queue.find((id) => {
        const task = m.tasks[id] as Task;
        return mayRunOn(task, cpu.id) && task.onCpu === 0;
      });
      f.next = own.idle;
      if (found !== undefined) {
        const task = m.tasks[found] as Task;
        take(m, from, found);
        enqueue(m, cpu.id, task, f.pull);
        task.cpu = cpu.id;
      }
      // Meanwhile another may have been woken here, too.
      const next = pickNext(m, own);
      if (next < 0) return;
      take(m, own, next);
      f.next = next;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.pull).line },
  ),
  stage(
    'picked',
    'pickedTask',
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, cpu.id);
      queue.sliceStart = f.now;
      if (f.next !== queue.current) return undefined;
      startSlice(m, cpu.id);
      return 'local_irq_enable';
    },
    { to: ['local_irq_enable'] },
  ),
  glue('fire_sched_out_preempt_notifiers', (m, cpu) => {
    const { schedOut } = currentTask(m, cpu.id);
    if (schedOut >= 0) interruptAt(m.threads[cpu.thread] as Thread, schedOut);
  }),
  stage('context_switch', 'contextSwitch', shared, (m, cpu, f) => {
    const queue = runQueueOf(m, cpu.id);
    const next = m.tasks[f.next] as Task;
    if (next.onCpu === 1) throw new InternalError('__schedule.context_switch', `task ${next.id} runs elsewhere`);
    const before = m.tasks[queue.current] as Task;
    observe(m, HostRecord.schedOut, before.id, before.onRunQueue);
    observe(m, HostRecord.schedIn, next.id, next.cpu);
    before.onCpu = 0;
    next.onCpu = 1;
    next.cpu = cpu.id;
    queue.current = next.id;
    queue.execStart = f.now;
    // The next stage is the next task's, where it left off or at its beginning.
    cpu.thread = next.thread;
    cpu.hostThread = next.thread;
  }),
  glue(
    'finish_task_switch',
    (m, cpu) => {
      interruptAt(m.threads[cpu.thread] as Thread, finishTaskSwitch.entry);
      return 'end-of-switch';
    },
    { to: ['end-of-switch'] },
  ),
  stage('local_irq_enable', 'irqEnable', shared, (_m, cpu) => {
    localIrqEnable(cpu);
  }),
  glue('end-of-switch', () => undefined),
]);
