import { call } from '../../engine/frames.js';
import { arm, cancel, expired } from '../../engine/requests.js';
import { done, local, shared } from '../../engine/routine.js';
import { haltByGuest, leaveGuestHalt } from '../../hardware/external-interrupt.js';
import { cli, hlt, sti } from '../../hardware/instructions.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { type GuestMachine, guest, linuxGuest, thisCpu } from '../machine.js';
import { callIndirectly, ktimeGet } from './clock.js';
import { flushSmpCallFunctionQueue } from './flush-smp-call-function-queue.js';
import { adjustPollLimit, haltpollPolls } from './haltpoll.js';
import { GuestIdle } from './state.js';
import { tickNohzIdleExit, tickNohzIdleStopTick } from './tick.js';
import { schedTtwuPending } from './wake-up.js';

const { program, stage, glue, until } = guest;

const idleLine = { line: (m: GuestMachine, cpu: LogicalProcessor) => thisCpu(m, cpu).idleLine };
const idleWait = { ...idleLine, channel: (m: GuestMachine, cpu: LogicalProcessor) => thisCpu(m, cpu).channel };

function stopTick(machine: GuestMachine, processor: LogicalProcessor): undefined {
  if (linuxGuest(machine, processor).tickPeriod > 0) call(machine, processor, tickNohzIdleStopTick);
}

/**
 * An idle CPU: waits in the way that the guest was booted with, runs what was left for it, and gives the CPU to the task if that is ready;
 * without end if `forever`. Linux `do_idle`, `cpu_idle_poll`, `default_idle`, `mwait_idle`, and cpuidle with governor and driver haltpoll.
 */
