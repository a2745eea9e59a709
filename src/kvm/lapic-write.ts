import { ApicMode } from '../arch/apic-mode.js';
import { highestBit } from '../arch/bits256.js';
import { setSvi } from '../arch/guest-interrupt-status.js';
import { endOfInterrupt } from '../arch/local-apic/eoi.js';
import { lvtMasked, lvtRegisters, TimerMode, timerMode } from '../arch/local-apic/lvt.js';
import { updateProcessorPriority } from '../arch/local-apic/priority.js';
import { timerDivisor } from '../arch/local-apic/timer.js';
import { loadWord, storeWord } from '../arch/virtual-apic-page.js';
import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { recalculateApicMap } from './apic-map.js';
import { idInhibits, kvmSetOrClearApicvInhibit, standingIdInhibits } from './apicv.js';
import { kvmIoapicSendEoi } from './ioapic.js';
import { cancelApicTimer, startApicTimer, updateDivideCount } from './lapic-timer.js';
import { type KvmMachine, type KvmVcpu, kvm, makeRequest, VcpuRequest, vmOf } from './machine.js';
import { nestedOf } from './nested/guest-mode.js';
import { KvmRecord } from './records.js';
import { kvmApicSendIpi } from './send-ipi.js';

const { program, stage, glue } = kvm;

/** Sends what the virtual-APIC page holds as ICR. */
function sendIcr(machine: KvmMachine, processor: LogicalProcessor, vcpu: KvmVcpu): void {
  const { page } = vcpu;
  // Software never leaves the delivery status set.
  page.icrLow = (page.icrLow & ~0x1000) >>> 0;
  const send = call(machine, processor, kvmApicSendIpi);
  send.vm = vcpu.vm;
  send.source = vcpu.id;
  send.low = page.icrLow;
  send.destination = vcpu.apicMode === ApicMode.x2apic ? page.icr64High : page.icrHigh >>> 24;
}

function sendSelf(machine: KvmMachine, processor: LogicalProcessor, vcpu: KvmVcpu, vector: number): void {
  const send = call(machine, processor, kvmApicSendIpi);
  send.vm = vcpu.vm;
  send.source = vcpu.id;
  send.low = 0x4_4000 | vector;
  send.destination = 0;
}

/**
 * A write to the timer's LVT entry. A change to or from TSC-deadline mode stops the timer; between one-shot and periodic it goes on. The mode
 * that it had does not come from the page, into which hardware may have stored the new value already: a count has a period, a deadline has
 * none. Linux `apic_update_lvtt`, `lapic_timer.timer_mode`.
 */
function updateTimerLvt(machine: KvmMachine, vcpu: KvmVcpu, value: number): void {
  const { page, lapicTimer } = vcpu;
  page.lvtTimer = value;
  const counted = lapicTimer.period > 0;
  const stops = timerMode(page) === TimerMode.tscDeadline ? counted : lapicTimer.deadline > 0 && !counted;
  if (!stops) return;
  cancelApicTimer(machine, vcpu);
  vcpu.page.initialCount = 0;
  vcpu.lapicTimer.period = 0;
  vcpu.lapicTimer.deadline = 0;
}

/** The APIC is disabled by SVR: its LVT entries are masked, and an expiry that is pending is lost. Linux `kvm_lapic_reg_write`, APIC_SPIV. */
function disableLvt(machine: KvmMachine, vcpu: KvmVcpu): void {
  for (const register of lvtRegisters) vcpu.page[register] |= lvtMasked;
  updateTimerLvt(machine, vcpu, vcpu.page.lvtTimer);
  vcpu.lapicTimer.pending = 0;
}

/** Registers whose change can change where messages go: ID, LDR, DFR, SVR. */
const mapped: readonly number[] = [0x20, 0xd0, 0xe0, 0xf0];

/**
 * A write to a register of the emulated local APIC, whatever brought it. The ICR's high half has been stored already where the mode has
 * one. Linux `kvm_lapic_reg_write`, `kvm_x2apic_icr_write`.
 */
