import type { Routine } from '../engine/routine.js';
import { doIdle } from './idle.js';
import { hrtick, hrtimerInterrupt, sysvecRescheduleIpi } from './interrupts.js';
import { finishTaskSwitch, schedule } from './schedule.js';
import { hrtimerWakeup, nanosleep } from './sleep.js';
import { reschedCurr, tryToWakeUp } from './try-to-wake-up.js';

/** Every routine of the host. */
export const hostRoutines: readonly Routine[] = [
  doIdle,
  finishTaskSwitch,
  hrtick,
  hrtimerInterrupt,
  reschedCurr,
  hrtimerWakeup,
  nanosleep,
  schedule,
  sysvecRescheduleIpi,
  tryToWakeUp,
].map((routine) => routine as unknown as Routine);
