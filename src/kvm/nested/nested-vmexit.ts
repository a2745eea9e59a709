import { highestBit } from '../../arch/bits256.js';
import { ExitReason } from '../../arch/exit-reason.js';
import { setSvi } from '../../arch/guest-interrupt-status.js';
import { syncVmcs12 } from '../../arch/nested/vmcs02.js';
import { retireInstruction } from '../../engine/frames.js';
import { observe } from '../../engine/requests.js';
import { shared } from '../../engine/routine.js';
import type { Thread } from '../../engine/state.js';
import { currentVcpu } from '../../hardware/machine.js';
import { refreshApicvExecCtrl } from '../apicv.js';
import { type KvmMachine, type KvmVcpu, kvm, MpState } from '../machine.js';
import { KvmRecord } from '../records.js';
import { loadedContext, nestedOf } from './guest-mode.js';

const { program, stage } = kvm;

/** What was put off until vmcs01 is loaded: a change of APICv, and SVI after an EOI that KVM emulated while L2 was active. */
function updateVmcs01(machine: KvmMachine, vcpu: KvmVcpu): void {
  const nested = nestedOf(machine, vcpu);
  if (nested.updateVmcs01ApicvStatus === 1) {
    nested.updateVmcs01ApicvStatus = 0;
    refreshApicvExecCtrl(machine, vcpu);
  }
  if (nested.updateVmcs01HwapicIsr === 1) {
    nested.updateVmcs01HwapicIsr = 0;
    if (vcpu.apicvActive === 1) setSvi(vcpu.vmcs, Math.max(0, highestBit(vcpu.page.isr)));
  }
}

/** L1 goes on behind its VMRESUME, which comes to the exit reason, with interrupts disabled. Linux `load_vmcs12_host_state`. */
function loadVmcs12HostState(machine: KvmMachine, vcpu: KvmVcpu, reason: number): void {
  retireInstruction(machine.threads[vcpu.thread] as Thread, reason);
  vcpu.interruptFlag = 0;
  // By STI and MOV SS; an exit for an NMI blocks further ones.
  vcpu.interruptibility = reason === ExitReason.ExceptionNmi ? 8 : vcpu.interruptibility & 8;
  vcpu.activity = 0;
}

/**
 * An exit from L2 to L1, made by software: L2 is no longer active, vmcs12 says how it was left, vmcs01 is loaded and brought up to
 * date, and L1 goes on as after a VM exit. Linux `nested_vmx_vmexit`, `leave_guest_mode`, `sync_vmcs02_to_vmcs12`, `prepare_vmcs12`.
 */
export const nestedVmxVmexit = program('nested_vmx_vmexit', () => ({ reason: 0, information: 0 }), [
  stage('leave_guest_mode', 'leaveGuestMode', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    loadedContext(m, vcpu).entryInterruption = 0;
    vcpu.entryInterruption = 0;
    vcpu.guestMode = 0;
  }),
  stage('sync_vmcs02_to_vmcs12', 'syncVmcs12', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const nested = nestedOf(m, vcpu);
    syncVmcs12((m.vcpus[nested.l2] as KvmVcpu).vmcs, nested.vmcs12);
    nested.activity12 = vcpu.mpState === MpState.halted ? 1 : 0;
    nested.exitReason12 = f.reason;
    nested.exitInterruptionInformation12 = f.information;
    vcpu.injected = 0;
    vcpu.exception = 0;
  }),
  stage('load_vmcs12_host_state', 'loadVmcs12HostState', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    updateVmcs01(m, vcpu);
    // L2 may have been halted.
    vcpu.mpState = MpState.runnable;
    observe(m, KvmRecord.nestedVmexitInject, f.reason, f.information);
    loadVmcs12HostState(m, vcpu, f.reason);
  }),
]);
