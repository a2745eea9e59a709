import { ApicMode } from '../arch/apic-mode.js';
import { resetRegisters } from '../arch/apic-registers.js';
import { emptyBits256 } from '../arch/bits256.js';
import { call, interruptAt } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from '../hardware/interrupt-table.js';
import { currentVcpu } from '../hardware/machine.js';
import { recalculateApicMap } from './apic-map.js';
import { descriptorOf, type KvmMachine, type KvmVcpu, kvm, MpState, PendingEvent, vmOf } from './machine.js';
import { nestedBusy, vmxCheckNestedEvents } from './nested/nested-events.js';
import { KvmRecord } from './records.js';
import { initSipiAllowed } from './smm.js';

const { program, stage, glue } = kvm;

/** INIT: the local APIC as after reset but for its mode and IDs, nothing pending. Linux `kvm_vcpu_reset`, `kvm_lapic_reset`. */
function reset(machine: KvmMachine, vcpu: KvmVcpu): void {
  const { id, ldr, version } = vcpu.page;
  const x2apic = vcpu.apicMode === ApicMode.x2apic;
  vcpu.page = { ...resetRegisters(), id, version, ldr: x2apic ? ldr : 0 };
  const descriptor = descriptorOf(machine, vcpu);
  descriptor.pir = emptyBits256();
  descriptor.on = 0;
  vcpu.vmcs.guestInterruptStatus = 0;
  vcpu.irrPending = vcpu.apicvActive;
  vcpu.nmiQueued = 0;
  vcpu.nmiPending = 0;
  vcpu.smiPending = 0;
  vcpu.injected = 0;
  vcpu.exception = 0;
  vcpu.entryInterruption = 0;
  vcpu.interruptFlag = 0;
  vcpu.interruptibility = 0;
  vcpu.activity = 0;
  const guest = machine.threads[vcpu.thread] as Thread;
  while (guest.length > 0) guest.pop();
  observe(machine, KvmRecord.reset, vcpu.id);
  recalculateApicMap(machine, vmOf(machine, vcpu));
}

/** The vector under which a guest's table of handlers has the program that a SIPI starts. */
export const startUpHandler = 0x100;

/**
 * INIT and SIPI that have come: the bootstrap processor goes on from reset, another waits for its SIPI; a SIPI starts one that waits and
 * is lost on any other. Linux `kvm_apic_accept_events`. Returns 1 if the virtual CPU is not runnable.
 */
export const kvmApicAcceptEvents = program('kvm_apic_accept_events', () => ({}), [
  glue('kvm_check_nested_events', (m, cpu) => {
    const { pendingEvents, guestMode } = currentVcpu(m, cpu);
    if (pendingEvents !== 0 && guestMode === 1) call(m, cpu, vmxCheckNestedEvents);
  }),
  stage(
    'init',
    'acceptEvents',
    shared,
    (m, cpu, _f, nested) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.guestMode === 1 && nested === nestedBusy) return 0;
      if (vcpu.pendingEvents === 0) return vcpu.mpState === MpState.runnable ? 0 : 'state';
      // In system-management mode and in VMX root operation INIT stays, and a SIPI finds nobody waiting.
      if (!initSipiAllowed(vcpu)) {
        vcpu.pendingEvents &= ~PendingEvent.sipi;
        return 'state';
      }
      if ((vcpu.pendingEvents & PendingEvent.init) !== 0) {
        vcpu.pendingEvents &= ~PendingEvent.init;
        reset(m, vcpu);
        vcpu.mpState = vcpu.vcpuId === 0 ? MpState.runnable : MpState.initReceived;
      }
      return undefined;
    },
    { to: ['state'], line: (m, cpu) => currentVcpu(m, cpu).modeLine },
  ),
  stage(
    'sipi',
    'acceptEvents',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if ((vcpu.pendingEvents & PendingEvent.sipi) === 0) return;
      vcpu.pendingEvents &= ~PendingEvent.sipi;
      if (vcpu.mpState !== MpState.initReceived) return;
      vcpu.mpState = MpState.runnable;
      interruptAt(m.threads[vcpu.thread] as Thread, handlerOf(vcpu.guestInterrupts, startUpHandler));
    },
    { line: (m, cpu) => currentVcpu(m, cpu).modeLine },
  ),
  stage('state', 'acceptEvents', shared, (m, cpu) => {
    const { mpState } = currentVcpu(m, cpu);
    return mpState === MpState.runnable ? done : 1;
  }),
]);
