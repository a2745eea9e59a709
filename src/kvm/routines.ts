import type { Routine } from '../engine/routine.js';
import { kvmApicAcceptEvents } from './accept-events.js';
import { apicAcceptIrq } from './accept-irq.js';
import { kvmSetOrClearApicvInhibit, kvmVcpuUpdateApicv } from './apicv.js';
import {
  avicIncompleteIpiInterception,
  avicKickTargetVcpus,
  avicUnaccelTrapWrite,
  avicVcpuLoad,
  avicVcpuPut,
} from './avic.js';
import { vmxDeliverInterrupt, vmxDeliverNestedPostedInterrupt, vmxDeliverPostedInterrupt } from './deliver.js';
import { emulateDeviceWrite, signalFastMmio, userSpaceIo } from './device-emulation.js';
import { emulateApicAccess, exitHandlers, vmxHandleExit } from './exits.js';
import {
  handleFastpathHlt,
  handleFastpathPreemptionTimer,
  handleFastpathSetTscdeadline,
  handleFastpathSetX2apicIcrIrqoff,
  kvmX2apicIcrWriteFast,
  vmxExitHandlersFastpath,
} from './fastpath.js';
import { kvmVcpuBlock, kvmVcpuHalt, vcpuBlock } from './halt.js';
import { kvmHvSendIpi } from './hv-send-ipi.js';
import { kvmEmulateHypercall } from './hypercall.js';
import { kvmCheckAndInjectEvents } from './inject.js';
import {
  ioapicService,
  ioapicWriteIndirect,
  kvmIoapicEoiInjectWork,
  kvmIoapicSendEoi,
  kvmIoapicSetIrq,
} from './ioapic.js';
import { irqfdInject, kvmPiUpdateIrte, vfioInterruptHandler, vfioThread } from './irqfd.js';
import { kvmVcpuKick, kvmVcpuWakeUp } from './kick.js';
import {
  apicTimerExpired,
  apicTimerFn,
  kvmApicInjectPendingTimerIrqs,
  kvmLapicExpiredHvTimer,
  kvmMigrateApicTimer,
  restartApicTimer,
  startApicTimer,
  startSwTimer,
  updateDivideCount,
} from './lapic-timer.js';
import { kvmWaitLapicExpire } from './lapic-timer-advance.js';
import { kvmLapicRegWrite } from './lapic-write.js';
import { migrationThread } from './migration-thread.js';
import { vmxCheckNestedEvents, vmxCompleteNestedPostedInterrupt } from './nested/nested-events.js';
import { nestedVmxVmexit } from './nested/nested-vmexit.js';
import { kvmSchedYield, kvmVcpuOnSpin } from './on-spin.js';
import { pauseAllVcpus, qemuWaitIoEvent } from './pause.js';
import { piPostBlock, piPostBlockWork, piPreBlock } from './pi-block.js';
import { piWakeupHandler, vmxPiStartBypass, vmxVcpuPiLoad, vmxVcpuPiPut } from './pi-load-put.js';
import { apicSyncPvEoiFromGuest } from './pv-eoi.js';
import { kvmPvSendIpi } from './pv-send-ipi.js';
import { kvmCheckRequests } from './requests.js';
import {
  handleExternalInterruptIrqoff,
  sysvecKvmPostedIntrIpi,
  sysvecKvmPostedIntrNestedIpi,
  vcpuEnterGuest,
  vcpuRun,
  vmxVcpuRun,
} from './run.js';
import { kvmSchedIn, kvmSchedOut } from './sched-notifiers.js';
import { kvmApicSendIpi, kvmIrqDeliveryToApic } from './send-ipi.js';
import { emulatorLeaveSmm } from './smm.js';
import { avicRingDoorbell, svmCompleteInterruptDelivery, svmDeliverInterrupt } from './svm-deliver.js';
import { svmRoutines } from './svm-run.js';
import { finishSwait, prepareToSwait, swakeUpOne } from './swait.js';
import { vmxSyncPirToIrr } from './sync-pir-to-irr.js';
import { inhibitThread } from './vm-ioctl.js';

/** Every routine of KVM. */
export const kvmRoutines: readonly Routine[] = [
  ...new Set([
    ...exitHandlers.map(([, routine]) => routine),
    ...svmRoutines,
    ...[
      irqfdInject,
      vfioInterruptHandler,
      vfioThread,
      avicIncompleteIpiInterception,
      avicKickTargetVcpus,
      avicRingDoorbell,
      avicUnaccelTrapWrite,
      avicVcpuLoad,
      avicVcpuPut,
      svmCompleteInterruptDelivery,
      svmDeliverInterrupt,
      apicAcceptIrq,
      apicTimerExpired,
      apicTimerFn,
      emulateApicAccess,
      emulateDeviceWrite,
      signalFastMmio,
      userSpaceIo,
      handleExternalInterruptIrqoff,
      handleFastpathHlt,
      handleFastpathPreemptionTimer,
      handleFastpathSetTscdeadline,
      handleFastpathSetX2apicIcrIrqoff,
      kvmX2apicIcrWriteFast,
      inhibitThread,
      migrationThread,
      ioapicService,
      kvmApicAcceptEvents,
      kvmApicInjectPendingTimerIrqs,
      kvmApicSendIpi,
      kvmCheckAndInjectEvents,
      kvmCheckRequests,
      kvmEmulateHypercall,
      kvmHvSendIpi,
      apicSyncPvEoiFromGuest,
      kvmPvSendIpi,
      kvmSchedYield,
      kvmVcpuOnSpin,
      ioapicWriteIndirect,
      kvmPiUpdateIrte,
      kvmIoapicEoiInjectWork,
      kvmIoapicSendEoi,
      kvmIoapicSetIrq,
      kvmIrqDeliveryToApic,
      kvmLapicExpiredHvTimer,
      kvmLapicRegWrite,
      kvmSchedIn,
      kvmSchedOut,
      kvmSetOrClearApicvInhibit,
      kvmVcpuBlock,
      prepareToSwait,
      emulatorLeaveSmm,
      finishSwait,
      swakeUpOne,
      kvmVcpuHalt,
      kvmVcpuKick,
      kvmVcpuUpdateApicv,
      kvmVcpuWakeUp,
      kvmWaitLapicExpire,
      pauseAllVcpus,
      piPostBlock,
      piPostBlockWork,
      piPreBlock,
      piWakeupHandler,
      qemuWaitIoEvent,
      restartApicTimer,
      startApicTimer,
      startSwTimer,
      updateDivideCount,
      kvmMigrateApicTimer,
      sysvecKvmPostedIntrIpi,
      sysvecKvmPostedIntrNestedIpi,
      vcpuBlock,
      vcpuEnterGuest,
      vcpuRun,
      nestedVmxVmexit,
      vmxCheckNestedEvents,
      vmxCompleteNestedPostedInterrupt,
      vmxDeliverInterrupt,
      vmxDeliverNestedPostedInterrupt,
      vmxDeliverPostedInterrupt,
      vmxExitHandlersFastpath,
      vmxHandleExit,
      vmxPiStartBypass,
      vmxSyncPirToIrr,
      vmxVcpuPiLoad,
      vmxVcpuPiPut,
      vmxVcpuRun,
    ].map((routine) => routine as unknown as Routine),
  ]),
];
