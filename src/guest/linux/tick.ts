import { call } from '../../engine/frames.js';
import { notify } from '../../engine/requests.js';
import { done, shared } from '../../engine/routine.js';
import { rdtsc } from '../../hardware/instructions.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { type GuestMachine, guest, linuxGuest, thisCpu } from '../machine.js';
import { writeMsr } from '../msr.js';
import type { LinuxCpu } from './state.js';

const { program, stage, glue } = guest;

// A CPU's timer, with a tick (CONFIG_NO_HZ_IDLE, high-resolution timers): it interrupts for the next tick or the end of a sleep, what comes
// first. An idle CPU stops its tick and starts it again when it has something to run: two more writes of the deadline around each sleep, each
// of them an exit.

/** Where a CPU whose tick is stopped and that waits for nothing has its timer: timers of the kernel's own are about a second away. */
const idlePeriods = 250;

/** Writes the deadline of what comes first. Linux `lapic_next_deadline`. */
function programEvent(machine: GuestMachine, processor: LogicalProcessor, far: number): undefined {
  const { wakeAt, tickAt } = thisCpu(machine, processor);
  const first = Math.min(wakeAt === 0 ? far : wakeAt, tickAt === 0 ? far : tickAt);
  writeMsr(machine, processor, 0x6e0, first >>> 0, Math.floor(first / 2 ** 32));
}

/** The task that slept until a time is ready. Linux `hrtimer_wakeup`. */
export function hrtimerWakeup(machine: GuestMachine, cpu: LinuxCpu): undefined {
  cpu.wakeAt = 0;
  if (cpu.sleeping === 0) return;
  cpu.sleeping = 0;
  cpu.queued = 1;
  cpu.needResched = 1;
  notify(machine, cpu.channel);
}

/** The next tick after `now`, if the last was due at `tickAt`: all are multiples of the period. Linux `hrtimer_forward`. */
function nextTick(tickAt: number, now: number, period: number): number {
  return tickAt + period * Math.max(1, Math.floor((now - tickAt) / period) + 1);
}

/** The timer's interrupt of a CPU that has a tick: what is due, then the next deadline. Linux `hrtimer_interrupt`, `tick_nohz_handler`. */
export const hrtimerInterrupt = program('guest:hrtimer_interrupt', () => ({ now: 0 }), [
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('ktime_get', (_m, _cpu, f, now) => {
    f.now = now;
  }),
  stage(
    'hrtimer_wakeup',
    'guestActivate',
    shared,
    (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      if (self.wakeAt !== 0 && self.wakeAt <= f.now) hrtimerWakeup(m, self);
      return self.tickAt !== 0 && self.tickAt <= f.now ? undefined : 'tick_program_event';
    },
    { line: (m, cpu) => thisCpu(m, cpu).runQueueLine, to: ['tick_program_event'] },
  ),
  stage(
    'update_process_times',
    'guestTick',
    shared,
    (m, cpu, f) => {
      const self = thisCpu(m, cpu);
      self.tickAt = nextTick(self.tickAt, f.now, linuxGuest(m, cpu).tickPeriod);
    },
    { line: (m, cpu) => thisCpu(m, cpu).runQueueLine },
  ),
  glue('tick_program_event', (m, cpu, f) => programEvent(m, cpu, f.now + idlePeriods * linuxGuest(m, cpu).tickPeriod)),
]);

/** True if a CPU that goes idle stops its tick: not if the end of a sleep comes before the next tick anyway. Linux `tick_nohz_next_event`. */
function stopsTick({ tickAt, wakeAt }: LinuxCpu): boolean {
  return tickAt !== 0 && !(wakeAt !== 0 && wakeAt <= tickAt);
}

/** An idle CPU that is about to wait. Linux `tick_nohz_idle_stop_tick`. */
export const tickNohzIdleStopTick = program('guest:tick_nohz_idle_stop_tick', () => ({ tickAt: 0 }), [
  stage('tick_nohz_next_event', 'guestTickStop', shared, (m, cpu, f) => {
    const self = thisCpu(m, cpu);
    if (!stopsTick(self)) return done;
    f.tickAt = self.tickAt;
    self.tickAt = 0;
    return undefined;
  }),
  glue('tick_program_event', (m, cpu, f) =>
    programEvent(m, cpu, f.tickAt + idlePeriods * linuxGuest(m, cpu).tickPeriod),
  ),
]);

/** A CPU that has something to run has its tick again. Linux `tick_nohz_idle_exit`, `tick_nohz_restart`. */
export const tickNohzIdleExit = program('guest:tick_nohz_idle_exit', () => ({}), [
  glue('tick_stopped', (m, cpu) => (thisCpu(m, cpu).tickAt === 0 ? undefined : done)),
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  stage('hrtimer_forward', 'guestTickStop', shared, (m, cpu, _f, now) => {
    thisCpu(m, cpu).tickAt = nextTick(0, now, linuxGuest(m, cpu).tickPeriod);
  }),
  glue('tick_program_event', (m, cpu) => programEvent(m, cpu, thisCpu(m, cpu).tickAt)),
]);

/** Sets the end of this CPU's sleep. A timer that would end before it is left as it is. Linux `hrtimer_start_range_ns`, `hrtimer_reprogram`. */
export const hrtimerStart = program('guest:hrtimer_start', () => ({ cycles: 0 }), [
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  glue('hrtimer_reprogram', (m, cpu, f, now) => {
    const self = thisCpu(m, cpu);
    self.wakeAt = now + f.cycles;
    return self.tickAt !== 0 && self.tickAt <= self.wakeAt ? done : programEvent(m, cpu, self.wakeAt);
  }),
]);
