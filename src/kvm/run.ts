import { PinBased } from '../arch/controls.js';
import { ExitReason } from '../arch/exit-reason.js';
import { call, interruptAt } from '../engine/frames.js';
import { readClock } from '../engine/requests.js';
import { done, local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { fence, store } from '../engine/store-buffer.js';
import { askForL1dFlush } from '../hardware/external-interrupt.js';
import { handlerOf } from '../hardware/interrupt-table.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { physicalEoi, sendPhysicalIpi } from '../hardware/physical-apic.js';
import { preemptionTimerShift } from '../hardware/preemption-timer.js';
import { vmEntry } from '../hardware/vm-entry.js';
import { localIrqDisable, localIrqEnable } from '../host/local-irq.js';
import { runQueueOf, SystemVector } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { vmxHandleExit } from './exits.js';
import { vmxExitHandlersFastpath } from './fastpath.js';
import { vcpuBlock } from './halt.js';
import { kvmApicInjectPendingTimerIrqs } from './lapic-timer.js';
import { hasToWaitForDeadline, kvmWaitLapicExpire } from './lapic-timer-advance.js';
import {
  Fastpath,
  type KvmMachine,
  kvm,
  Mitigation,
  MpState,
  makeRequest,
  VcpuMode,
  VcpuRequest,
  vcpuMode,
  vmOf,
} from './machine.js';
import { isNestedContext } from './nested/guest-mode.js';
import { leaveVmcs02, loadVmcs02 } from './nested/vmcs02-run.js';
import { qemuWaitIoEvent } from './pause.js';
import { apicSyncPvEoiFromGuest } from './pv-eoi.js';
import { kvmCheckRequests } from './requests.js';
import { retpolinesVendorOps } from './retpoline.js';
import { svmHandleExit, svmVcpuRun } from './svm-run.js';
import { vmxSyncPirToIrr } from './sync-pir-to-irr.js';

const { program, stage, glue } = kvm;

function modeLine(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).modeLine;
}

/** Linux `kvm_wait_lapic_expire`, at the one of its two places that the kernel has it. */
function waitForDeadline(machine: KvmMachine, processor: LogicalProcessor, early: number): undefined {
  const vcpu = currentVcpu(machine, processor);
  if (vmOf(machine, vcpu).timerWaitEarly !== early || !hasToWaitForDeadline(vcpu)) return;
  call(machine, processor, kvmWaitLapicExpire).target = vcpu.id;
}

