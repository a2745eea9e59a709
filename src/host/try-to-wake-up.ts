import { call } from '../engine/frames.js';
import { arm, notify, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { sendPhysicalIpi } from '../hardware/physical-apic.js';
import { type HostMachine, host, runQueueOf, SystemVector, type Task, TaskState } from './machine.js';
import { HostRecord } from './records.js';

const { program, stage, glue } = host;

/** True if a processor has nothing to run. */
function isIdle(machine: HostMachine, processor: number): boolean {
  const queue = runQueueOf(machine, processor);
  return queue.current === queue.idle && queue.queue.length === 0;
}

function selectTaskRunQueue(machine: HostMachine, task: Task): number {
  const { allowed, cpu } = task;
  const canUse = (processor: number): boolean => allowed.length === 0 || allowed.includes(processor);
  if (canUse(cpu) && isIdle(machine, cpu)) return cpu;
  for (const { id } of machine.processors) if (canUse(id) && isIdle(machine, id)) return id;
  return canUse(cpu) ? cpu : (allowed[0] as number);
}

/** Asks a processor to call the scheduler: by an interrupt, unless it sees the request by itself. Linux `resched_curr`. */
export const reschedCurr = program('resched_curr', () => ({ processor: 0 }), [
  stage(
    'set_tsk_need_resched',
    'setNeedResched',
    shared,
    (m, cpu, f) => {
      const queue = runQueueOf(m, f.processor);
      if (queue.needResched === 1) return done;
      queue.needResched = 1;
      notify(m, queue.channel);
      return f.processor === cpu.id || queue.polling === 1 ? done : undefined;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line },
  ),
  stage('smp_send_reschedule', 'physicalIcrWrite', shared, (m, _cpu, f) => {
    sendPhysicalIpi(m, f.processor, SystemVector.reschedule);
  }),
]);

/**
 * Makes a task runnable. Returns 1 if it meant to sleep or slept, 0 if there was nothing to wake. A task that has not got as far as
 * switching out, or waits on a run queue, only loses its mark: it will not sleep then. Linux `try_to_wake_up`.
 */
export const tryToWakeUp = program('try_to_wake_up', () => ({ task: 0, processor: 0 }), [
  stage('ttwu_state_match', 'ttwuStateMatch', shared, (m, _cpu, f) => {
    const task = m.tasks[f.task] as Task;
    if (task.state === TaskState.running) return 0;
    if (task.onRunQueue === 1) {
      task.state = TaskState.running;
      return 1;
    }
    return undefined;
  }),
  stage('select_task_rq', 'selectTaskRq', shared, (m, _cpu, f) => {
    const task = m.tasks[f.task] as Task;
    // Still switching out: it stays where it is, and that processor's next look at its queue finds it.
    f.processor = task.onCpu === 1 ? task.cpu : selectTaskRunQueue(m, task);
  }),
  stage(
    'activate_task',
    'activateTask',
    shared,
    (m, _cpu, f) => {
      const task = m.tasks[f.task] as Task;
      if (task.onRunQueue === 1 || task.state === TaskState.running) return 0;
      task.state = TaskState.running;
      task.onRunQueue = 1;
      if (task.onCpu === 0) {
        task.cpu = f.processor;
        observe(m, HostRecord.wakeup, task.id, f.processor);
      }
      const queue = runQueueOf(m, task.cpu);
      queue.queue.push(task.id);
      notify(m, queue.channel);
      return undefined;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line },
  ),
  stage('wakeup_preempt', 'wakeupPreempt', shared, (m, cpu, f) => {
    const queue = runQueueOf(m, f.processor);
    if (queue.current === queue.idle || m.scheduler.wakeupPreemption === 1) {
      call(m, cpu, reschedCurr).processor = f.processor;
    } else if (m.timers[queue.sliceTimer]?.armed === 0) {
      arm(m, queue.sliceTimer, m.scheduler.sliceCycles);
    }
  }),
  glue('woken', () => 1),
]);
