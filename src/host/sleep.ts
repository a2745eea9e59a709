import { call } from '../engine/frames.js';
import { arm } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { timerUse } from '../hardware/timer-uses.js';
import { currentTask, host, TaskState } from './machine.js';
import { schedule } from './schedule.js';
import { tryToWakeUp } from './try-to-wake-up.js';

const { program, stage, glue } = host;

/** A sleeper's timer has expired; the owner of the timer is its task. Linux `hrtimer_wakeup`. */
export const hrtimerWakeup = program('hrtimer_wakeup', () => ({ timer: 0 }), [
  glue('wake_up_process', (m, cpu, f) => {
    call(m, cpu, tryToWakeUp).task = timerUse(m, f.timer).owner;
  }),
]);

/**
 * The calling task sleeps for so many cycles, by a timer whose use is {@link hrtimerWakeup}. Linux `hrtimer_nanosleep`, `do_nanosleep`.
 */
export const nanosleep = program('do_nanosleep', () => ({ timer: 0, cycles: 0 }), [
  stage('hrtimer_start', 'hrtimerStart', shared, (m, cpu, f) => {
    // First the mark, then the timer: if it expires at once, the task stays.
    currentTask(m, cpu.id).state = TaskState.interruptible;
    timerUse(m, f.timer).processor = cpu.id;
    arm(m, f.timer, f.cycles);
  }),
  glue('schedule', (m, cpu) => {
    call(m, cpu, schedule);
  }),
]);