/** World switch and fastpath, with interrupts off. Linux `vmx_vcpu_run`. Returns a {@link Fastpath}. */
export const vmxVcpuRun = program('vmx_vcpu_run', () => ({}), [
  stage('prepare', 'vcpuRunPrepare', local, () => {}),
  glue('force_immediate_exit', (m, cpu) => (currentVcpu(m, cpu).immediateExit === 0 ? 'hv_timer_in_use' : undefined), {
    to: ['hv_timer_in_use'],
  }),
  // By a timer that has expired when the guest would execute its first instruction, or by an interrupt of the host.
  stage(
    'vmx_request_immediate_exit',
    'immediateExit',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      makeRequest(vcpu, VcpuRequest.event);
      if (vmOf(m, vcpu).preemptionTimer === 0) {
        sendPhysicalIpi(m, cpu.id, SystemVector.reschedule);
        return 'hv_timer_in_use';
      }
      vcpu.vmcs.pinBasedControls |= PinBased.activateVmxPreemptionTimer;
      vcpu.preemptionTimerValue = 0;
      return 'kvm_wait_lapic_expire';
    },
    { to: ['hv_timer_in_use', 'kvm_wait_lapic_expire'] },
  ),
  glue(
    'hv_timer_in_use',
    (m, cpu) => (currentVcpu(m, cpu).lapicTimer.hvInUse === 1 ? undefined : 'kvm_wait_lapic_expire'),
    { to: ['kvm_wait_lapic_expire'] },
  ),
  stage('vmx_update_hv_timer', 'hvTimerUpdate', shared, (m) => {
    readClock(m);
  }),
  glue('vmx_set_preemption_timer_value', (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    const left = Math.max(0, vcpu.lapicTimer.deadline - vcpu.lapicTimer.advance - now);
    vcpu.preemptionTimerValue = Math.floor(left / 2 ** preemptionTimerShift);
  }),
  // Since 5.3 (commit b6c4bc659ccc) as late as it can be: what comes before it takes no time from the guest.
  glue('kvm_wait_lapic_expire', (m, cpu) => waitForDeadline(m, cpu, 0)),
  glue(
    'vmx_l1d_should_flush',
    (m, cpu) => ((m.mitigations & Mitigation.l1dFlush) !== 0 || cpu.flushL1d === 1 ? undefined : 'mds_user_clear'),
    { to: ['mds_user_clear'] },
  ),
  stage('vmx_l1d_flush', 'l1dFlush', local, (_m, cpu) => {
    if (cpu.flushL1d === 1) cpu.flushL1d = 0;
  }),
  glue('mds_user_clear', (m) => ((m.mitigations & Mitigation.mds) === 0 ? 'vmenter' : undefined), { to: ['vmenter'] }),
  stage('mds_clear_cpu_buffers', 'verw', local, () => {}),
  glue('vmenter', (m, cpu) => {
    if (currentVcpu(m, cpu).guestMode === 1) loadVmcs02(m, cpu);
    call(m, cpu, vmEntry);
  }),
  glue('clear_bhb', (m) => ((m.mitigations & Mitigation.bhb) === 0 ? 'spec_ctrl' : undefined), { to: ['spec_ctrl'] }),
  // The branch history is overwritten before anything of the host is predicted by it.
  stage('clear_bhb_loop', 'bhbClear', local, () => {}),
  glue(
    'spec_ctrl',
    (m, cpu) => {
      if (isNestedContext(m, currentVcpu(m, cpu))) leaveVmcs02(m, cpu);
      return (m.mitigations & Mitigation.ibrs) === 0 ? 'read-exit-information' : undefined;
    },
    { to: ['read-exit-information'] },
  ),
  // The host's value comes back right after the exit; the guest's goes in with the entry, and is charged here, too.
  stage('vmx_spec_ctrl_restore_host', 'specCtrlPair', local, () => {}),
  stage('read-exit-information', 'vcpuRunFinish', local, (m, cpu) => {
    // What was injected with the entry has been delivered: Linux `vmx_complete_interrupts`.
    currentVcpu(m, cpu).injected = 0;
    call(m, cpu, vmxExitHandlersFastpath);
  }),
  glue('completion', (_m, _cpu, _f, completion) => completion),
]);

/** An interrupt acknowledged by the exit, or an NMI, is handled by a call, interrupts still off. Linux `vmx_handle_exit_irqoff`. */
export const handleExternalInterruptIrqoff = program('handle_external_interrupt_irqoff', () => ({}), [
  stage('call-handler', 'externalInterruptIrqoff', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.atInstructionBoundary = 1;
    const vector = vcpu.exit.interruptionInformation & 0xff;
    if (vector !== 2) askForL1dFlush(cpu);
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(m.hostInterrupts, vector));
  }),
]);

