import { AvicExit } from '../arch/avic.js';
import { ExitReason } from '../arch/exit-reason.js';
import { InternalError } from '../engine/errors.js';
import { call } from '../engine/frames.js';
import { done, local, type Routine, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { sendPhysicalIpi } from '../hardware/physical-apic.js';
import { vmEntry } from '../hardware/vm-entry.js';
import { SystemVector } from '../host/machine.js';
import { avicIncompleteIpiInterception, avicUnaccelTrapWrite } from './avic.js';
import { emulateApicAccess, exitHandlerOf } from './exits.js';
import { vmxExitHandlersFastpath } from './fastpath.js';
import { hasToWaitForDeadline, kvmWaitLapicExpire } from './lapic-timer-advance.js';
import { kvm, Mitigation, makeRequest, VcpuRequest } from './machine.js';
import { retpolinesHandler } from './retpoline.js';

const { program, stage, glue } = kvm;

/** World switch and fastpath on an AMD host. Linux `svm_vcpu_run`. Returns a `Fastpath`. */
export const svmVcpuRun = program('svm_vcpu_run', () => ({}), [
  stage('pre_svm_run', 'vcpuRunPrepare', local, () => {}),
  glue(
    'force_immediate_exit',
    (m, cpu) => (currentVcpu(m, cpu).immediateExit === 0 ? 'sync_lapic_to_cr8' : undefined),
    {
      to: ['sync_lapic_to_cr8'],
    },
  ),
  stage('smp_send_reschedule', 'immediateExit', shared, (m, cpu) => {
    makeRequest(currentVcpu(m, cpu), VcpuRequest.event);
    sendPhysicalIpi(m, cpu.id, SystemVector.reschedule);
  }),
  // TPR as the kernel has it goes to V_TPR, with AVIC as well: from there hardware takes it.
  stage('sync_lapic_to_cr8', 'svmSyncCr8', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.vTpr = vcpu.page.tpr >>> 4;
  }),
  glue('kvm_wait_lapic_expire', (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (hasToWaitForDeadline(vcpu)) call(m, cpu, kvmWaitLapicExpire).target = vcpu.id;
  }),
  stage('clgi', 'svmGif', shared, () => {}),
  glue('vmrun', (m, cpu) => {
    call(m, cpu, vmEntry);
  }),
  glue('spec_ctrl', (m) => ((m.mitigations & Mitigation.ibrs) === 0 ? 'sync_cr8_to_lapic' : undefined), {
    to: ['sync_cr8_to_lapic'],
  }),
  stage('x86_spec_ctrl_restore_host', 'specCtrlPair', local, () => {}),
  stage('sync_cr8_to_lapic', 'svmSyncCr8', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.page.tpr = (vcpu.page.tpr & 0xf) | (vcpu.vTpr << 4);
  }),
  stage('stgi', 'svmGif', shared, () => {}),
  stage('svm_complete_interrupts', 'vcpuRunFinish', local, (m, cpu) => {
    currentVcpu(m, cpu).injected = 0;
    call(m, cpu, vmxExitHandlersFastpath);
  }),
  glue('completion', (_m, _cpu, _f, completion) => completion),
]);

/** An access that AVIC left to software: completed after a trap-like exit, emulated after a fault-like one. Linux `avic_unaccelerated_access_interception`. */
const avicUnacceleratedAccessInterception = program('avic_unaccelerated_access_interception', () => ({}), [
  stage('dispatch', 'avicUnaccelerated', shared, (m, cpu) => {
    const { access, offset } = currentVcpu(m, cpu).exit;
    call(m, cpu, access === 2 && offset !== 0x390 ? avicUnaccelTrapWrite : emulateApicAccess);
  }),
  glue('handled', () => done),
]);

/** The ordinary handling of an exit on an AMD host. Linux `svm_handle_exit`, `svm_exit_handlers`. */
export const svmHandleExit = program('svm_handle_exit', () => ({}), [
  glue('retpoline', (m, cpu) => (retpolinesHandler(m, cpu) ? undefined : 'svm_invoke_exit_handler'), {
    to: ['svm_invoke_exit_handler'],
  }),
  stage('indirect_thunk', 'retpolineHandler', local, () => {}),
  stage('svm_invoke_exit_handler', 'handleExitDispatch', local, (m, cpu) => {
    const reason: number = currentVcpu(m, cpu).exit.reason;
    call(m, cpu, handlerOf(reason));
  }),
  glue('done', () => done),
]);

function handlerOf(reason: number): Routine {
  if (reason === AvicExit.incompleteIpi) return avicIncompleteIpiInterception as unknown as Routine;
  if (reason === AvicExit.unacceleratedAccess) return avicUnacceleratedAccessInterception as unknown as Routine;
  const handler = exitHandlerOf(reason);
  if (handler === undefined || reason === ExitReason.PreemptionTimer) {
    throw new InternalError('svm_handle_exit', `exit ${reason} has no handler`);
  }
  return handler;
}

/** Every routine that only AMD hosts run here. */
export const svmRoutines: readonly Routine[] = [
  svmVcpuRun as unknown as Routine,
  svmHandleExit as unknown as Routine,
  avicUnacceleratedAccessInterception as unknown as Routine,
];
