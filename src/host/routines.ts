import type { Routine } from '../engine/routine.js';
import { excNmi, handleEdgeIrq, startInterrupts, tickSchedTimer } from './host-interrupts.js';
import { doIdle } from './idle.js';
import { hrtick, hrtimerInterrupt, irqentryExit, sysvecRescheduleIpi } from './interrupts.js';
import { loadTask } from './load.js';
import { finishTaskSwitch, schedule } from './schedule.js';
import { hrtimerWakeup, nanosleep } from './sleep.js';
import {
  reschedCurr,
  schedTtwuPending,
  sysvecCallFunctionSingle,
  tryToWakeUp,
  ttwuDoActivate,
} from './try-to-wake-up.js';
import { yieldTo } from './yield-to.js';

/** Every routine of the host. */
export const hostRoutines: readonly Routine[] = [
  excNmi,
  handleEdgeIrq,
  startInterrupts,
  tickSchedTimer,
  doIdle,
  finishTaskSwitch,
  hrtick,
  hrtimerInterrupt,
  irqentryExit,
  loadTask,
  reschedCurr,
  schedTtwuPending,
  sysvecCallFunctionSingle,
  ttwuDoActivate,
  yieldTo,
  hrtimerWakeup,
  nanosleep,
  schedule,
  sysvecRescheduleIpi,
  tryToWakeUp,
].map((routine) => routine as unknown as Routine);
