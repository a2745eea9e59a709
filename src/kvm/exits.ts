import { Primary } from '../arch/controls.js';
import { ExitReason } from '../arch/exit-reason.js';
import { updateProcessorPriority } from '../arch/local-apic/priority.js';
import { loadWord } from '../arch/virtual-apic-page.js';
import { InternalError } from '../engine/errors.js';
import { call } from '../engine/frames.js';
import { observe, readClock } from '../engine/requests.js';
import { done, local, type Routine, shared } from '../engine/routine.js';
import { askForL1dFlush } from '../hardware/external-interrupt.js';
import { invalidOpcode } from '../hardware/instructions.js';
import { ApicPageMapping, currentVcpu } from '../hardware/machine.js';
import { DeviceMemory, emulateDeviceWrite, handleIo, kvmEmulateWbinvd, signalFastMmio } from './device-emulation.js';
import { emulateHalt } from './emulate-halt.js';
import { kvmEmulateRdmsr, kvmEmulateWrmsr } from './emulate-msr.js';
import { kvmEmulateHypercall } from './hypercall.js';
import { kvmInjectGp, kvmInjectUd } from './inject-exception.js';
import { kvmIoapicSendEoi } from './ioapic.js';
import { currentTimerCount, kvmLapicExpiredHvTimer } from './lapic-timer.js';
import { kvmLapicRegWrite, readLapicRegister } from './lapic-write.js';
import { type KvmVm, kvm, makeRequest, VcpuRequest } from './machine.js';
import { loadedContext } from './nested/guest-mode.js';
import { nestedVmxVmexit } from './nested/nested-vmexit.js';
import { nestedVmxRun } from './nested/nested-vmx-run.js';
import { isForL1 } from './nested/reflect.js';
import { kvmVcpuOnSpin } from './on-spin.js';
import { growPleWindow, setPleWindow } from './ple-window.js';
import { KvmRecord } from './records.js';
import { retpolinesHandler } from './retpoline.js';
import { skipInstruction } from './skip-instruction.js';
import { emulatorLeaveSmm } from './smm.js';

const { program, stage, glue } = kvm;

/**
 * The exit after a write to the virtual-APIC page: trap-like, so nothing is skipped. Linux `handle_apic_write`,
 * `kvm_apic_write_nodecode`.
 */
const handleApicWrite = program('handle_apic_write', () => ({}), [
  stage('kvm_apic_write_nodecode', 'apicWriteNodecode', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const write = call(m, cpu, kvmLapicRegWrite);
    write.offset = vcpu.exit.qualification & 0xff0;
    write.value = loadWord(vcpu.page, write.offset);
  }),
]);

/** An access to a register that hardware did not virtualize: by decoding the instruction. Linux `x86_emulate_instruction`, `apic_mmio_write`, `apic_mmio_read`. */
export const emulateApicAccess = program('x86_emulate_instruction', () => ({}), [
  stage('decode', 'emulatorDecode', local, (_m, cpu) => {
    askForL1dFlush(cpu);
  }),
  stage(
    'apic_mmio',
    'apicMmio',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const { access, offset, low } = vcpu.exit;
      if (access === 1 && offset === 0x390) {
        readClock(m);
        return 'apic_get_tmcct';
      }
      if (access === 1) {
        skipInstruction(m, vcpu, readLapicRegister(vcpu, offset));
        return done;
      }
      skipInstruction(m, vcpu);
      const write = call(m, cpu, kvmLapicRegWrite);
      write.offset = offset;
      write.value = low;
      return undefined;
    },
    { to: ['apic_get_tmcct'] },
  ),
  glue('emulated', () => done),
  stage('apic_get_tmcct', 'ktimeGet', shared, (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    skipInstruction(m, vcpu, currentTimerCount(m, vcpu, now));
  }),
]);

/** Qualification of an APIC-access exit for a linear write of EOI: access type in bits 15:12, offset in 11:0. */
const linearWriteOfEoi = 0x10b0;

/** An access to the APIC-access page: a write of EOI is done without decoding (`fasteoi`). Linux `handle_apic_access`. */
const handleApicAccess = program('handle_apic_access', () => ({}), [
  stage('fasteoi', 'apicAccessDispatch', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.exit.qualification === linearWriteOfEoi) {
      skipInstruction(m, vcpu);
      call(m, cpu, kvmLapicRegWrite).offset = 0xb0;
    } else {
      call(m, cpu, emulateApicAccess);
    }
  }),
  glue('emulated', () => done),
]);

