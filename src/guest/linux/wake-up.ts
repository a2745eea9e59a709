import { call } from '../../engine/frames.js';
import { notify } from '../../engine/requests.js';
import { done, shared } from '../../engine/routine.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { cpuOf, type GuestMachine, guest, linuxGuest, thisCpu } from '../machine.js';
import { LinuxVector, sendCallFunctionSingleIpi, sendIpi } from './send-ipi.js';
import type { LinuxCpu } from './state.js';

const { program, stage, glue } = guest;

/** Marks a CPU's run queue as one to look at. True if it has to be told. Linux `resched_curr`. */
function mustInterrupt(machine: GuestMachine, cpu: LinuxCpu): boolean {
  if (cpu.needResched === 1) return false;
  cpu.needResched = 1;
  notify(machine, cpu.channel);
  return cpu.polling === 0;
}

/** Another package's last-level cache: then the wake-up is left to the CPU itself. Linux `ttwu_queue_cond`. */
function isRemote(machine: GuestMachine, processor: LogicalProcessor, target: number): boolean {
  return thisCpu(machine, processor).node !== cpuOf(machine, processor, target).node;
}

/**
 * Wakes the task of a CPU: puts it on that CPU's run queue and makes it look, or, across packages, leaves both to that CPU. An idle task that
 * polls sees a flag; any other gets an interrupt. Linux `try_to_wake_up`, `ttwu_queue`.
 */
export const guestTryToWakeUp = program('guest:try_to_wake_up', () => ({ target: 0 }), [
  stage(
    'ttwu_state_match',
    'guestTtwu',
    shared,
    (m, cpu, f) => {
      const target = cpuOf(m, cpu, f.target);
      if (target.sleeping === 0) return done;
      target.sleeping = 0;
      if (target.queued === 1) return done;
      return isRemote(m, cpu, f.target) ? undefined : 'ttwu_do_activate';
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).taskLine, to: ['ttwu_do_activate'] },
  ),
  stage(
    'ttwu_queue_wakelist',
    'guestLlistAdd',
    shared,
    (m, cpu, f) => {
      const target = cpuOf(m, cpu, f.target);
      target.wakePending = 1;
      if (linuxGuest(m, cpu).pollingIdleRunsCalls === 0) return 'set_nr_if_polling';
      // It travels with the function calls.
      if (target.queue.length > 0) return done;
      call(m, cpu, sendCallFunctionSingleIpi).target = f.target;
      return undefined;
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).queueLine, to: ['set_nr_if_polling'] },
  ),
  glue('told', () => done),
  stage(
    'ttwu_do_activate',
    'guestActivate',
    shared,
    (m, cpu, f) => {
      cpuOf(m, cpu, f.target).queued = 1;
    },
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).runQueueLine },
  ),
  stage(
    'set_nr_if_polling',
    'guestAtomic',
    shared,
    (m, cpu, f) => (mustInterrupt(m, cpuOf(m, cpu, f.target)) ? undefined : done),
    { line: (m, cpu, f) => cpuOf(m, cpu, f.target).idleLine },
  ),
  glue('smp_send_reschedule', (m, cpu, f) => sendIpi(m, cpu, f.target, LinuxVector.reschedule)),
]);

/** Does a wake-up that another CPU has left to this one and that is no longer pending. Linux `sched_ttwu_pending`. */
export const schedTtwuPending = program('guest:sched_ttwu_pending', () => ({}), [
  stage(
    'ttwu_do_activate',
    'guestActivate',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      self.queued = 1;
      self.needResched = 1;
      notify(m, self.channel);
    },
    { line: (m, cpu) => thisCpu(m, cpu).taskLine },
  ),
]);
