import { ApicMode } from '../arch/apic-mode.js';
import { icrReservedLow } from '../arch/icr.js';
import { TimerMode, timerMode } from '../arch/local-apic/lvt.js';
import { tscDeadlineMsr } from '../arch/local-apic/timer.js';
import { addressOf, toU64 } from '../arch/physical-memory.js';
import { call } from '../engine/frames.js';
import { cancel, observe, readClock } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { kvmInjectGp } from './inject-exception.js';
import { currentTimerCount, startApicTimer } from './lapic-timer.js';
import { kvmLapicRegWrite, readLapicRegister } from './lapic-write.js';
import { type KvmMachine, type KvmVcpu, kvm, vmOf } from './machine.js';
import { readableRegisters } from './readable-registers.js';
import { KvmRecord } from './records.js';
import { skipInstruction } from './skip-instruction.js';

const { program, stage } = kvm;

/** IA32_TSC_ADJUST, IA32_TSX_CTRL: exits like others, with values that no interrupt depends on. Only 0, which they hold, can be written here. */
const heldAtZero: readonly number[] = [0x3b, 0x122];

const ICR = 0x830;
const SELF_IPI = 0x83f;
/** HV_X64_MSR_EOI, whatever mode the local APIC is in; with APICv it is still KVM that ends the interrupt then. Linux `kvm_hv_vapic_msr_write`. */
const hypervEoiMsr = 0x4000_0070;

/** Those that it can write: TPR, EOI, SVR, ESR, CMCI, ICR, the LVT, the timer's count and divisor, self-IPI. Linux `kvm_lapic_reg_write`. */
const writableRegisters: readonly number[] = [
  0x08, 0x0b, 0x0f, 0x28, 0x2f, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3e, 0x3f,
];

/** True if a bit is set in the ICR that x2APIC mode reserves, and the kernel minds (since 6.12). Linux `kvm_x2apic_icr_write`. */
export function isReservedIcr(machine: KvmMachine, vcpu: KvmVcpu, low: number): boolean {
  return vmOf(machine, vcpu).icrReservedFaults === 1 && (low & icrReservedLow) !== 0;
}

/** True if a write to an x2APIC register faults. Linux `kvm_x2apic_msr_write`, `kvm_lapic_msr_write`. */
function x2apicWriteFaults(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const { msr, low, high } = vcpu.exit;
  if (vcpu.apicMode !== ApicMode.x2apic || !writableRegisters.includes(msr - 0x800)) return true;
  if (msr === ICR) return isReservedIcr(machine, vcpu, low);
  // ESR takes only 0, the self-IPI only a vector.
  return high !== 0 || (msr === 0x828 && low !== 0) || (msr === SELF_IPI && low > 0xff);
}

/** WRMSR that no fastpath took; one that faults leaves #GP for the next entry. Linux `kvm_emulate_wrmsr`, `kvm_emulate_wrmsr_imm`, `kvm_set_msr_common`, `kvm_x2apic_msr_write`. */
export const kvmEmulateWrmsr = program('kvm_emulate_wrmsr', () => ({}), [
  stage(
    'kvm_set_msr_common',
    'emulateWrmsr',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { msr, low, high } = vcpu.exit;
      if (msr === tscDeadlineMsr) {
        if (timerMode(vcpu.page) !== TimerMode.tscDeadline) return undefined;
        cancel(m, vcpu.lapicTimer.hrtimer);
        vcpu.lapicTimer.deadline = addressOf([low, high]);
        call(m, cpu, startApicTimer);
        return undefined;
      }
      if (msr === hypervEoiMsr && vmOf(m, vcpu).hypervPvIpi === 1) {
        call(m, cpu, kvmLapicRegWrite).offset = 0xb0;
        return undefined;
      }
      if (heldAtZero.includes(msr) && low === 0 && high === 0) return 'kvm_skip_emulated_instruction';
      if (msr < 0x800 || msr > 0x8ff || x2apicWriteFaults(m, vcpu)) return 'kvm_inject_gp';
      if (msr === ICR) vcpu.page.icr64High = high;
      const write = call(m, cpu, kvmLapicRegWrite);
      write.offset = (msr - 0x800) << 4;
      write.value = low;
      return undefined;
    },
    { to: ['kvm_inject_gp', 'kvm_skip_emulated_instruction'] },
  ),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrWrite, vcpu.exit.msr, vcpu.exit.low);
    skipInstruction(m, vcpu);
    return done;
  }),
  stage('kvm_inject_gp', 'injectException', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrWriteFault, vcpu.exit.msr, vcpu.exit.low);
    kvmInjectGp(m, vcpu);
  }),
]);

/** RDMSR; of a register that is not there or not readable: #GP. Linux `kvm_emulate_rdmsr`, `kvm_emulate_rdmsr_imm`, `kvm_x2apic_msr_read`. */
export const kvmEmulateRdmsr = program('kvm_emulate_rdmsr', () => ({}), [
  stage(
    'kvm_get_msr_common',
    'emulateRdmsr',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { msr } = vcpu.exit;
      const readable = vcpu.apicMode === ApicMode.x2apic && readableRegisters.includes(msr - 0x800);
      if (heldAtZero.includes(msr)) {
        observe(m, KvmRecord.msrRead, msr, 0);
        skipInstruction(m, vcpu);
        return done;
      }
      if (msr !== tscDeadlineMsr && !readable) return 'kvm_inject_gp';
      if (msr === 0x839) {
        readClock(m);
        return 'apic_get_tmcct';
      }
      // Outside TSC-deadline mode it reads 0.
      const deadline = timerMode(vcpu.page) === TimerMode.tscDeadline ? vcpu.lapicTimer.deadline : 0;
      const value =
        msr === tscDeadlineMsr ? (toU64(deadline)[0] as number) : readLapicRegister(vcpu, (msr - 0x800) << 4);
      observe(m, KvmRecord.msrRead, msr, value);
      skipInstruction(m, vcpu, value);
      return done;
    },
    { to: ['kvm_inject_gp', 'apic_get_tmcct'] },
  ),
  stage('apic_get_tmcct', 'ktimeGet', shared, (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    const value = currentTimerCount(m, vcpu, now);
    observe(m, KvmRecord.msrRead, vcpu.exit.msr, value);
    skipInstruction(m, vcpu, value);
    return done;
  }),
  stage('kvm_inject_gp', 'injectException', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, KvmRecord.msrReadFault, vcpu.exit.msr, 0);
    kvmInjectGp(m, vcpu);
  }),
]);