/**
 * EPT does not map the page of the APIC's registers. Where the VM has no APIC-access page there is no memory at that address: an entry is
 * made that is misconfigured on purpose, so that the access, tried again, and all later ones exit with a reason that says so. Where it has
 * one, and no reason stands against APICv, it is mapped and the access tried again. And while one does, the access is emulated at once and
 * nothing is mapped, so that nothing has to be unmapped when the reason is gone: then each access is an EPT violation. Linux
 * `handle_ept_violation`, `kvm_mmu_page_fault`, `kvm_mmu_faultin_pfn`.
 */
const handleEptViolation = program('handle_ept_violation', () => ({}), [
  stage(
    'kvm_mmu_faultin_pfn',
    'eptFaultin',
    shared,
    (m, cpu) => {
      const { vm } = currentVcpu(m, cpu);
      const { flexpriority, hidesApicPage, apicvInhibits } = m.vms[vm] as KvmVm;
      askForL1dFlush(cpu);
      if (flexpriority === 0 || hidesApicPage === 0 || apicvInhibits === 0) return 'mmu_set_spte';
      call(m, cpu, emulateApicAccess);
      return undefined;
    },
    { to: ['mmu_set_spte'] },
  ),
  glue('emulated', () => done),
  stage('mmu_set_spte', 'eptViolation', shared, (m, cpu) => {
    const { vm } = currentVcpu(m, cpu);
    const { flexpriority } = m.vms[vm] as KvmVm;
    m.apicPageMapping[vm] = flexpriority === 1 ? ApicPageMapping.accessPage : ApicPageMapping.misconfigured;
  }),
]);

/** An access through such an entry: an eventfd may be there for writes of anything, else it is emulated. Linux `handle_ept_misconfig`, `handle_mmio_page_fault`. */
const handleEptMisconfig = program('handle_ept_misconfig', () => ({}), [
  stage(
    'kvm_io_bus_write-fast_mmio',
    'fastMmio',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      // SVM cannot tell how long the instruction is.
      if (vcpu.exit.offset !== DeviceMemory.wildcard || vcpu.svm === 1) return 'handle_mmio_page_fault';
      call(m, cpu, signalFastMmio);
      return undefined;
    },
    { to: ['handle_mmio_page_fault'] },
  ),
  glue('signalled', () => done),
  stage('handle_mmio_page_fault', 'eptMisconfig', local, (m, cpu) => {
    const isApic = currentVcpu(m, cpu).exit.offset < DeviceMemory.none;
    call(m, cpu, isApic ? emulateApicAccess : emulateDeviceWrite);
  }),
]);

/** RSM: only in system-management mode, anywhere else #UD. Linux `x86_emulate_instruction`, `em_rsm`, `rsm_interception`. */
const emRsm = program('em_rsm', () => ({}), [
  stage(
    'decode',
    'emulatorDecode',
    local,
    (m, cpu) => {
      if (currentVcpu(m, cpu).smm === 0) return 'emulate_ud';
      call(m, cpu, emulatorLeaveSmm);
      return undefined;
    },
    { to: ['emulate_ud'] },
  ),
  glue('left', () => done),
  stage('emulate_ud', 'injectException', shared, (m, cpu) => {
    kvmInjectUd(m, currentVcpu(m, cpu));
  }),
]);

/** An interrupt of the host made the guest exit; it was handled before. Linux `handle_external_interrupt`. */
const handleExternalInterrupt = program('handle_external_interrupt', () => ({}), [
  stage('count', 'handleExternalInterrupt', local, () => {}),
]);

/**
 * An NMI of the host made the guest exit: it was handled before. Or an exception did that KVM intercepts, #UD: the instruction may be one that is to be
 * emulated. Linux `handle_exception_nmi`, `handle_ud`.
 */
const handleExceptionNmi = program('handle_exception_nmi', () => ({}), [
  stage('is_nmi', 'handleExternalInterrupt', local, (m, cpu) =>
    currentVcpu(m, cpu).exit.interruptionInformation === invalidOpcode ? undefined : done,
  ),
  glue('handle_ud', (m, cpu) => {
    call(m, cpu, emRsm);
  }),
]);

