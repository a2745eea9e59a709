import { call } from '../engine/frames.js';
import { notify, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { apicPageWrite } from '../hardware/apic-page-access.js';
import { cli, hlt, rdtsc, sti } from '../hardware/instructions.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { Record } from '../hardware/records.js';
import { eoi, iretq, saveRegisters, setHandled } from './interrupt-handler.js';
import { type GuestMachine, guest, guestLine, guestMemory } from './machine.js';
import { writeMsr } from './msr.js';

const { program, stage, glue, until } = guest;

/**
 * How a timer program sets its timer: kvm-unit-tests' `tscdeadline_latency`, whose handler sets the next deadline; a thread that sleeps to
 * absolute times, as cyclictest's; a count that the handler starts again; a count that repeats.
 */
export const TimerProgram = { tscdeadlineLatency: 0, cyclictest: 1, oneShot: 2, periodic: 3 } as const;

const tscDeadline = 0x6e0;
const initialCount = 0x380;

/** Arms the timer, `interval` cycles after `now`, and remembers when it is due. */
function armNext(machine: GuestMachine, processor: LogicalProcessor, now: number): void {
  const { timer } = guestMemory(machine, processor);
  observe(machine, Record.iteration, timer.expiries, 1);
  timer.deadline = now + timer.interval;
  const count = timer.program === TimerProgram.oneShot || timer.program === TimerProgram.periodic;
  if (count) {
    writeInitialCount(machine, processor, timer.count);
    return;
  }
  writeMsr(machine, processor, tscDeadline, timer.deadline >>> 0, Math.floor(timer.deadline / 2 ** 32));
}

function writeInitialCount(machine: GuestMachine, processor: LogicalProcessor, value: number): void {
  if (guestMemory(machine, processor).x2apic === 1) {
    writeMsr(machine, processor, 0x800 + initialCount / 16, value);
  } else {
    const write = call(machine, processor, apicPageWrite);
    write.offset = initialCount;
    write.value = value;
  }
}

/** Notes how late the expiry is. */
function measure(machine: GuestMachine, processor: LogicalProcessor, now: number): void {
  const { timer } = guestMemory(machine, processor);
  observe(machine, Record.measured, timer.expiries, now - timer.deadline);
  timer.expiries++;
}

function more(machine: GuestMachine, processor: LogicalProcessor): boolean {
  const { timer } = guestMemory(machine, processor);
  return timer.expiries < timer.total;
}

/** The timer's handler: reads the counter first of all, notes how late that is, and sets the next expiry, as kvm-unit-tests' `tsc_deadline_timer_isr`. */
export const timerIsr = program('timer_isr', () => ({}), [
  saveRegisters,
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  stage('measure', 'guestStores', shared, (m, cpu, _f, now) => {
    measure(m, cpu, now);
    const memory = guestMemory(m, cpu);
    notify(m, memory.handledChannel);
    if (!more(m, cpu)) {
      // A periodic timer does not stop by itself.
      if (memory.timer.program === TimerProgram.periodic) writeInitialCount(m, cpu, 0);
      return;
    }
    if (memory.timer.program !== TimerProgram.periodic) {
      armNext(m, cpu, now);
      return;
    }
    // The timer goes on by itself.
    observe(m, Record.iteration, memory.timer.expiries, 1);
    memory.timer.deadline += memory.timer.interval;
  }),
  eoi,
  iretq,
]);

/**
 * Starts the timer and waits, halted (`halt` 1) or in a loop, until it has expired as often as asked. kvm-unit-tests
 * `x86/tscdeadline_latency.c`.
 */
export const timerLatency = program('timer_latency', () => ({ halt: 1 }), [
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  stage('start', 'guestStores', shared, (m, cpu, _f, now) => {
    armNext(m, cpu, now);
  }),
  stage(
    'test',
    'guestLoads',
    shared,
    (m, cpu, f) => {
      if (!more(m, cpu)) return done;
      return f.halt === 1 ? undefined : 'spin';
    },
    { to: ['spin'] },
  ),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  glue('again', () => 'test', { to: ['test'] }),
  until('spin', 'guestSpinExit', (m, cpu) => !more(m, cpu), {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
  }),
]);

/** The handler of a kernel's timer: wakes the thread that sleeps. Linux (guest) `hrtimer_interrupt`, `hrtimer_wakeup`. */
export const guestHrtimerInterrupt = program('guest_hrtimer_interrupt', () => ({}), [
  saveRegisters,
  stage('hrtimer_wakeup', 'guestHrtimerInterrupt', shared, setHandled, { line: guestLine }),
  eoi,
  iretq,
]);

/**
 * A thread that sleeps until absolute times, one interval apart, and notes how late it runs again: what cyclictest does. While it sleeps the
 * processor idles, halted (`halt` 1) or polling.
 */
export const cyclictest = program('cyclictest', () => ({ halt: 1 }), [
  glue('clock_gettime', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  stage('clock_nanosleep', 'guestNanosleep', shared, (m, cpu, _f, now) => {
    const memory = guestMemory(m, cpu);
    memory.handled = 0;
    const { timer } = memory;
    // The next time on the grid that has not passed.
    const before = timer.deadline === 0 ? now : timer.deadline;
    const missed = Math.max(0, Math.floor((now - before) / timer.interval));
    armNext(m, cpu, before + missed * timer.interval);
  }),
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  stage(
    'need_resched',
    'guestLoads',
    shared,
    (m, cpu, f) => {
      if (guestMemory(m, cpu).handled === 1) return 'schedule';
      return f.halt === 1 ? undefined : 'poll';
    },
    { to: ['schedule', 'poll'] },
  ),
  // STI holds interrupts back until HLT has begun: none can slip in between.
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  glue('woken', () => 'cli', { to: ['cli'] }),
  stage('poll', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  until('tif_need_resched', 'guestSpinExit', (m, cpu) => guestMemory(m, cpu).handled === 1, {
    channel: (m, cpu) => guestMemory(m, cpu).handledChannel,
    line: guestLine,
  }),
  stage('schedule', 'guestWakeUp', shared, (m, cpu) => sti(m, cpu)),
  glue('rdtsc', (m, cpu) => {
    call(m, cpu, rdtsc);
  }),
  stage(
    'measure',
    'guestStores',
    shared,
    (m, cpu, _f, now) => {
      measure(m, cpu, now);
      return more(m, cpu) ? 'clock_gettime' : done;
    },
    { to: ['clock_gettime'] },
  ),
]);
