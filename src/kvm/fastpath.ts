import { ExitReason } from '../arch/exit-reason.js';
import { icrReservedLow } from '../arch/icr.js';
import { call, retireInstruction } from '../engine/frames.js';
import { local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { currentVcpu } from '../hardware/machine.js';
import { kvmApicSendIpi } from './deliver.js';
import { Fastpath, type KvmVm, kvm } from './machine.js';

const { program, stage, glue } = kvm;

/** Shorthand, level trigger, logical destination, any delivery mode but fixed. */
const notSimple = 0x000c_8f00;

/**
 * The x2APIC ICR fastpath: fixed, physical, no shorthand, no broadcast, no reserved bits; anything else is left to the
 * ordinary handler. Linux `handle_fastpath_set_x2apic_icr_irqoff`.
 */
export const handleFastpathSetX2apicIcrIrqoff = program('handle_fastpath_set_x2apic_icr_irqoff', () => ({}), [
  stage('check', 'icrFastpathCheck', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { low, high } = vcpu.exit;
    if ((m.vms[vcpu.vm] as KvmVm).x2apic === 0 || (low & (notSimple | icrReservedLow)) !== 0 || high === 0xffff_ffff) {
      return Fastpath.none;
    }
    const send = call(m, cpu, kvmApicSendIpi);
    send.vm = vcpu.vm;
    send.low = low & ~0x1000;
    send.destination = high;
    return undefined;
  }),
  // The value is stored as any other write would be, and the instruction is skipped.
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.page.icrLow = (vcpu.exit.low & ~0x1000) >>> 0;
    vcpu.page.icr64High = vcpu.exit.high;
    retireInstruction(m.threads[vcpu.thread] as Thread);
    return Fastpath.reenterGuest;
  }),
]);

/** Exits that are handled with interrupts off, before anything else. Linux `vmx_exit_handlers_fastpath`. */
export const vmxExitHandlersFastpath = program('vmx_exit_handlers_fastpath', () => ({}), [
  stage('dispatch', 'fastpathDispatch', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { reason, msr } = vcpu.exit;
    if (reason !== ExitReason.MsrWrite || msr !== 0x830 || (m.vms[vcpu.vm] as KvmVm).icrFastpath === 0) {
      return Fastpath.none;
    }
    call(m, cpu, handleFastpathSetX2apicIcrIrqoff);
    return undefined;
  }),
  glue('completion', (_m, _cpu, _f, completion) => completion),
]);
