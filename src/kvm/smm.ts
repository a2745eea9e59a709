import { interruptAt } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from '../hardware/interrupt-table.js';
import { currentVcpu } from '../hardware/machine.js';
import { type KvmMachine, type KvmVcpu, kvm, makeRequest, VcpuRequest, vmOf } from './machine.js';
import { KvmRecord } from './records.js';
import { skipInstruction } from './skip-instruction.js';

const { program, stage } = kvm;

/** The vector under which a guest's table of handlers has the program at SMBASE + 8000H. */
export const smiHandler = 0x101;

const blockingByNmi = 8;

/** True if an SMI can be taken: not in system-management mode itself. Linux `vmx_smi_allowed`, `svm_smi_allowed`. */
export function smiAllowed(vcpu: KvmVcpu): boolean {
  return vcpu.smm === 0;
}

/**
 * True if INIT and SIPI are looked at: in system-management mode INIT stays latched, and while a hypervisor in the guest is in VMX root
 * operation. Linux `kvm_apic_init_sipi_allowed`, `vmx_apic_init_signal_blocked`.
 */
export function initSipiAllowed({ smm, nested, guestMode }: KvmVcpu): boolean {
  return smm === 0 && (nested < 0 || guestMode === 1);
}

/** The SMI that was sent is one to take before the next entry. Linux `process_smi`. */
export function processSmi(vcpu: KvmVcpu): void {
  vcpu.smiPending = 1;
  makeRequest(vcpu, VcpuRequest.event);
}

/** An INIT or SMI that came in system-management mode, and what the switch itself let in or out, is looked at. Linux `kvm_smm_changed`. */
function smmChanged(machine: KvmMachine, vcpu: KvmVcpu, entering: 0 | 1): void {
  observe(machine, KvmRecord.smmTransition, vcpu.id, entering);
  vcpu.smm = entering;
  if (entering === 0) vcpu.smmInsideNmiMask = 0;
  makeRequest(vcpu, VcpuRequest.event);
}

/**
 * The virtual CPU goes on in its SMI handler: its state is in SMRAM, interrupts are off by RFLAGS and NMIs masked, unless they were, which RSM
 * has to know. A guest that halted without an exit does so no longer. APICv stays as it is: what is posted meanwhile waits for RFLAGS.IF
 * like any virtual interrupt. Linux `enter_smm`, `vmx_enter_smm`.
 */
export function enterSmm(machine: KvmMachine, vcpu: KvmVcpu): void {
  const { smram } = vcpu;
  smram.interruptFlag = vcpu.interruptFlag;
  smram.shadow = vmOf(machine, vcpu).smmKeepsShadow === 1 ? vcpu.interruptibility & 3 : 0;
  vcpu.activity = 0;
  smmChanged(machine, vcpu, 1);
  if ((vcpu.interruptibility & blockingByNmi) !== 0) vcpu.smmInsideNmiMask = 1;
  vcpu.interruptibility = (vcpu.interruptibility & ~3) | blockingByNmi;
  vcpu.interruptFlag = 0;
  interruptAt(machine.threads[vcpu.thread] as Thread, handlerOf(vcpu.guestInterrupts, smiHandler));
}

/** RSM, which the guest executes outside of the processor's own SMM and so is an exit. Linux `em_rsm`, `emulator_leave_smm`, `rsm_load_state_64`. */
export const emulatorLeaveSmm = program('emulator_leave_smm', () => ({}), [
  stage('rsm_load_state', 'leaveSmm', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.smmInsideNmiMask === 0) vcpu.interruptibility &= ~blockingByNmi;
    smmChanged(m, vcpu, 0);
    skipInstruction(m, vcpu);
    vcpu.interruptFlag = vcpu.smram.interruptFlag;
    vcpu.interruptibility |= vcpu.smram.shadow;
  }),
]);