export const guestDoIdle = program('guest:do_idle', () => ({ forever: 1, began: 0 }), [
  stage(
    'cpuidle_idle_call',
    'guestIdleLoop',
    local,
    (m, cpu) => {
      thisCpu(m, cpu).inIdle = 1;
      switch (linuxGuest(m, cpu).idle) {
        case GuestIdle.poll:
          return undefined;
        case GuestIdle.mwait:
          return 'mwait-irq_disable';
        case GuestIdle.haltpoll:
          return 'haltpoll_select';
        default:
          return 'default_idle';
      }
    },
    { to: ['mwait-irq_disable', 'haltpoll_select', 'default_idle'] },
  ),

  // idle=poll: interrupts stay enabled, and whoever wants something sets the flag.
  stage(
    'current_set_polling',
    'guestIdleFlag',
    shared,
    (m, cpu) => {
      thisCpu(m, cpu).polling = 1;
    },
    idleLine,
  ),
  until('cpu_idle_poll', 'guestPollExit', (m, cpu) => thisCpu(m, cpu).needResched === 1, idleWait),
  glue('polled', () => 'tick_nohz_idle_exit', { to: ['tick_nohz_idle_exit'] }),

  // Interrupts are off between the look at the flag and the HLT, behind whose STI the next interrupt comes.
  stage('default_idle', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  stage(
    'need_resched',
    'guestLoads',
    shared,
    (m, cpu) => {
      if (thisCpu(m, cpu).needResched === 0) return undefined;
      return 'local_irq_enable';
    },
    { ...idleLine, to: ['local_irq_enable'] },
  ),
  glue('tick_nohz_idle_stop_tick', stopTick),
  glue('residency', (m, cpu) => (linuxGuest(m, cpu).idle === GuestIdle.haltpoll ? undefined : 'x86_idle'), {
    to: ['x86_idle'],
  }),
  glue('ktime_get', (m, cpu) => {
    call(m, cpu, ktimeGet);
  }),
  glue('began', (_m, _cpu, f, now) => {
    f.began = now;
  }),
  glue('x86_idle', (m, cpu) => callIndirectly(m, cpu)),
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  glue('halted', (m, cpu) => (linuxGuest(m, cpu).idle === GuestIdle.haltpoll ? undefined : 'tick_nohz_idle'), {
    to: ['tick_nohz_idle'],
  }),
  glue('ktime_get-end', (m, cpu) => {
    call(m, cpu, ktimeGet);
  }),
  stage('haltpoll_reflect', 'guestIdleGovernor', local, (m, cpu, f, now) => {
    const self = thisCpu(m, cpu);
    self.lastState = 1;
    adjustPollLimit(self, linuxGuest(m, cpu), now - f.began);
  }),
  glue('reflected', () => 'tick_nohz_idle', { to: ['tick_nohz_idle'] }),
  stage('local_irq_enable', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage(
    'tick_nohz_idle',
    'guestLoads',
    shared,
    (m, cpu) => (thisCpu(m, cpu).needResched === 1 ? 'tick_nohz_idle_exit' : 'cpuidle_idle_call'),
    { ...idleLine, to: ['tick_nohz_idle_exit', 'cpuidle_idle_call'] },
  ),

  // MWAIT monitors the flag: a store to it ends the wait, and so does any interrupt.
  stage('mwait-irq_disable', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('mwait-tick_nohz_idle_stop_tick', stopTick),
  stage(
    'current_set_polling_and_test',
    'guestIdleFlag',
    shared,
    (m, cpu) => {
      thisCpu(m, cpu).polling = 1;
    },
    idleLine,
  ),
  stage('sti-mwait', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage('mwait', 'guestFlag', shared, (_m, cpu) => {
    // It has begun: blocking by STI is over.
    cpu.shadow = 0;
    haltByGuest(cpu);
  }),
  until('mwait-wait', 'instructionRetire', (m, cpu) => thisCpu(m, cpu).needResched === 1 || cpu.halted === 0, idleWait),
  // An interrupt that comes on the way out is taken when the processor is back.
  glue('woken-by-store', (m, cpu) => {
    if (cpu.halted > 0) call(m, cpu, leaveGuestHalt);
  }),
  glue('monitored', () => 'tick_nohz_idle', { to: ['tick_nohz_idle'] }),

  // The guest's own halt polling.
  stage(
    'haltpoll_select',
    'guestIdleGovernor',
    local,
    (m, cpu) => (haltpollPolls(thisCpu(m, cpu)) ? undefined : 'default_idle'),
    { to: ['default_idle'] },
  ),
  stage(
    'poll_idle',
    'guestIdleFlag',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      self.polling = 1;
      arm(m, self.pollTimer, self.pollLimit, self.channel);
    },
    idleLine,
  ),
  until(
    'poll_idle-loop',
    'guestPollExit',
    (m, cpu) => {
      const { needResched, pollTimer } = thisCpu(m, cpu);
      return needResched === 1 || expired(m, pollTimer);
    },
    idleWait,
  ),
  stage(
    'poll_idle-end',
    'guestIdleFlag',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      self.pollExpired = self.needResched === 0 ? 1 : 0;
      self.lastState = 0;
      self.polling = 0;
      cancel(m, self.pollTimer);
      return 'tick_nohz_idle';
    },
    { ...idleLine, to: ['tick_nohz_idle'] },
  ),

  glue('tick_nohz_idle_exit', (m, cpu) => {
    if (linuxGuest(m, cpu).tickPeriod > 0) call(m, cpu, tickNohzIdleExit);
  }),
  // From here a caller sends an interrupt again: what came before is found by the look at the queue.
  stage(
    'current_clr_polling',
    'guestIdleFlag',
    shared,
    (m, cpu) => {
      thisCpu(m, cpu).polling = 0;
    },
    idleLine,
  ),
  stage(
    'flush_smp_call_function_from_idle',
    'guestLoads',
    shared,
    (m, cpu) => {
      const self = thisCpu(m, cpu);
      if (linuxGuest(m, cpu).pollingIdleRunsCalls === 0) {
        if (self.wakePending === 0) return 'schedule_idle';
        self.wakePending = 0;
        call(m, cpu, schedTtwuPending);
        return 'schedule_idle';
      }
      return self.queue.length === 0 && self.wakePending === 0 ? 'schedule_idle' : undefined;
    },
    { line: (m, cpu) => thisCpu(m, cpu).queueLine, to: ['schedule_idle'] },
  ),
  stage('local_irq_save', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('flush', (m, cpu) => {
    call(m, cpu, flushSmpCallFunctionQueue);
  }),
  stage('local_irq_restore', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage(
    'schedule_idle',
    'guestIdleLoop',
    shared,
    (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      self.needResched = 0;
      if (f.forever === 1 || self.queued === 0) return 'cpuidle_idle_call';
      self.inIdle = 0;
      return done;
    },
    { line: (m, cpu) => thisCpu(m, cpu).runQueueLine, to: ['cpuidle_idle_call'] },
  ),
]);