/** The guest takes interrupts again. Linux `handle_interrupt_window`. */
const handleInterruptWindow = program('handle_interrupt_window', () => ({}), [
  stage('clear-window', 'handleWindow', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { vmcs } = loadedContext(m, vcpu);
    vmcs.primaryControls = (vmcs.primaryControls & ~Primary.interruptWindowExiting) >>> 0;
    makeRequest(vcpu, VcpuRequest.event);
  }),
]);

/** The guest takes NMIs again. Linux `handle_nmi_window`. */
const handleNmiWindow = program('handle_nmi_window', () => ({}), [
  stage('clear-window', 'handleWindow', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { vmcs } = loadedContext(m, vcpu);
    vmcs.primaryControls = (vmcs.primaryControls & ~Primary.nmiWindowExiting) >>> 0;
    makeRequest(vcpu, VcpuRequest.event);
  }),
]);

/** The guest's TPR no longer holds back what is pending. Linux `handle_tpr_below_threshold`. */
const handleTprBelowThreshold = program('handle_tpr_below_threshold', () => ({}), [
  stage('kvm_apic_update_ppr', 'handleWindow', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    updateProcessorPriority(vcpu.page);
    makeRequest(vcpu, VcpuRequest.event);
  }),
]);

/** An EOI that hardware did, of a vector that somebody wants to know of. Linux `handle_apic_eoi_induced`, `kvm_apic_set_eoi_accelerated`. */
const handleApicEoiInduced = program('handle_apic_eoi_induced', () => ({}), [
  stage('kvm_apic_set_eoi_accelerated', 'eoiInduced', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const vector = vcpu.exit.qualification & 0xff;
    observe(m, KvmRecord.eoi, vcpu.id, vector);
    const eoi = call(m, cpu, kvmIoapicSendEoi);
    eoi.vm = vcpu.vm;
    eoi.vector = vector;
  }),
  stage('kvm_make_request', 'makeRequest', shared, (m, cpu) => {
    makeRequest(currentVcpu(m, cpu), VcpuRequest.event);
  }),
]);

/** HLT that no fastpath took. Linux `kvm_emulate_halt`. */
export const kvmEmulateHalt = program('kvm_emulate_halt', () => ({}), [
  stage(
    '__kvm_emulate_halt',
    'emulateHalt',
    shared,
    (m, cpu) => {
      emulateHalt(m, currentVcpu(m, cpu));
    },
    { line: (m, cpu) => currentVcpu(m, cpu).descriptorLine },
  ),
]);

/** CPUID. Linux `kvm_emulate_cpuid`. */
const kvmEmulateCpuid = program('kvm_emulate_cpuid', () => ({}), [
  stage('kvm_cpuid', 'emulateCpuid', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
]);

/** MOV to or from CR8 that exits, and other control registers. Linux `handle_cr`, `kvm_set_cr8`. */
const handleCr = program('handle_cr', () => ({}), [
  stage('cr8', 'emulateCr8', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if ((vcpu.exit.qualification & 0x10) !== 0) {
      skipInstruction(m, vcpu, vcpu.page.tpr >>> 4);
      return;
    }
    if (vcpu.exit.low > 0xf) {
      kvmInjectGp(m, vcpu);
      return;
    }
    vcpu.page.tpr = vcpu.exit.low << 4;
    updateProcessorPriority(vcpu.page);
    makeRequest(vcpu, VcpuRequest.event);
    skipInstruction(m, vcpu);
  }),
]);

/** A loop of PAUSE grew too long: the window grows, and another virtual CPU is lent the processor. Linux `handle_pause`. */
const handlePause = program('handle_pause', () => ({}), [
  stage('grow_ple_window', 'pleWindow', local, (m, cpu) => {
    setPleWindow(m, currentVcpu(m, cpu), growPleWindow);
  }),
  glue('kvm_vcpu_on_spin', (m, cpu) => {
    call(m, cpu, kvmVcpuOnSpin);
  }),
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
]);