/** One entry into the guest and what follows from its exit. Linux `vcpu_enter_guest`. */
export const vcpuEnterGuest = program('vcpu_enter_guest', () => ({ fastpath: 0 }), [
  stage(
    'kvm_request_pending',
    'checkRequests',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.immediateExit === 1) {
        vcpu.immediateExit = 0;
        if (vcpu.lapicTimer.hvInUse === 0) vcpu.vmcs.pinBasedControls &= ~PinBased.activateVmxPreemptionTimer;
      }
      if (vcpu.requests === 0) return 'prepare_switch_to_guest';
      call(m, cpu, kvmCheckRequests);
      return undefined;
    },
    { to: ['prepare_switch_to_guest'], line: modeLine },
  ),
  glue('runnable', (_m, _cpu, _f, stopped) => (stopped === 1 ? done : undefined)),
  stage('prepare_switch_to_guest', 'prepareSwitchToGuest', local, () => {}),
  glue('retpoline', (m, cpu) => (retpolinesVendorOps(m, cpu) ? undefined : 'local_irq_disable'), {
    to: ['local_irq_disable'],
  }),
  // All of a round together: prepare_guest_switch, sync_pir_to_irr, run, handle_exit_irqoff, handle_exit and what that skips the instruction by.
  stage('indirect_thunk', 'retpolineVendorOps', local, () => {}),
  stage('local_irq_disable', 'irqDisable', shared, (_m, cpu) => {
    localIrqDisable(cpu);
  }),
  // From here a poster sends a notification, and the entry below looks at ON: in this order nothing is lost.
  stage(
    'set-in-guest-mode',
    'vcpuModeWrite',
    shared,
    (m, cpu) => {
      store(m, cpu, vcpuMode, cpu.vcpu, VcpuMode.inGuestMode);
    },
    { line: modeLine },
  ),
  stage('smp_mb__after_srcu_read_unlock', 'memoryBarrier', shared, (m, cpu) => {
    fence(m, cpu);
  }),
  glue('sync_pir_to_irr', (m, cpu) => {
    const { apicv, svm } = vmOf(m, currentVcpu(m, cpu));
    if (apicv === 1 && svm === 0) call(m, cpu, vmxSyncPirToIrr);
  }),
  stage(
    'kvm_vcpu_exit_request',
    'exitRequestCheck',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const { needResched } = runQueueOf(m, cpu.id);
      if (
        vcpu.requests === 0 &&
        vcpu.mode !== VcpuMode.exitingGuestMode &&
        needResched === 0 &&
        vcpu.signalPending === 0
      )
        return undefined;
      f.fastpath = Fastpath.exitHandled;
      // Why the guest was to come back at once is to be looked at again.
      if (vcpu.immediateExit === 1) makeRequest(vcpu, VcpuRequest.event);
      if (vcpu.injected !== 0) {
        // Linux `vmx_cancel_injection`: it is injected with the next entry.
        vcpu.entryInterruption = 0;
        makeRequest(vcpu, VcpuRequest.event);
      }
      return 'set-outside-guest-mode-early';
    },
    { to: ['set-outside-guest-mode-early'], line: modeLine },
  ),
  // Before 5.3, a long way before the entry.
  glue('wait_lapic_expire', (m, cpu) => waitForDeadline(m, cpu, 1)),
  glue('vmx_vcpu_run', (m, cpu) => {
    call(m, cpu, currentVcpu(m, cpu).svm === 1 ? svmVcpuRun : vmxVcpuRun);
  }),
  glue(
    'reenter',
    (_m, _cpu, f, completion) => {
      f.fastpath = completion;
      return completion === Fastpath.reenterGuest ? 'sync_pir_to_irr' : undefined;
    },
    { to: ['sync_pir_to_irr'] },
  ),
  stage(
    'set-outside-guest-mode',
    'vcpuModeWrite',
    shared,
    (m, cpu) => {
      store(m, cpu, vcpuMode, cpu.vcpu, VcpuMode.outsideGuestMode);
    },
    { line: modeLine },
  ),
  glue('handle_exit_irqoff', (m, cpu, f) => {
    const { exit, svm } = currentVcpu(m, cpu);
    const { reason } = exit;
    if (f.fastpath !== Fastpath.none) return;
    // SVM does not acknowledge the interrupt: it comes as soon as interrupts are on.
    if (svm === 1 && reason === ExitReason.ExternalInterrupt) return;
    // An exception of the guest's is left to its handler.
    const isNmi = ((exit.interruptionInformation >>> 8) & 7) === 2;
    if (reason === ExitReason.ExternalInterrupt || (reason === ExitReason.ExceptionNmi && isNmi)) {
      call(m, cpu, handleExternalInterruptIrqoff);
    }
  }),
  // The exit has stored registers and CR2 by now, in a line that senders read.
  stage(
    'local_irq_enable',
    'irqEnable',
    shared,
    (m, cpu) => {
      fence(m, cpu);
      localIrqEnable(cpu);
    },
    { line: (m, cpu) => currentVcpu(m, cpu).archLine },
  ),
  stage('finish_switch_from_guest', 'finishSwitchFromGuest', local, () => {}),
  glue('apic_attention', (m, cpu) => (currentVcpu(m, cpu).pvEoiPending === 0 ? 'handle_exit' : undefined), {
    to: ['handle_exit'],
  }),
  glue('kvm_lapic_sync_from_vapic', (m, cpu) => {
    call(m, cpu, apicSyncPvEoiFromGuest);
  }),
  glue('handle_exit', (m, cpu, f) => {
    if (f.fastpath !== Fastpath.none) return done;
    call(m, cpu, currentVcpu(m, cpu).svm === 1 ? svmHandleExit : vmxHandleExit);
    return undefined;
  }),
  glue('exit-handled', () => done),
  // The guest was not entered: nothing of an exit is handled.
  stage(
    'set-outside-guest-mode-early',
    'vcpuModeWrite',
    shared,
    (m, cpu) => {
      store(m, cpu, vcpuMode, cpu.vcpu, VcpuMode.outsideGuestMode);
    },
    { line: modeLine },
  ),
  stage('cancel_injection', 'irqEnable', shared, (m, cpu) => {
    fence(m, cpu);
    localIrqEnable(cpu);
  }),
  // What the guest ended by memory before a fastpath that enters again was called off is over; an offer that it never saw is withdrawn.
  glue('apic_attention-cancelled', (m, cpu) => {
    if (currentVcpu(m, cpu).pvEoiPending === 0) return done;
    call(m, cpu, apicSyncPvEoiFromGuest);
    return undefined;
  }),
  glue('cancelled', () => done),
]);

