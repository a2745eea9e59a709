import type { Routine } from '../engine/routine.js';
import { x2apicIcrWrite, xapicIcrWrite } from './apic-driver.js';
import {
  guestNmiHandler,
  guestSmiHandler,
  sendNmis,
  sendSmi,
  startSecondary,
  wakeupSecondaryCpuViaInit,
} from './bring-up.js';
import { deviceIsr } from './device.js';
import { eventLoop } from './event-loop.js';
import { excGeneralProtection } from './general-protection.js';
import { linuxRoutines } from './linux/routines.js';
import { initApicLdr } from './logical-mode.js';
import {
  hvSendIpiMask,
  kvmFlushTlbMulti,
  kvmGuestApicEoiWrite,
  kvmHypercallSchedYield,
  kvmKickCpu,
  kvmSendIpiMask,
  kvmWait,
  pvUnlock,
} from './paravirt.js';
import { pleRoundRobinLoop } from './ple-round-robin.js';
import { busyLoop, haltLoop, ipiEntry, onCpu } from './smp.js';
import { cyclictest, guestHrtimerInterrupt, timerIsr, timerLatency } from './timers.js';
import { testIsr, vmexitLoop, vmexitTests } from './vmexit.js';

/** Every routine of the guest programs. */
export const guestRoutines: readonly Routine[] = [
  busyLoop,
  hvSendIpiMask,
  kvmFlushTlbMulti,
  kvmGuestApicEoiWrite,
  kvmHypercallSchedYield,
  kvmKickCpu,
  kvmSendIpiMask,
  kvmWait,
  pvUnlock,
  pleRoundRobinLoop,
  cyclictest,
  deviceIsr,
  eventLoop,
  guestHrtimerInterrupt,
  timerIsr,
  timerLatency,
  initApicLdr,
  excGeneralProtection,
  guestNmiHandler,
  guestSmiHandler,
  sendSmi,
  haltLoop,
  ipiEntry,
  onCpu,
  sendNmis,
  startSecondary,
  wakeupSecondaryCpuViaInit,
  testIsr,
  vmexitLoop,
  x2apicIcrWrite,
  xapicIcrWrite,
  ...linuxRoutines,
  ...Object.values(vmexitTests).map(({ body }) => body),
].map((routine) => routine as unknown as Routine);
