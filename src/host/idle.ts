import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { IdleState } from '../hardware/external-interrupt.js';
import { Record } from '../hardware/records.js';
import { host, runQueueOf } from './machine.js';
import { schedule } from './schedule.js';

const { program, stage, glue, until } = host;

/**
 * The idle task of a processor: halts it while nothing is ready. Between the look at `need_resched` and the halt interrupts are off, so
 * a request that comes in between ends the halt at once. Linux `do_idle`, `cpuidle_idle_call`.
 */
export const doIdle = program('do_idle', () => ({}), [
  stage('local_irq_disable', 'irqDisable', shared, (m, cpu) => {
    cpu.masked = 1;
    // From here a waker need not send an interrupt: MWAIT sees the store.
    runQueueOf(m, cpu.id).polling = m.scheduler.mwaitIdle;
  }),
  stage(
    'need_resched',
    'idleLoop',
    shared,
    (m, cpu) => (runQueueOf(m, cpu.id).needResched === 1 ? 'clear-polling' : undefined),
    { line: (m, cpu) => runQueueOf(m, cpu.id).line, to: ['clear-polling'] },
  ),
  stage('safe_halt', 'idleEnter', shared, (m, cpu) => {
    observe(m, Record.idle, IdleState.c1, 1);
    cpu.halted = 1;
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  until(
    'halted',
    'idleLoop',
    (m, cpu) => {
      const { needResched, polling } = runQueueOf(m, cpu.id);
      return cpu.halted === 0 || (needResched === 1 && polling === 1);
    },
    { channel: (m, cpu) => runQueueOf(m, cpu.id).channel },
  ),
  glue('woken-by-interrupt', (_m, cpu) => (cpu.halted === 0 ? 'local_irq_disable' : undefined), {
    to: ['local_irq_disable'],
  }),
  stage('leave-c-state', 'idleExit', shared, (m, cpu) => {
    observe(m, Record.idle, IdleState.c1, 0);
    cpu.halted = 0;
  }),
  stage('clear-polling', 'idleLoop', shared, (m, cpu) => {
    runQueueOf(m, cpu.id).polling = 0;
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  glue('schedule_idle', (m, cpu) => {
    call(m, cpu, schedule);
  }),
  glue('again', () => 'local_irq_disable', { to: ['local_irq_disable'] }),
]);