/** A virtual CPU's thread. Linux `vcpu_run`. */
export const vcpuRun = program('vcpu_run', () => ({}), [
  stage('kvm_vcpu_running', 'vcpuRunLoop', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.atInstructionBoundary = 0;
    if (vcpu.mpState === MpState.runnable) call(m, cpu, vcpuEnterGuest);
    else call(m, cpu, vcpuBlock);
  }),
  stage(
    'kvm_clear_request-unblock',
    'vcpuRunLoopEnd',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if ((vcpu.requests & VcpuRequest.unblock) !== 0) vcpu.requests &= ~VcpuRequest.unblock;
      if (vcpu.lapicTimer.pending > 0) call(m, cpu, kvmApicInjectPendingTimerIrqs).target = vcpu.id;
    },
    { line: modeLine },
  ),
  stage('xfer_to_guest_mode_handle_work', 'xferToGuestMode', shared, (m, cpu) => {
    if (currentVcpu(m, cpu).signalPending === 1) call(m, cpu, qemuWaitIoEvent);
    else if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule);
  }),
  glue('again', () => 'kvm_vcpu_running', { to: ['kvm_vcpu_running'] }),
]);

/** A notification that found its processor in root operation: counted, nothing else. Linux `sysvec_kvm_posted_intr_ipi`. */
export const sysvecKvmPostedIntrIpi = program('sysvec_kvm_posted_intr_ipi', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
]);

/** The same for the vector that notifies a processor in L2. Linux `sysvec_kvm_posted_intr_nested_ipi`. */
export const sysvecKvmPostedIntrNestedIpi = program('sysvec_kvm_posted_intr_nested_ipi', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
]);
