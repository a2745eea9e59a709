import { clearBit, highestBit, setBit } from '../../arch/bits256.js';
import { Exit, hasExit } from '../../arch/controls.js';
import { ExitReason } from '../../arch/exit-reason.js';
import { rvi, setRvi, setSvi } from '../../arch/guest-interrupt-status.js';
import { dispensableInterrupt, updateProcessorPriority } from '../../arch/local-apic/priority.js';
import { addressOf, descriptorAt, descriptorIndex } from '../../arch/physical-memory.js';
import type { PostedInterruptDescriptor } from '../../arch/posted-interrupt-descriptor.js';
import { call } from '../../engine/frames.js';
import { observe } from '../../engine/requests.js';
import { done, shared } from '../../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { interruptBlocked, nmiBlocked } from '../interruptibility.js';
import { type KvmMachine, type KvmVcpu, kvm, MpState, PendingEvent, vmOf } from '../machine.js';
import { KvmRecord } from '../records.js';
import { vmxSyncPirToIrr } from '../sync-pir-to-irr.js';
import { exitsOnInterrupt, exitsOnNmi, loadedContext, nestedOf } from './guest-mode.js';
import { nestedVmxVmexit } from './nested-vmexit.js';

const { program, stage, glue } = kvm;

/** What a test of events comes to that L2 has to be entered for first: Linux `-EBUSY`. */
export const nestedBusy = -16;

/** Interruption information: valid, external interrupt; valid, NMI, vector 2. */
const externalInterrupt = 0x8000_0000;
const nmi = 0x8000_0202;

/** The descriptor that L1 keeps for L2, undefined where no memory is behind its address. Linux `vmx->nested.pi_desc`. */
export function nestedDescriptor(machine: KvmMachine, vcpu: KvmVcpu): PostedInterruptDescriptor | undefined {
  const { postedInterruptDescriptorAddress } = loadedContext(machine, vcpu).vmcs;
  return descriptorAt(machine.memory, descriptorIndex(machine.memory, addressOf(postedInterruptDescriptorAddress)));
}

function exitToL1(machine: KvmMachine, processor: LogicalProcessor, reason: number, information: number): void {
  const exit = call(machine, processor, nestedVmxVmexit);
  exit.reason = reason;
  exit.information = information;
}

/**
 * A notification for L2 that no processor in L2 took is processed by software: ON is cleared, PIR goes into L2's virtual-APIC page, RVI
 * rises. Linux `vmx_complete_nested_posted_interrupt`.
 */
export const vmxCompleteNestedPostedInterrupt = program('vmx_complete_nested_posted_interrupt', () => ({}), [
  stage('pi_test_and_clear_on', 'nestedPiClearOn', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const nested = nestedOf(m, vcpu);
    if (nested.piPending === 0) return done;
    nested.piPending = 0;
    const descriptor = nestedDescriptor(m, vcpu);
    if (descriptor === undefined || descriptor.on === 0) return done;
    descriptor.on = 0;
    return undefined;
  }),
  stage('__kvm_apic_update_irr', 'nestedPiUpdateIrr', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { pir } = nestedDescriptor(m, vcpu) as PostedInterruptDescriptor;
    if (highestBit(pir) <= 0) return;
    const { page, vmcs } = loadedContext(m, vcpu);
    for (let word = 0; word < 8; word++) {
      page.irr[word] = ((page.irr[word] as number) | (pir[word] as number)) >>> 0;
      pir[word] = 0;
    }
    const highest = highestBit(page.irr);
    if (highest > rvi(vmcs)) setRvi(vmcs, highest);
  }),
]);

/**
 * While L2 is active: which event there is for L1, and whether it makes L2 exit. An interrupt for L1 that is its notification vector for
 * L2 does not: the detection is architecturally part of its delivery, and L2's descriptor is processed instead. Returns
 * {@link nestedBusy} if L2 has to be entered first. Linux `vmx_check_nested_events`.
 */
