import type { Routine } from '../engine/routine.js';
import { x2apicIcrWrite, xapicIcrWrite } from '../guest/apic-driver.js';
import { busyLoop, ipiEntry, onCpu } from '../guest/smp.js';
import { vmexitIpi } from '../guest/vmexit.js';
import { apicPageRead, apicPageWrite } from '../hardware/apic-page-access.js';
import { externalInterrupt } from '../hardware/external-interrupt.js';
import { ipiVirtualization } from '../hardware/ipi-virtualization.js';
import { postedInterruptProcessing } from '../hardware/posted-interrupt-processing.js';
import { virtualInterruptDelivery } from '../hardware/virtual-interrupt-delivery.js';
import { vmEntry } from '../hardware/vm-entry.js';
import { vmExitMicrocode } from '../hardware/vm-exit.js';
import { rdmsr, wrmsr } from '../hardware/wrmsr.js';
import { apicAcceptIrq, kvmApicSendIpi, vmxDeliverPostedInterrupt } from '../kvm/deliver.js';
import {
  handleApicWrite,
  handleExternalInterrupt,
  kvmEmulateWrmsr,
  kvmLapicRegWrite,
  vmxHandleExit,
} from '../kvm/exits.js';
import { handleFastpathSetX2apicIcrIrqoff, vmxExitHandlersFastpath } from '../kvm/fastpath.js';
import {
  handleExternalInterruptIrqoff,
  sysvecKvmPostedIntrIpi,
  vcpuEnterGuest,
  vcpuRun,
  vmxVcpuRun,
} from '../kvm/run.js';
import { vmxSyncPirToIrr } from '../kvm/sync-pir-to-irr.js';

/** Every routine that a machine may run: its profile must have a cost for each of their stages. */
export const systemRoutines: readonly Routine[] = [
  apicPageRead,
  apicPageWrite,
  externalInterrupt,
  ipiVirtualization,
  postedInterruptProcessing,
  rdmsr,
  virtualInterruptDelivery,
  vmEntry,
  vmExitMicrocode,
  wrmsr,
  apicAcceptIrq,
  handleApicWrite,
  handleExternalInterrupt,
  handleExternalInterruptIrqoff,
  handleFastpathSetX2apicIcrIrqoff,
  kvmApicSendIpi,
  kvmEmulateWrmsr,
  kvmLapicRegWrite,
  sysvecKvmPostedIntrIpi,
  vcpuEnterGuest,
  vcpuRun,
  vmxDeliverPostedInterrupt,
  vmxExitHandlersFastpath,
  vmxHandleExit,
  vmxSyncPirToIrr,
  vmxVcpuRun,
  busyLoop,
  ipiEntry,
  onCpu,
  vmexitIpi,
  x2apicIcrWrite,
  xapicIcrWrite,
].map((routine) => routine as unknown as Routine);

/** Cost keys that effects name themselves. */
export const systemCostKeys: readonly string[] = ['ipiFlight'];
