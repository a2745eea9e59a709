import { ApicMode } from '../arch/apic-mode.js';
import { ExitReason } from '../arch/exit-reason.js';
import { TimerMode, timerMode } from '../arch/local-apic/lvt.js';
import { tscDeadlineMsr } from '../arch/local-apic/timer.js';
import { addressOf } from '../arch/physical-memory.js';
import { call } from '../engine/frames.js';
import { cancel, observe } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { fastTargets } from './apic-map.js';
import { emulateHalt } from './emulate-halt.js';
import { isReservedIcr } from './emulate-msr.js';
import { kvmLapicExpiredHvTimer, startApicTimer } from './lapic-timer.js';
import { canUseHvTimer } from './lapic-timer-choice.js';
import { Fastpath, type KvmMachine, type KvmVcpu, kvm, MpState, vmOf } from './machine.js';
import { KvmRecord } from './records.js';
import { kvmApicSendIpi, kvmIrqDeliveryToApic } from './send-ipi.js';
import { skipInstruction } from './skip-instruction.js';

const { program, stage, glue } = kvm;

/** Shorthand, logical destination, any delivery mode but fixed. */
const notSimple = 0x000c_0f00;

function skipIcrWrite(machine: KvmMachine, vcpu: KvmVcpu): number {
  const { msr, low, high } = vcpu.exit;
  vcpu.page.icrLow = (low & ~0x1000) >>> 0;
  vcpu.page.icr64High = high;
  observe(machine, KvmRecord.msrWrite, msr, low);
  skipInstruction(machine, vcpu);
  return Fastpath.reenterGuest;
}

/**
 * The x2APIC ICR fastpath: fixed, physical, no shorthand, no broadcast, no reserved bits; anything else is left to the
 * ordinary handler. Linux `handle_fastpath_set_x2apic_icr_irqoff`.
 */
export const handleFastpathSetX2apicIcrIrqoff = program('handle_fastpath_set_x2apic_icr_irqoff', () => ({}), [
  stage('check', 'icrFastpathCheck', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { low, high } = vcpu.exit;
    if (
      vcpu.apicMode !== ApicMode.x2apic ||
      (low & notSimple) !== 0 ||
      isReservedIcr(m, vcpu, low) ||
      high === 0xffff_ffff
    ) {
      return Fastpath.none;
    }
    const send = call(m, cpu, kvmApicSendIpi);
    send.vm = vcpu.vm;
    send.source = vcpu.id;
    send.low = (low & ~0x1000) >>> 0;
    send.destination = high;
    return undefined;
  }),
  // The value is stored as any other write would be, and the instruction is skipped.
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => skipIcrWrite(m, currentVcpu(m, cpu))),
]);

/**
 * The same since 6.18: whatever the map of local APICs can tell the targets of, so logical destinations, lowest priority, NMI, INIT, SIPI, SMI and the
 * shorthand self, too; no broadcast and no other shorthand. The tracepoint of the IPI comes after its delivery. Linux `__handle_fastpath_wrmsr`,
 * `kvm_x2apic_icr_write_fast`.
 */
export const kvmX2apicIcrWriteFast = program('kvm_x2apic_icr_write_fast', () => ({}), [
  stage('check', 'icrFastpathCheck', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { low, high } = vcpu.exit;
    if (vcpu.apicMode !== ApicMode.x2apic || isReservedIcr(m, vcpu, low)) return Fastpath.none;
    const message = { vm: vcpu.vm, source: vcpu.id, low: (low & ~0x1000) >>> 0, destination: high };
    if (fastTargets(m, vmOf(m, vcpu), message) === undefined) return Fastpath.none;
    Object.assign(call(m, cpu, kvmIrqDeliveryToApic), message);
    return undefined;
  }),
  glue('trace_kvm_apic_ipi', (m, cpu) => {
    const { low, high } = currentVcpu(m, cpu).exit;
    observe(m, KvmRecord.sendIpi, (low & ~0x1000) >>> 0, high);
  }),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => skipIcrWrite(m, currentVcpu(m, cpu))),
]);

/** The IA32_TSC_DEADLINE fastpath: until 6.17 only while the VMX-preemption timer can stand for the guest's. Linux `handle_fastpath_set_tscdeadline`. */
export const handleFastpathSetTscdeadline = program('handle_fastpath_set_tscdeadline', () => ({}), [
  stage('kvm_set_lapic_tscdeadline_msr', 'tscDeadlineFastpath', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vmOf(m, vcpu).deadlineFastpathAlways === 0 && !canUseHvTimer(m, vcpu)) return Fastpath.none;
    // Outside TSC-deadline mode the write does nothing.
    if (timerMode(vcpu.page) !== TimerMode.tscDeadline) return undefined;
    cancel(m, vcpu.lapicTimer.hrtimer);
    vcpu.lapicTimer.deadline = addressOf([vcpu.exit.low, vcpu.exit.high]);
    call(m, cpu, startApicTimer);
    return undefined;
  }),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrWrite, vcpu.exit.msr, vcpu.exit.low);
    skipInstruction(m, vcpu);
    return Fastpath.reenterGuest;
  }),
]);

/** The VMX-preemption timer's fastpath. Linux `handle_fastpath_preemption_timer`. */
export const handleFastpathPreemptionTimer = program('handle_fastpath_preemption_timer', () => ({}), [
  glue('kvm_lapic_expired_hv_timer', (m, cpu) => {
    call(m, cpu, kvmLapicExpiredHvTimer).target = cpu.vcpu;
  }),
  glue('reenter', () => Fastpath.reenterGuest),
]);

/** HLT with something pending already goes on in the guest. Linux `handle_fastpath_hlt`. */
export const handleFastpathHlt = program('handle_fastpath_hlt', () => ({}), [
  stage(
    'kvm_emulate_halt',
    'emulateHalt',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      emulateHalt(m, vcpu);
      return vcpu.mpState === MpState.runnable ? Fastpath.reenterGuest : Fastpath.exitHandled;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).descriptorLine },
  ),
]);

/** Exits that are handled with interrupts off, before anything else. Linux `vmx_exit_handlers_fastpath`. */
export const vmxExitHandlersFastpath = program('vmx_exit_handlers_fastpath', () => ({}), [
  stage('dispatch', 'fastpathDispatch', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const vm = vmOf(m, vcpu);
    const { reason, msr } = vcpu.exit;
    // L2 has none.
    if (vcpu.guestMode === 1) return Fastpath.none;
    const isWrite = reason === ExitReason.MsrWrite || reason === ExitReason.MsrWriteImm;
    if (isWrite && msr === 0x830 && vm.icrFastpath === 1) {
      call(m, cpu, vm.icrFastpathByMap === 1 ? kvmX2apicIcrWriteFast : handleFastpathSetX2apicIcrIrqoff);
    } else if (isWrite && msr === tscDeadlineMsr && vm.tscDeadlineFastpath === 1) {
      call(m, cpu, handleFastpathSetTscdeadline);
    } else if (reason === ExitReason.PreemptionTimer && vcpu.immediateExit === 1) {
      return Fastpath.none;
    } else if (reason === ExitReason.PreemptionTimer && vm.preemptionTimerFastpath === 1) {
      call(m, cpu, handleFastpathPreemptionTimer);
    } else if (reason === ExitReason.Hlt && vm.hltFastpath === 1) {
      call(m, cpu, handleFastpathHlt);
    } else {
      return Fastpath.none;
    }
    return undefined;
  }),
  glue('completion', (_m, _cpu, _f, completion) => completion),
]);
