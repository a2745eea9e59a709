import { call, interruptAt, topFrame } from '../engine/frames.js';
import { arm, cancel, expired, readClock } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import type { Frame, Thread } from '../engine/state.js';
import { physicalEoi } from '../hardware/physical-apic.js';
import { timerUse } from '../hardware/timer-uses.js';
import { sliceOf, sliceUsed, updateCurr } from './fair.js';
import { idleBalancer } from './load-balance.js';
import { currentTask, host, runQueueOf } from './machine.js';
import { schedule } from './schedule.js';
import { reschedCurr } from './try-to-wake-up.js';

const { program, stage, glue } = host;

/** Another processor asks for a look at `need_resched`: the way out of the interrupt does that. Linux `sysvec_reschedule_ipi`. */
export const sysvecRescheduleIpi = program('sysvec_reschedule_ipi', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
]);

/** The local timer: calls the handler of every timer of this processor that has expired. Linux `sysvec_apic_timer_interrupt`, `hrtimer_interrupt`. */
export const hrtimerInterrupt = program('hrtimer_interrupt', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
  stage(
    '__run_hrtimer',
    'hrtimerRun',
    shared,
    (m, cpu) => {
      const timer = cpu.expiredTimers.shift();
      if (timer === undefined) return done;
      // It may have been cancelled or armed anew since it expired.
      if (!expired(m, timer)) return '__run_hrtimer';
      cancel(m, timer);
      const { handler } = timerUse(m, timer);
      if (handler < 0) return '__run_hrtimer';
      const thread = m.threads[cpu.thread] as Thread;
      interruptAt(thread, handler);
      (topFrame(thread) as Frame).locals['timer'] = timer;
      return undefined;
    },
    { to: ['__run_hrtimer'] },
  ),
  glue('next', () => '__run_hrtimer', { to: ['__run_hrtimer'] }),
]);

/**
 * The running task's slice has ended: another one is next, and an idle processor that could take one of those that wait is told. Linux
 * `hrtick`, `task_tick_fair`, `nohz_balancer_kick`.
 */
export const hrtick = program('hrtick', () => ({ timer: 0 }), [
  stage('update_rq_clock', 'updateRqClock', shared, (m) => {
    readClock(m);
  }),
  stage('task_tick', 'setNeedResched', shared, (m, cpu, _f, now) => {
    const queue = runQueueOf(m, cpu.id);
    if (queue.current === queue.idle) return done;
    updateCurr(m, queue, now);
    if (queue.queue.length === 0) return done;
    if (sliceUsed(m, queue, now)) queue.needResched = 1;
    else arm(m, queue.sliceTimer, queue.sliceStart + sliceOf(m, queue) - now);
    const idle = idleBalancer(m, queue.queue);
    if (idle >= 0) call(m, cpu, reschedCurr).processor = idle;
    return undefined;
  }),
  glue('kicked', () => done),
]);

/** The way out of an interrupt: a task in user mode lets another have the processor if that was asked for. Linux `irqentry_exit_to_user_mode`. */
export const irqentryExit = program('irqentry_exit', () => ({}), [
  glue('exit_to_user_mode_loop', (m, cpu) => {
    if (currentTask(m, cpu.id).user === 1 && runQueueOf(m, cpu.id).needResched === 1) {
      call(m, cpu, schedule).preempt = 1;
    }
  }),
  glue('exit', () => done),
]);
