import { call } from '../engine/frames.js';
import { arm, notify, observe, readClock } from '../engine/requests.js';
import { type Control, done, shared } from '../engine/routine.js';
import { physicalEoi, sendPhysicalIpi } from '../hardware/physical-apic.js';
import { enqueue, preempts, sliceOf, updateCurr } from './fair.js';
import { selectTaskRq } from './load-balance.js';
import { type HostMachine, host, isIdle, runQueueOf, SystemVector, type Task, TaskState, WakeList } from './machine.js';
import { HostRecord } from './records.js';
import { socketOf } from './topology.js';

const { program, stage, glue } = host;

/** True if the waker leaves the rest to the processor on which the task will run. Linux `ttwu_queue_cond`. */
function ttwuQueueCond(machine: HostMachine, waker: number, processor: number): boolean {
  if (waker === processor) return false;
  if (socketOf(machine.topology, waker) !== socketOf(machine.topology, processor)) return true;
  return machine.scheduler.wakeList === WakeList.idleToo && isIdle(machine, processor);
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

/** Puts a task on a processor's queue, and lets it take the processor if it should. Linux `ttwu_do_activate`, `wakeup_preempt`. */
export const ttwuDoActivate = program('ttwu_do_activate', () => ({ task: 0, processor: 0 }), [
  stage(
    'update_rq_clock',
    'updateRqClock',
    shared,
    (m) => {
      readClock(m);
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line },
  ),
  stage(
    'activate_task',
    'activateTask',
    shared,
    (m, _cpu, f, now) => {
      const task = m.tasks[f.task] as Task;
      const queue = runQueueOf(m, f.processor);
      updateCurr(m, queue, now);
      if (task.onCpu === 0) {
        const from = task.cpu;
        task.cpu = f.processor;
        enqueue(m, f.processor, task, from);
        observe(m, HostRecord.wakeup, task.id, f.processor);
      } else {
        enqueue(m, f.processor, task, f.processor);
      }
      task.state = TaskState.running;
      notify(m, queue.channel);
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line },
  ),
  stage('wakeup_preempt', 'wakeupPreempt', shared, (m, cpu, f) => {
    const queue = runQueueOf(m, f.processor);
    if (preempts(m, queue, m.tasks[f.task] as Task)) {
      call(m, cpu, reschedCurr).processor = f.processor;
    } else if (m.timers[queue.sliceTimer]?.armed === 0) {
      arm(m, queue.sliceTimer, Math.max(0, queue.sliceStart + sliceOf(m, queue) - queue.execStart));
    }
  }),
  glue('activated', () => done),
]);

/** Puts on its queue what others have woken for this processor. Linux `sched_ttwu_pending`. */
export const schedTtwuPending = program('sched_ttwu_pending', () => ({}), [
  stage(
    'llist_for_each_entry',
    'wakeListTake',
    shared,
    (m, cpu): Control => {
      const task = runQueueOf(m, cpu.id).wakeList.shift();
      if (task === undefined) return done;
      const activate = call(m, cpu, ttwuDoActivate);
      activate.task = task;
      activate.processor = cpu.id;
      return undefined;
    },
    { line: (m, cpu) => runQueueOf(m, cpu.id).wakeLine },
  ),
  glue('next', () => 'llist_for_each_entry', { to: ['llist_for_each_entry'] }),
]);

/** Another processor has woken a task for this one. Linux `sysvec_call_function_single`, `flush_smp_call_function_queue`. */
export const sysvecCallFunctionSingle = program('sysvec_call_function_single', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  glue('sched_ttwu_pending', (m, cpu) => {
    call(m, cpu, schedTtwuPending);
  }),
  glue('flushed', () => done),
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
  stage(
    'select_task_rq',
    'selectTaskRq',
    shared,
    (m, cpu, f) => {
      const task = m.tasks[f.task] as Task;
      // Another waker was faster.
      if (task.onRunQueue === 1 || task.state === TaskState.running) return 0;
      // Claimed: from here no other waker takes it. Linux TASK_WAKING.
      task.state = TaskState.running;
      // Still switching out: it stays where it is, and that processor's next look at its queue finds it.
      f.processor = task.onCpu === 1 ? task.cpu : selectTaskRq(m, task, cpu.id);
      return task.onCpu === 0 && ttwuQueueCond(m, cpu.id, f.processor) ? 'ttwu_queue_wakelist' : undefined;
    },
    { to: ['ttwu_queue_wakelist'] },
  ),
  glue('ttwu_do_activate', (m, cpu, f) => {
    const activate = call(m, cpu, ttwuDoActivate);
    activate.task = f.task;
    activate.processor = f.processor;
  }),
  glue('woken', () => 1),
  stage(
    'ttwu_queue_wakelist',
    'wakeListAdd',
    shared,
    (m, _cpu, f) => {
      const queue = runQueueOf(m, f.processor);
      queue.wakeList.push(f.task);
      // Whoever was first has told the processor.
      return queue.wakeList.length > 1 ? 1 : undefined;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).wakeLine },
  ),
  stage(
    'set_nr_if_polling',
    'setNeedResched',
    shared,
    (m, _cpu, f) => {
      const queue = runQueueOf(m, f.processor);
      if (queue.polling === 0) return 'send_call_function_single_ipi';
      queue.needResched = 1;
      notify(m, queue.channel);
      return 1;
    },
    { line: (m, _cpu, f) => runQueueOf(m, f.processor).line, to: ['send_call_function_single_ipi'] },
  ),
  stage('send_call_function_single_ipi', 'physicalIcrWrite', shared, (m, _cpu, f) => {
    sendPhysicalIpi(m, f.processor, SystemVector.callFunctionSingle);
    return 1;
  }),
]);
