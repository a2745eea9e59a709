import { interruptAt, topFrame } from '../engine/frames.js';
import { cancel, expired } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import type { Frame, Thread } from '../engine/state.js';
import { physicalEoi } from '../hardware/physical-apic.js';
import { timerUse } from '../hardware/timer-uses.js';
import { host, runQueueOf } from './machine.js';

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

/** The running task's slice has ended. Linux `hrtick`. */
export const hrtick = program('hrtick', () => ({ timer: 0 }), [
  stage('task_tick', 'setNeedResched', shared, (m, cpu) => {
    const queue = runQueueOf(m, cpu.id);
    if (queue.queue.length > 0) queue.needResched = 1;
  }),
]);
