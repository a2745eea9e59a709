import { ExitReason } from '../arch/exit-reason.js';
import { call, interruptAt } from '../engine/frames.js';
import { done, local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from '../hardware/interrupt-table.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { physicalEoi } from '../hardware/physical-apic.js';
import { vmEntry } from '../hardware/vm-entry.js';
import { vmxHandleExit } from './exits.js';
import { vmxExitHandlersFastpath } from './fastpath.js';
import { Fastpath, type KvmMachine, kvm, VcpuMode } from './machine.js';
import { vmxSyncPirToIrr } from './sync-pir-to-irr.js';

const { program, stage, glue } = kvm;

function modeLine(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).modeLine;
}

/** World switch and fastpath, with interrupts off. Linux `vmx_vcpu_run`. Returns a {@link Fastpath}. */
export const vmxVcpuRun = program('vmx_vcpu_run', () => ({}), [
  stage('prepare', 'vcpuRunPrepare', local, () => {}),
  glue('vmenter', (m, cpu) => {
    call(m, cpu, vmEntry);
  }),
  stage('read-exit-information', 'vcpuRunFinish', local, (m, cpu) => {
    call(m, cpu, vmxExitHandlersFastpath);
  }),
  glue('completion', (_m, _cpu, _f, completion) => completion),
]);

/** An interrupt acknowledged by the exit is handled by a call, interrupts still off. Linux `vmx_handle_exit_irqoff`. */
export const handleExternalInterruptIrqoff = program('handle_external_interrupt_irqoff', () => ({}), [
  stage('call-handler', 'externalInterruptIrqoff', local, (m, cpu) => {
    const vector = currentVcpu(m, cpu).exit.interruptionInformation & 0xff;
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(m.hostInterrupts, vector));
  }),
]);

/** One entry into the guest and what follows from its exit. Linux `vcpu_enter_guest`. */
export const vcpuEnterGuest = program('vcpu_enter_guest', () => ({ fastpath: 0 }), [
  stage('requests', 'checkRequests', shared, (m, cpu) => {
    currentVcpu(m, cpu).requests = 0;
  }),
  stage('prepare_switch_to_guest', 'prepareSwitchToGuest', local, () => {}),
  stage('local_irq_disable', 'irqDisable', shared, (_m, cpu) => {
    cpu.masked = 1;
  }),
  // From here a poster sends a notification, and the entry below looks at ON: in this order nothing is lost.
  stage(
    'set-in-guest-mode',
    'vcpuModeWrite',
    shared,
    (m, cpu) => {
      currentVcpu(m, cpu).mode = VcpuMode.inGuestMode;
    },
    { line: modeLine },
  ),
  glue('sync_pir_to_irr', (m, cpu) => {
    call(m, cpu, vmxSyncPirToIrr);
  }),
  stage(
    'kvm_vcpu_exit_request',
    'exitRequestCheck',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      f.fastpath = Fastpath.exitHandled;
      return vcpu.requests !== 0 || vcpu.mode === VcpuMode.exitingGuestMode ? 'set-outside-guest-mode' : undefined;
    },
    { to: ['set-outside-guest-mode'], line: modeLine },
  ),
  glue('vmx_vcpu_run', (m, cpu) => {
    call(m, cpu, vmxVcpuRun);
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
      currentVcpu(m, cpu).mode = VcpuMode.outsideGuestMode;
    },
    { line: modeLine },
  ),
  glue('handle_exit_irqoff', (m, cpu, f) => {
    const { reason } = currentVcpu(m, cpu).exit;
    if (f.fastpath === Fastpath.none && reason === ExitReason.ExternalInterrupt) {
      call(m, cpu, handleExternalInterruptIrqoff);
    }
  }),
  stage('local_irq_enable', 'irqEnable', shared, (_m, cpu) => {
    cpu.masked = 0;
    cpu.attention = 1;
  }),
  stage('finish_switch_from_guest', 'finishSwitchFromGuest', local, () => {}),
  glue('handle_exit', (m, cpu, f) => {
    if (f.fastpath !== Fastpath.none) return done;
    call(m, cpu, vmxHandleExit);
    return undefined;
  }),
]);

/** A virtual CPU's thread. Linux `vcpu_run`. */
export const vcpuRun = program('vcpu_run', () => ({}), [
  stage('loop', 'vcpuRunLoop', local, (m, cpu) => {
    call(m, cpu, vcpuEnterGuest);
  }),
  glue('again', () => 'loop', { to: ['loop'] }),
]);

/** A notification that found its processor in root operation: counted, nothing else. Linux `sysvec_kvm_posted_intr_ipi`. */
export const sysvecKvmPostedIntrIpi = program('sysvec_kvm_posted_intr_ipi', () => ({}), [
  stage('eoi', 'hostInterruptHandler', shared, (_m, cpu) => {
    physicalEoi(cpu);
  }),
]);