export const vmxCheckNestedEvents = program('vmx_check_nested_events', () => ({ vector: -1 }), [
  stage(
    'events',
    'checkNestedEvents',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      const nested = nestedOf(m, vcpu);
      const blocked = nested.runPending === 1 || vcpu.injected !== 0;
      if ((vcpu.pendingEvents & PendingEvent.init) !== 0) {
        if (blocked) return nestedBusy;
        vcpu.pendingEvents &= ~PendingEvent.init;
        if (vcpu.mpState === MpState.initReceived) return 0;
        exitToL1(m, cpu, ExitReason.InitSignal, 0);
        return 'exited';
      }
      if ((vcpu.pendingEvents & PendingEvent.sipi) !== 0) {
        if (blocked) return nestedBusy;
        vcpu.pendingEvents &= ~PendingEvent.sipi;
        if (vcpu.mpState === MpState.initReceived) {
          exitToL1(m, cpu, ExitReason.SipiSignal, 0);
          return 'exited';
        }
      }
      // The exception bitmap of vmcs12 is not modelled: L2 handles its exceptions itself.
      if (vcpu.exception !== 0) return nested.runPending === 1 ? nestedBusy : 'no_vmexit';
      if (vcpu.nmiPending > 0 && !nmiBlocked(m, vcpu)) {
        if (blocked) return nestedBusy;
        if (!exitsOnNmi(m, vcpu)) return 'no_vmexit';
        vcpu.nmiPending = 0;
        observe(m, KvmRecord.nestedAcknowledge, vcpu.id, 2);
        exitToL1(m, cpu, ExitReason.ExceptionNmi, nmi);
        return 'exited';
      }
      if (vmOf(m, vcpu).apicv === 1) call(m, cpu, vmxSyncPirToIrr);
      return undefined;
    },
    { to: ['exited', 'no_vmexit'] },
  ),
  stage(
    'kvm_cpu_has_interrupt',
    'checkNestedEvents',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      const nested = nestedOf(m, vcpu);
      updateProcessorPriority(vcpu.page);
      const vector = dispensableInterrupt(vcpu.page);
      if (vector < 0 || interruptBlocked(m, vcpu)) return 'no_vmexit';
      if (nested.runPending === 1 || vcpu.injected !== 0) return nestedBusy;
      if (!exitsOnInterrupt(m, vcpu)) return 'no_vmexit';
      if (!hasExit(nested.vmcs12, Exit.acknowledgeInterruptOnExit)) {
        exitToL1(m, cpu, ExitReason.ExternalInterrupt, 0);
        return 'exited';
      }
      f.vector = vector;
      return undefined;
    },
    { to: ['exited', 'no_vmexit'], line: (m, cpu) => currentVcpu(m, cpu).descriptorLine },
  ),
  stage(
    'posted_intr_nv',
    'checkNestedEvents',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (f.vector === nestedOf(m, vcpu).postedIntrNv) {
        takeNestedNotification(m, vcpu);
        return 'no_vmexit';
      }
      exitToL1(m, cpu, ExitReason.ExternalInterrupt, (externalInterrupt | f.vector) >>> 0);
      return undefined;
    },
    { to: ['no_vmexit'] },
  ),
  // After the exit, because SVI is vmcs01's.
  stage('kvm_apic_ack_interrupt', 'nestedAckInterrupt', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const { page } = vcpu;
    clearBit(page.irr, f.vector);
    setBit(page.isr, f.vector);
    updateProcessorPriority(page);
    if (vcpu.apicvActive === 1) setSvi(vcpu.vmcs, highestBit(page.isr));
    else vcpu.irrPending = highestBit(page.irr) >= 0 ? 1 : 0;
    observe(m, KvmRecord.nestedAcknowledge, vcpu.id, f.vector);
  }),
  glue('exited', () => 0),
  glue('no_vmexit', (m, cpu) => {
    if (nestedOf(m, currentVcpu(m, cpu)).piPending === 0) return 0;
    call(m, cpu, vmxCompleteNestedPostedInterrupt);
    return undefined;
  }),
  glue('completed', () => 0),
]);

/** Takes L1's notification vector out of its IRR: what it stands for is in L2's descriptor. Linux `kvm_apic_clear_irr`. */
export function takeNestedNotification(machine: KvmMachine, vcpu: KvmVcpu): void {
  const nested = nestedOf(machine, vcpu);
  const { page } = vcpu;
  nested.piPending = 1;
  clearBit(page.irr, nested.postedIntrNv);
  if (vcpu.apicvActive === 0) vcpu.irrPending = highestBit(page.irr) >= 0 ? 1 : 0;
  observe(machine, KvmRecord.nestedNotificationTaken, vcpu.id, nested.postedIntrNv);
}
