import { call } from '../../engine/frames.js';
import { done, shared } from '../../engine/routine.js';
import { cpuOf, guest, thisCpu } from '../machine.js';
import { guestDoIdle } from './do-idle.js';
import { hrtimerStart } from './tick.js';
import { guestTryToWakeUp } from './wake-up.js';

const { program, stage, glue } = guest;

/**
 * A task that means to sleep gives the CPU away, to the idle task, and returns when it has been woken and runs again. Linux
 * `__schedule`.
 */
export const guestSchedule = program('guest:__schedule', () => ({}), [
  stage(
    'deactivate_task',
    'guestDeactivate',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      if (self.sleeping === 0) return done;
      self.queued = 0;
      return undefined;
    },
    { line: (m, cpu) => thisCpu(m, cpu).runQueueLine },
  ),
  glue('idle', (m, cpu) => {
    call(m, cpu, guestDoIdle).forever = 0;
  }),
  stage('context_switch', 'guestContextSwitch', shared, () => {}),
]);

/** Sleeps until there is a message for this CPU's task, and takes it. Linux `wait_event`, as in a blocking receive. */
export const receiveMessage = program('guest:receive', () => ({}), [
  stage(
    'prepare_to_wait',
    'guestStores',
    shared,
    (m, cpu) => {
      thisCpu(m, cpu).sleeping = 1;
    },
    { line: (m, cpu) => thisCpu(m, cpu).taskLine },
  ),
  stage('condition', 'guestLoads', shared, (m, cpu) => (thisCpu(m, cpu).inbox > 0 ? 'finish_wait' : undefined), {
    line: (m, cpu) => thisCpu(m, cpu).inboxLine,
    to: ['finish_wait'],
  }),
  glue('schedule', (m, cpu) => {
    call(m, cpu, guestSchedule);
  }),
  glue('again', () => 'prepare_to_wait', { to: ['prepare_to_wait'] }),
  stage(
    'finish_wait',
    'guestReceive',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      self.sleeping = 0;
      self.inbox--;
    },
    { line: (m, cpu) => thisCpu(m, cpu).inboxLine },
  ),
]);

/** Sends a message to the task of another CPU and wakes it. */
export const sendMessage = program('guest:send', () => ({ target: 0 }), [
  stage(
    'enqueue',
    'guestSend',
    shared,
    (m, cpu, f) => {
      cpuOf(m, cpu, f.target).inbox++;
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).inboxLine },
  ),
  glue('wake_up', (m, cpu, f) => {
    call(m, cpu, guestTryToWakeUp).target = f.target;
  }),
]);

/** Sleeps for a number of cycles, until this CPU's timer. Linux `hrtimer_nanosleep`. */
export const nanosleep = program('guest:hrtimer_nanosleep', () => ({ cycles: 0 }), [
  stage(
    'set_current_state',
    'guestStores',
    shared,
    (m, cpu) => {
      thisCpu(m, cpu).sleeping = 1;
    },
    { line: (m, cpu) => thisCpu(m, cpu).taskLine },
  ),
  glue('hrtimer_start', (m, cpu, f) => {
    call(m, cpu, hrtimerStart).cycles = f.cycles;
  }),
  glue('schedule', (m, cpu) => {
    call(m, cpu, guestSchedule);
  }),
]);
