import { highestBit } from '../arch/bits256.js';
import { hasPrimary, Primary } from '../arch/controls.js';
import { acknowledgeInterrupt, dispensableInterrupt, updateProcessorPriority } from '../arch/local-apic/priority.js';
import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, local, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { kvmApicAcceptEvents } from './accept-events.js';
import { interruptBlocked, nmiBlocked } from './interruptibility.js';
import { type KvmVcpu, kvm } from './machine.js';
import { exitsOnInterrupt, loadedContext, nestedHasTprShadow, nestedOf } from './nested/guest-mode.js';
import { nestedBusy, vmxCheckNestedEvents } from './nested/nested-events.js';
import { mayOfferPvEoi, offerPvEoi } from './pv-eoi.js';
import { KvmRecord } from './records.js';
import { enterSmm, smiAllowed } from './smm.js';
import { updateCr8Intercept } from './svm-cr8.js';

const { program, stage, glue } = kvm;

/** Interruption information: valid, external interrupt; valid, NMI, vector 2. */
const externalInterrupt = 0x8000_0000;
const nmi = 0x8000_0202;

/** Linux `vmx_enable_irq_window`. */
function enableIrqWindow(vcpu: KvmVcpu): void {
  vcpu.vmcs.primaryControls = (vcpu.vmcs.primaryControls | Primary.interruptWindowExiting) >>> 0;
}

/** Linux `vmx_enable_nmi_window`. */
function enableNmiWindow(vcpu: KvmVcpu): void {
  vcpu.vmcs.primaryControls = (vcpu.vmcs.primaryControls | Primary.nmiWindowExiting) >>> 0;
}

/** The vector that KVM itself would inject, or -1: with APICv active the processor delivers, but not L1's interrupts to L2. Linux `kvm_cpu_has_injectable_intr`. */
function injectable(vcpu: KvmVcpu): number {
  if ((vcpu.apicvActive === 1 && vcpu.guestMode === 0) || vcpu.irrPending === 0) return -1;
  updateProcessorPriority(vcpu.page);
  return dispensableInterrupt(vcpu.page);
}

/**
 * The TPR below which the guest must not go unnoticed: the class of the highest request, if TPR holds that back. Linux
 * `update_cr8_intercept`, `vmx_update_cr8_intercept`.
 */
function tprThreshold(vcpu: KvmVcpu): number {
  const highest = highestBit(vcpu.page.irr);
  if (highest < 0) return 0;
  return vcpu.page.tpr >>> 4 < highest >> 4 ? 0 : highest >> 4;
}

/**
 * What KVM_REQ_EVENT asks for: INIT and SIPI, the event for the next entry, the windows to wait for what cannot be injected now. Linux
 * `kvm_apic_accept_events`, `kvm_check_and_inject_events`. Returns 1 if the virtual CPU cannot run now.
 */
export const kvmCheckAndInjectEvents = program('kvm_check_and_inject_events', () => ({}), [
  glue('kvm_apic_accept_events', (m, cpu) => {
    call(m, cpu, kvmApicAcceptEvents);
  }),
  glue('kvm_check_nested_events', (m, cpu, _f, stopped) => {
    if (stopped === 1) return 1;
    if (currentVcpu(m, cpu).guestMode === 1) call(m, cpu, vmxCheckNestedEvents);
    return undefined;
  }),
  stage(
    'reinject',
    'injectEvent',
    local,
    (m, cpu, _f, nested) => {
      const vcpu = currentVcpu(m, cpu);
      // It was acknowledged, but its entry was called off.
      vcpu.entryInterruption = vcpu.injected;
      if (vcpu.injected >>> 8 === externalInterrupt >>> 8) {
        observe(m, KvmRecord.injectVirq, vcpu.id, 0x100 | (vcpu.injected & 0xff));
      }
      return nested === nestedBusy ? 'force_immediate_exit' : undefined;
    },
    { to: ['force_immediate_exit'] },
  ),
  glue('exception', (m, cpu) => (currentVcpu(m, cpu).exception === 0 ? 'smi' : undefined), { to: ['smi'] }),
  // Before everything else, because it belongs to the instruction that has executed; unless an event is still to be delivered again.
  stage('kvm_inject_exception', 'injectEvent', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.injected !== 0) return;
    vcpu.injected = vcpu.exception;
    vcpu.entryInterruption = vcpu.exception;
    vcpu.exception = 0;
  }),
  glue(
    'smi',
    (m, cpu) => {
      const { smiPending, guestMode } = currentVcpu(m, cpu);
      // One for L1 waits while L2 is active: the exit that it is there is not modelled.
      return smiPending === 0 || guestMode === 1 ? 'nmi' : undefined;
    },
    { to: ['nmi'] },
  ),
  stage('enter_smm', 'enterSmm', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    // There is no window to wait for: RSM is an exit. But behind an event that this entry delivers it has to come back at once.
    if (!smiAllowed(vcpu)) return;
    if (vcpu.injected !== 0) {
      vcpu.immediateExit = 1;
      return;
    }
    vcpu.smiPending = 0;
    enterSmm(m, vcpu);
  }),
  stage('nmi', 'injectEvent', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.nmiPending === 0) return;
    if (vcpu.injected === 0 && !nmiBlocked(m, vcpu)) {
      vcpu.nmiPending--;
      vcpu.injected = nmi;
      vcpu.entryInterruption = nmi;
    }
    if (vcpu.nmiPending > 0) enableNmiWindow(loadedContext(m, vcpu));
  }),
  stage(
    'interrupt',
    'injectEvent',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (injectable(vcpu) < 0) return undefined;
      // It came after L2's events were looked at: it must make L2 exit, not be injected there.
      if (exitsOnInterrupt(m, vcpu)) return 'force_immediate_exit';
      if (vcpu.injected !== 0 || interruptBlocked(m, vcpu)) {
        enableIrqWindow(loadedContext(m, vcpu));
        return undefined;
      }
      vcpu.injected = (externalInterrupt + acknowledgeInterrupt(vcpu.page)) >>> 0;
      observe(m, KvmRecord.injectVirq, vcpu.id, vcpu.injected & 0xff);
      if (vcpu.guestMode === 1) nestedOf(m, vcpu).updateVmcs01HwapicIsr = 1;
      vcpu.entryInterruption = vcpu.injected;
      if (vcpu.apicvActive === 0) vcpu.irrPending = highestBit(vcpu.page.irr) >= 0 ? 1 : 0;
      if (injectable(vcpu) >= 0) enableIrqWindow(loadedContext(m, vcpu));
      return undefined;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).descriptorLine, to: ['force_immediate_exit'] },
  ),
  stage('update_cr8_intercept', 'cr8Intercept', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const needed = vcpu.apicvActive === 0 && hasPrimary(vcpu.vmcs, Primary.useTprShadow);
    if (vcpu.svm === 1) updateCr8Intercept(vcpu);
    else if (!nestedHasTprShadow(m, vcpu)) vcpu.vmcs.tprThreshold = needed ? tprThreshold(vcpu) : 0;
  }),
  glue('kvm_lapic_sync_to_vapic', (m, cpu) => (mayOfferPvEoi(m, currentVcpu(m, cpu)) ? undefined : done)),
  stage('apic_sync_pv_eoi_to_guest', 'pvEoi', shared, (m, cpu) => {
    offerPvEoi(m, currentVcpu(m, cpu));
    return done;
  }),
  // L2 has to be entered before L1 may see it exit, or the events have to be looked at again: it exits at once.
  glue('force_immediate_exit', (m, cpu) => {
    currentVcpu(m, cpu).immediateExit = 1;
  }),
]);
