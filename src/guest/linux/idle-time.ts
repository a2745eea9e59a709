import { call } from '../../engine/frames.js';
import { local } from '../../engine/routine.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { type GuestMachine, guest, linuxGuest, thisCpu } from '../machine.js';
import { ktimeGet } from './clock.js';

// An interrupt on a CPU that idles, with its tick stopped or not, ends what counts as idle time, and begins it again: each reads the clock.

const { program, stage, glue } = guest;

/** Linux `tick_irq_enter`: `tick_nohz_stop_idle`, `tick_nohz_update_jiffies`. */
const tickIrqEnter = program('guest:tick_irq_enter', () => ({}), [
  glue('ktime_get', (m, cpu) => {
    call(m, cpu, ktimeGet);
  }),
  stage('tick_nohz_stop_idle', 'guestTickAccounting', local, () => {}),
]);

/**
 * Linux `tick_nohz_irq_exit`: `tick_nohz_start_idle`; before 4.17 also `tick_nohz_stop_sched_tick`, which looks for the next timer, and since then is
 * for the idle loop to do.
 */
const tickIrqExit = program('guest:tick_irq_exit', () => ({}), [
  glue('ktime_get', (m, cpu) => {
    call(m, cpu, ktimeGet);
  }),
  stage('tick_nohz_start_idle', 'guestTickAccounting', local, () => {}),
  glue('inidle', (m, cpu) => (linuxGuest(m, cpu).tickOnIrqExit === 1 ? undefined : 'restarted'), { to: ['restarted'] }),
  stage('tick_nohz_stop_sched_tick', 'guestNextTimer', local, () => {}),
  glue('restarted', () => {}),
]);

/** The part of `irq_enter` that an idle CPU has. */
export function tickEnter(machine: GuestMachine, processor: LogicalProcessor): undefined {
  if (thisCpu(machine, processor).inIdle === 1) call(machine, processor, tickIrqEnter);
}

/** The part of `irq_exit` that an idle CPU has, unless the interrupt has made a task ready. */
export function tickExit(machine: GuestMachine, processor: LogicalProcessor): undefined {
  const { inIdle, needResched } = thisCpu(machine, processor);
  if (inIdle === 1 && needResched === 0) call(machine, processor, tickIrqExit);
}

/** Their routines. */
export const tickRoutines = [tickIrqEnter, tickIrqExit] as const;