/** MONITOR and MWAIT: nothing but going on. Linux `kvm_emulate_monitor`, `kvm_emulate_mwait`. */
const kvmEmulateAsNop = program('kvm_emulate_as_nop', () => ({}), [
  stage('kvm_skip_emulated_instruction', 'skipInstruction', shared, (m, cpu) => {
    skipInstruction(m, currentVcpu(m, cpu));
  }),
]);

/** The VMX-preemption timer expired, and no fastpath took it. Linux `handle_preemption_timer`. */
const handlePreemptionTimer = program('handle_preemption_timer', () => ({}), [
  stage('kvm_lapic_expired_hv_timer', 'handlePreemptionTimer', local, (m, cpu) => {
    // It was not the guest's timer but KVM's way to have the guest back at once.
    if (currentVcpu(m, cpu).immediateExit === 1) return;
    call(m, cpu, kvmLapicExpiredHvTimer).target = cpu.vcpu;
  }),
]);

const table = [
  [ExitReason.ExceptionNmi, handleExceptionNmi],
  [ExitReason.ExternalInterrupt, handleExternalInterrupt],
  [ExitReason.InterruptWindow, handleInterruptWindow],
  [ExitReason.NmiWindow, handleNmiWindow],
  [ExitReason.Rsm, emRsm],
  [ExitReason.IoInstruction, handleIo],
  [ExitReason.Invd, kvmEmulateWbinvd],
  [ExitReason.Wbinvd, kvmEmulateWbinvd],
  [ExitReason.Cpuid, kvmEmulateCpuid],
  [ExitReason.Hlt, kvmEmulateHalt],
  [ExitReason.Vmcall, kvmEmulateHypercall],
  [ExitReason.CrAccess, handleCr],
  [ExitReason.MsrRead, kvmEmulateRdmsr],
  [ExitReason.MsrWrite, kvmEmulateWrmsr],
  // What the qualification and the instruction information say was noted with the exit.
  [ExitReason.MsrReadImm, kvmEmulateRdmsr],
  [ExitReason.MsrWriteImm, kvmEmulateWrmsr],
  [ExitReason.MwaitInstruction, kvmEmulateAsNop],
  [ExitReason.MonitorInstruction, kvmEmulateAsNop],
  [ExitReason.PauseInstruction, handlePause],
  [ExitReason.TprBelowThreshold, handleTprBelowThreshold],
  [ExitReason.ApicAccess, handleApicAccess],
  [ExitReason.EoiInduced, handleApicEoiInduced],
  [ExitReason.EptViolation, handleEptViolation],
  [ExitReason.EptMisconfig, handleEptMisconfig],
  [ExitReason.PreemptionTimer, handlePreemptionTimer],
  [ExitReason.ApicWrite, handleApicWrite],
  [ExitReason.Vmresume, nestedVmxRun],
] as const;

/** Exit handlers by exit reason. Linux `kvm_vmx_exit_handlers`. To add one: a routine, and a line in the table. */
export const exitHandlers: readonly (readonly [ExitReason, Routine])[] = table.map(([reason, routine]) => [
  reason,
  routine as unknown as Routine,
]);

const handlers: (Routine | undefined)[] = [];
for (const [reason, routine] of exitHandlers) handlers[reason] = routine;

/** The handler of an exit reason. */
export function exitHandlerOf(reason: number): Routine | undefined {
  return handlers[reason];
}

/** The ordinary handling of an exit, with interrupts on; what L1 wants to see of its L2 becomes an exit to L1. Linux `vmx_handle_exit`, `nested_vmx_reflect_vmexit`. */
export const vmxHandleExit = program('vmx_handle_exit', () => ({}), [
  glue('retpoline', (m, cpu) => (retpolinesHandler(m, cpu) ? undefined : 'dispatch'), { to: ['dispatch'] }),
  stage('indirect_thunk', 'retpolineHandler', local, () => {}),
  stage('dispatch', 'handleExitDispatch', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { reason, interruptionInformation } = vcpu.exit;
    if (vcpu.guestMode === 1 && isForL1(m, vcpu)) {
      const exit = call(m, cpu, nestedVmxVmexit);
      exit.reason = reason;
      exit.information = interruptionInformation;
      return;
    }
    const handler = handlers[reason];
    if (handler === undefined) throw new InternalError('vmx_handle_exit', `exit reason ${reason} has no handler`);
    call(m, cpu, handler);
  }),
  glue('done', () => done),
]);
