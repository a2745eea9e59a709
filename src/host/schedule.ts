import { InternalError } from '../engine/errors.js';
import { interruptAt } from '../engine/frames.js';
import { arm, cancel, observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { currentTask, type HostMachine, host, runQueueOf, type Task, TaskState } from './machine.js';
import { HostRecord } from './records.js';

const { program, stage, glue } = host;

function line(machine: HostMachine, processor: LogicalProcessor): number {
  return runQueueOf(machine, processor.id).line;
}

/** Begins a new slice if another task is ready. */
function startSlice(machine: HostMachine, processor: number): void {
  const queue = runQueueOf(machine, processor);
  if (queue.queue.length > 0) arm(machine, queue.sliceTimer, machine.scheduler.sliceCycles);
  else cancel(machine, queue.sliceTimer);
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
    cpu.masked = 0;
    cpu.attention = 1;
  }),
]);

/**
 * Gives the processor to the next task: the running one goes to the end of the queue if it is still runnable, and leaves it if it means
 * to sleep. Returns when the calling task runs again, perhaps elsewhere. Linux `__schedule`.
 */
export const schedule = program('__schedule', () => ({ next: -1, preempt: 0 }), [
  stage('local_irq_disable', 'irqDisable', shared, (_m, cpu) => {
    cpu.masked = 1;
  }),
  stage(
    'deactivate_task',
    'deactivateTask',
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, cpu.id);
      const task = currentTask(m, cpu.id);
      queue.needResched = 0;
      // A wake-up between the task's last look and here has made it running again: then it stays.
      if (task.state !== TaskState.running && f.preempt === 0) task.onRunQueue = 0;
      else if (task.id !== queue.idle) queue.queue.push(task.id);
    },
    { line },
  ),
  stage(
    'pick_next_task',
    'pickNextTask',
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, cpu.id);
      f.next = queue.queue.shift() ?? queue.idle;
      if (f.next !== queue.current) return undefined;
      startSlice(m, cpu.id);
      return 'local_irq_enable';
    },
    { line, to: ['local_irq_enable'] },
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
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  glue('end-of-switch', () => undefined),
]);
