import type { Routine } from '../../engine/routine.js';
import { calledFunctions } from './called-functions.js';
import { indirectThunk, ktimeGet } from './clock.js';
import { guestDoIdle } from './do-idle.js';
import { flushSmpCallFunctionQueue } from './flush-smp-call-function-queue.js';
import { tickRoutines } from './idle-time.js';
import { linuxHandlers } from './interrupts.js';
import {
  callFunctionLoop,
  clientLoop,
  ipiBenchLoop,
  mixLoop,
  pingLoop,
  serverLoop,
  shootdownLoop,
} from './programs.js';
import { guestSchedule, nanosleep, receiveMessage, sendMessage } from './schedule.js';
import { kvmSmpSendCallFuncIpi, sendCallFunctionIpiMask, sendCallFunctionSingleIpi, sendIpiMask } from './send-ipi.js';
import { smpCallFunctionMany, smpCallFunctionSingle } from './smp-call-function.js';
import { hrtimerInterrupt, hrtimerStart, tickNohzIdleExit, tickNohzIdleStopTick } from './tick.js';
import { flushTlbMmRange } from './tlb.js';
import { guestTryToWakeUp, schedTtwuPending } from './wake-up.js';

/** Every routine of the Linux guest. */
export const linuxRoutines: readonly Routine[] = [
  callFunctionLoop,
  clientLoop,
  flushSmpCallFunctionQueue,
  flushTlbMmRange,
  guestDoIdle,
  guestSchedule,
  guestTryToWakeUp,
  hrtimerInterrupt,
  hrtimerStart,
  indirectThunk,
  ipiBenchLoop,
  ktimeGet,
  kvmSmpSendCallFuncIpi,
  mixLoop,
  nanosleep,
  pingLoop,
  receiveMessage,
  schedTtwuPending,
  sendCallFunctionIpiMask,
  sendCallFunctionSingleIpi,
  sendIpiMask,
  sendMessage,
  serverLoop,
  shootdownLoop,
  smpCallFunctionMany,
  smpCallFunctionSingle,
  tickNohzIdleExit,
  tickNohzIdleStopTick,
  ...calledFunctions,
  ...tickRoutines,
  ...linuxHandlers.map(([, routine]) => routine),
].map((routine) => routine as unknown as Routine);