export const kvmLapicRegWrite = program('kvm_lapic_reg_write', () => ({ offset: 0, value: 0, vector: -1 }), [
  stage(
    'register',
    'lapicRegWrite',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const { page } = vcpu;
      switch (f.offset) {
        case 0x80:
          page.tpr = f.value & 0xff;
          updateProcessorPriority(page);
          makeRequest(vcpu, VcpuRequest.event);
          return done;
        case 0xb0:
          return 'apic_set_eoi';
        case 0x300:
          page.icrLow = f.value;
          sendIcr(m, cpu, vcpu);
          return undefined;
        case 0x320: {
          const enabled = (page.svr & 0x100) !== 0;
          updateTimerLvt(m, vcpu, enabled ? f.value : f.value | lvtMasked);
          return done;
        }
        case 0x380:
          if (timerMode(page) === TimerMode.tscDeadline) return done;
          cancelApicTimer(m, vcpu);
          page.initialCount = f.value;
          call(m, cpu, startApicTimer);
          return undefined;
        case 0x3e0: {
          // What the page had may be overwritten already.
          const before = vcpu.lapicTimer.divisor;
          page.divideConfiguration = f.value & 0xb;
          const running = timerDivisor(page.divideConfiguration) !== before && vcpu.lapicTimer.period > 0;
          if (running) call(m, cpu, updateDivideCount).before = before;
          return running ? undefined : done;
        }
        case 0x3f0:
          sendSelf(m, cpu, vcpu, f.value & 0xff);
          return undefined;
      }
      if (f.offset === 0xf0 && (f.value & 0x100) === 0) disableLvt(m, vcpu);
      storeWord(page, f.offset, f.offset === 0xe0 ? (f.value | 0x0fff_ffff) >>> 0 : f.value);
      return mapped.includes(f.offset) ? 'kvm_recalculate_apic_map' : done;
    },
    { to: ['apic_set_eoi', 'kvm_recalculate_apic_map'] },
  ),
  glue('written', () => done),
  stage(
    'kvm_recalculate_apic_map',
    'recalculateApicMap',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const vm = vmOf(m, vcpu);
      recalculateApicMap(m, vm);
      const before = standingIdInhibits(vm);
      const after = idInhibits(m, vm);
      if (after === before) return done;
      const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
      inhibit.vm = vcpu.vm;
      inhibit.set = (after & ~before) !== 0 ? 1 : 0;
      inhibit.mask = inhibit.set === 1 ? after & ~before : before & ~after;
      return 'inhibits-updated';
    },
    { to: ['inhibits-updated'] },
  ),
  glue('inhibits-updated', () => done),
  stage('apic_set_eoi', 'apicSetEoi', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const highest = highestBit(vcpu.page.isr);
    observe(m, KvmRecord.eoi, vcpu.id, Math.max(0, highest));
    // An EOI of nothing changes nothing.
    if (highest < 0) return done;
    // Only a level-triggered vector is told to the I/O APIC.
    f.vector = endOfInterrupt(vcpu.page);
    // Linux `vmx_hwapic_isr_update`: the processor has to know what is in service. SVI of the loaded VMCS is not L1's while L2 is active.
    if (vcpu.guestMode === 1) nestedOf(m, vcpu).updateVmcs01HwapicIsr = 1;
    else if (vcpu.apicvActive === 1) setSvi(vcpu.vmcs, Math.max(0, highestBit(vcpu.page.isr)));
    makeRequest(vcpu, VcpuRequest.event);
    return undefined;
  }),
  glue('kvm_ioapic_send_eoi', (m, cpu, f) => {
    if (f.vector >= 0) {
      const eoi = call(m, cpu, kvmIoapicSendEoi);
      eoi.vm = currentVcpu(m, cpu).vm;
      eoi.vector = f.vector;
    }
  }),
]);

/** What a read of a register gives that KVM emulates. Linux `kvm_lapic_reg_read`. */
export function readLapicRegister(vcpu: KvmVcpu, offset: number): number {
  if (offset === 0xa0) updateProcessorPriority(vcpu.page);
  return loadWord(vcpu.page, offset);
}
