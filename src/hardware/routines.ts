import type { Routine } from '../engine/routine.js';
import { apicPageRead, apicPageWrite } from './apic-page-access.js';
import { avicIpi } from './avic.js';
import { cacheInvalidation, deviceWrite, portAccess } from './device-access.js';
import { exceptionDelivery } from './exceptions.js';
import { externalInterrupt, leaveGuestHalt, leaveHalt } from './external-interrupt.js';
import {
  cpuid,
  hlt,
  movFromCr8Instruction,
  movToCr8Instruction,
  rdtsc,
  rsm,
  vmcall,
  vmresume,
} from './instructions.js';
import { ipiVirtualization } from './ipi-virtualization.js';
import { pauseInstruction } from './pause-loop.js';
import { postedInterruptProcessing } from './posted-interrupt-processing.js';
import { virtualInterruptDelivery } from './virtual-interrupt-delivery.js';
import { eventInjection, vmEntry } from './vm-entry.js';
import { vmExitMicrocode } from './vm-exit.js';
import { rdmsr, wrmsr } from './wrmsr.js';

/** Every routine of the processor. */
export const hardwareRoutines: readonly Routine[] = [
  apicPageRead,
  apicPageWrite,
  avicIpi,
  cacheInvalidation,
  cpuid,
  deviceWrite,
  portAccess,
  eventInjection,
  exceptionDelivery,
  externalInterrupt,
  hlt,
  ipiVirtualization,
  leaveGuestHalt,
  leaveHalt,
  movFromCr8Instruction,
  movToCr8Instruction,
  pauseInstruction,
  postedInterruptProcessing,
  rdmsr,
  rdtsc,
  rsm,
  virtualInterruptDelivery,
  vmcall,
  vmEntry,
  vmExitMicrocode,
  vmresume,
  wrmsr,
].map((routine) => routine as unknown as Routine);

/** Cost keys that effects of the processor name themselves. */
export const hardwareCostKeys: readonly string[] = ['doorbellFlight', 'ipiFlight'];
