import { call } from '../engine/frames.js';
import { arm, cancel, expired, observe, readClock } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { leaveHalt } from '../hardware/external-interrupt.js';
import { Record } from '../hardware/records.js';
import { reflectIdle, selectIdleState } from './idle-governor.js';
import { localIrqDisable, localIrqEnable } from './local-irq.js';
import { type HostMachine, host, IdleGovernor, IdleMode, runQueueOf } from './machine.js';
import { schedule } from './schedule.js';
import { schedTtwuPending } from './try-to-wake-up.js';

const { program, stage, glue, until } = host;

/** How long the polling state polls: until the next state would pay, or by governor `haltpoll` its window. Linux `cpuidle_poll_time`. */
function pollTime(machine: HostMachine, window: number): number {
  const { governor } = machine.scheduler;
  if (governor === IdleGovernor.haltpoll) return window;
  return machine.idleStates[1]?.targetResidency ?? machine.scheduler.tick;
}

/**
 * The idle task of a processor: while nothing is ready it polls, or halts the processor in a state that a governor chooses by how long it was
 * idle before. Between the look at `need_resched` and the halt interrupts are off, so a request that comes in between ends the halt at
 * once. Linux `do_idle`, `cpuidle_idle_call`, `cpu_idle_poll`.
 */
export const doIdle = program('do_idle', () => ({}), [
  stage('local_irq_disable', 'irqDisable', shared, (m, cpu) => {
    localIrqDisable(cpu);
    // From here a waker need not send an interrupt: MWAIT and a loop see the store.
    runQueueOf(m, cpu.id).polling = m.scheduler.idleMode === IdleMode.hlt ? 0 : 1;
  }),
  stage(
    'need_resched',
    'idleLoop',
    shared,
    (m, cpu) => {
      if (runQueueOf(m, cpu.id).needResched === 1) return 'clear-polling';
      if (m.scheduler.idleMode === IdleMode.poll) return 'cpu_idle_poll';
      readClock(m);
      return undefined;
    },
    { line: (m, cpu) => runQueueOf(m, cpu.id).line, to: ['clear-polling', 'cpu_idle_poll'] },
  ),
  stage(
    'cpuidle_select',
    'idleSelect',
    shared,
    (m, cpu, _f, now) => {
      const { history, idleTimer, channel } = runQueueOf(m, cpu.id);
      // HLT knows the lightest state only.
      history.state =
        m.scheduler.idleMode === IdleMode.hlt
          ? Math.min(1, m.idleStates.length - 1)
          : selectIdleState(m.idleStates, history, m.scheduler);
      history.since = now;
      if (history.state !== 0) return undefined;
      arm(m, idleTimer, pollTime(m, history.window), channel);
      return 'cpu_idle_poll';
    },
    { to: ['cpu_idle_poll'] },
  ),
  stage('safe_halt', 'idleEnter', shared, (m, cpu) => {
    const { state } = runQueueOf(m, cpu.id).history;
    observe(m, Record.idle, state, 1);
    cpu.halted = state;
    localIrqEnable(cpu);
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
  // Woken by a store. An interrupt that comes on the way out waits until the processor is back.
  glue('leave-c-state', (m, cpu) => {
    if (cpu.halted > 0) call(m, cpu, leaveHalt);
  }),
  stage('cpuidle_reflect', 'idleReflect', shared, (m) => {
    readClock(m);
  }),
  stage(
    'next',
    'idleReflect',
    shared,
    (m, cpu, _f, now) => {
      const { history, needResched } = runQueueOf(m, cpu.id);
      reflectIdle(m.idleStates, history, m.scheduler, now - history.since);
      return needResched === 1 ? 'clear-polling' : 'local_irq_disable';
    },
    { to: ['clear-polling', 'local_irq_disable'] },
  ),
  stage('cpu_idle_poll', 'idleEnter', shared, (m, cpu) => {
    runQueueOf(m, cpu.id).history.state = 0;
    observe(m, Record.idle, 0, 1);
    localIrqEnable(cpu);
  }),
  until(
    'poll',
    'idlePollIteration',
    (m, cpu) => {
      const { needResched, idleTimer } = runQueueOf(m, cpu.id);
      return needResched === 1 || expired(m, idleTimer);
    },
    { channel: (m, cpu) => runQueueOf(m, cpu.id).channel, line: (m, cpu) => runQueueOf(m, cpu.id).line },
  ),
  stage(
    'end-poll',
    'idleReflect',
    shared,
    (m, cpu) => {
      const { history, idleTimer } = runQueueOf(m, cpu.id);
      observe(m, Record.idle, 0, 0);
      history.timedOut = expired(m, idleTimer) ? 1 : 0;
      cancel(m, idleTimer);
      readClock(m);
      return 'next';
    },
    { to: ['next'] },
  ),
  stage('clear-polling', 'idleLoop', shared, (m, cpu) => {
    runQueueOf(m, cpu.id).polling = 0;
    localIrqEnable(cpu);
  }),
  glue('flush_smp_call_function_queue', (m, cpu) => {
    if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedTtwuPending);
  }),
  glue('schedule_idle', (m, cpu) => {
    call(m, cpu, schedule);
  }),
  glue('again', () => 'local_irq_disable', { to: ['local_irq_disable'] }),
]);
