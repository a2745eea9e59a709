import { ExitReason } from '../arch/exit-reason.js';
import { InternalError } from '../engine/errors.js';
import { call, retireInstruction } from '../engine/frames.js';
import { done, local, type Routine, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { currentVcpu } from '../hardware/machine.js';
import { kvmApicSendIpi } from './deliver.js';
import { type KvmVm, kvm } from './machine.js';

const { program, stage, glue } = kvm;

/** A write to a register of the emulated local APIC: the ICR. Linux `kvm_lapic_reg_write`, `kvm_x2apic_icr_write`. */
export const kvmLapicRegWrite = program('kvm_lapic_reg_write', () => ({ x2apic: 0 }), [
  stage('icr', 'lapicRegWrite', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const { page } = vcpu;
    page.icrLow = (page.icrLow & ~0x1000) >>> 0;
    const send = call(m, cpu, kvmApicSendIpi);
    send.vm = vcpu.vm;
    send.low = page.icrLow;
    send.destination = f.x2apic === 1 ? page.icr64High : page.icrHigh >>> 24;
  }),
]);

/**
 * The exit after a write to the virtual-APIC page: trap-like, so nothing is skipped. Linux `handle_apic_write`,
 * `kvm_apic_write_nodecode`.
 */
export const handleApicWrite = program('handle_apic_write', () => ({}), [
  stage('kvm_apic_write_nodecode', 'apicWriteNodecode', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const offset = vcpu.exit.qualification & 0xff0;
    if (offset !== 0x300) {
      throw new InternalError('handle_apic_write', `a write to offset ${offset.toString(16)}H is not modelled`);
    }
    call(m, cpu, kvmLapicRegWrite).x2apic = (m.vms[vcpu.vm] as KvmVm).x2apic;
  }),
]);

/** WRMSR of the ICR that no fastpath took. Linux `kvm_emulate_wrmsr`, `kvm_set_msr_common`, `kvm_x2apic_msr_write`. */
export const kvmEmulateWrmsr = program('kvm_emulate_wrmsr', () => ({}), [
  stage('kvm_x2apic_msr_write', 'emulateWrmsr', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { msr, low, high } = vcpu.exit;
    if (msr !== 0x830) throw new InternalError('kvm_emulate_wrmsr', `MSR ${msr.toString(16)}H is not modelled`);
    vcpu.page.icrLow = low;
    vcpu.page.icr64High = high;
    call(m, cpu, kvmLapicRegWrite).x2apic = 1;
  }),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    retireInstruction(m.threads[currentVcpu(m, cpu).thread] as Thread);
  }),
]);

/** An interrupt of the host made the guest exit; it was handled before. Linux `handle_external_interrupt`. */
export const handleExternalInterrupt = program('handle_external_interrupt', () => ({}), [
  stage('count', 'handleExternalInterrupt', local, () => {}),
]);

/** Exit handlers by exit reason. Linux `kvm_vmx_exit_handlers`. To add one: a routine, and a line here. */
export const exitHandlers: readonly (readonly [ExitReason, Routine])[] = [
  [ExitReason.ExternalInterrupt, handleExternalInterrupt as Routine],
  [ExitReason.MsrWrite, kvmEmulateWrmsr as Routine],
  [ExitReason.ApicWrite, handleApicWrite as Routine],
];

const handlers: (Routine | undefined)[] = [];
for (const [reason, routine] of exitHandlers) handlers[reason] = routine;

/** The ordinary handling of an exit, with interrupts on. Linux `vmx_handle_exit`. */
export const vmxHandleExit = program('vmx_handle_exit', () => ({}), [
  stage('dispatch', 'handleExitDispatch', local, (m, cpu) => {
    const { reason } = currentVcpu(m, cpu).exit;
    const handler = handlers[reason];
    if (handler === undefined) throw new InternalError('vmx_handle_exit', `exit reason ${reason} has no handler`);
    call(m, cpu, handler);
  }),
  glue('done', () => done),
]);
