import { highestBit, setBit, testBit } from '../../arch/bits256.js';
import { ExitReason } from '../../arch/exit-reason.js';
import { call, interruptAt, retireInstruction } from '../../engine/frames.js';
import { observe } from '../../engine/requests.js';
import { local, notation, shared } from '../../engine/routine.js';
import type { Thread } from '../../engine/state.js';
import { cli, cpuid, sti, vmresume } from '../../hardware/instructions.js';
import { handlerOf } from '../../hardware/interrupt-table.js';
import { currentVcpu, type LogicalProcessor } from '../../hardware/machine.js';
import { Record } from '../../hardware/records.js';
import { iret } from '../../hardware/virtual-interrupt-delivery.js';
import { wrmsr } from '../../hardware/wrmsr.js';
import { descriptorOf, type KvmVcpu, vcpuOf } from '../../kvm/machine.js';
import { nestedOf } from '../../kvm/nested/guest-mode.js';
import { TestRecord } from '../invariants/ledger.js';
import type { ModelMachine } from './model-machine.js';

/*
 * What hypervisors in guests, and their guests, do in models. L1 is as KVM would be: it looks at what it has posted before each entry, with
 * interrupts disabled.
 */

const { program, stage, glue, until } = notation<ModelMachine, LogicalProcessor>();

/** What L1 knows of its guest: vmcs12 and the rest, and L2's registers. */
function guestOf(machine: ModelMachine, vcpu: KvmVcpu): { l2: KvmVcpu; nested: ReturnType<typeof nestedOf> } {
  const nested = nestedOf(machine, vcpu);
  return { nested, l2: vcpuOf(machine, nested.l2) };
}

/** L1 has emulated the instruction for which L2 exited. */
function skipInL2(machine: ModelMachine, l2: KvmVcpu): void {
  retireInstruction(machine.threads[l2.thread] as Thread);
  l2.interruptibility &= ~3;
}

/** What was posted for L2 goes into its virtual-APIC page, and RVI of vmcs12 follows. */
function takePirOfL2(machine: ModelMachine, vcpu: KvmVcpu): void {
  const { l2, nested } = guestOf(machine, vcpu);
  const { pir } = descriptorOf(machine, l2);
  for (let word = 0; word < 8; word++) {
    l2.page.irr[word] = ((l2.page.irr[word] as number) | (pir[word] as number)) >>> 0;
    pir[word] = 0;
  }
  const highest = Math.max(highestBit(l2.page.irr), 0);
  nested.vmcs12.guestInterruptStatus = (nested.vmcs12.guestInterruptStatus & 0xff00) | highest;
}

/** The handler that a hypervisor has for its notification vector if it looks at what is posted only when it is notified. */
export const notificationHandler = program('model_notification_handler', () => ({}), [
  glue('eoi', (m, cpu) => {
    call(m, cpu, wrmsr).msr = 0x80b;
  }),
  stage('pi_test_and_clear_on', 'guestFlag', shared, (m, cpu) => {
    descriptorOf(m, guestOf(m, currentVcpu(m, cpu)).l2).on = 0;
  }),
  stage('kvm_apic_update_irr', 'guestFlag', shared, (m, cpu) => {
    takePirOfL2(m, currentVcpu(m, cpu));
  }),
  stage('iretq', 'iret', shared, (m, cpu) => {
    iret(m, cpu);
  }),
]);

/**
 * A guest that is a hypervisor with one guest: enters it, handles what it exits for, takes its own interrupts, and enters it again. An exit for
 * HLT leaves L2 halted. `halted` says that L2 begins so; `waits` that it looks once at what is posted, and then when it is notified.
 */
export const hypervisor = program('model_hypervisor', () => ({ halted: 0, waits: 0 }), [
  stage('cli', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('first', (m, cpu, f) => {
    nestedOf(m, currentVcpu(m, cpu)).activity12 = f.halted;
    // Each entry begins L2 as vmcs12 says.
    f.halted = 0;
  }),
  stage(
    'pi_test_and_clear_on',
    'guestFlag',
    shared,
    (m, cpu) => {
      const { l2 } = guestOf(m, currentVcpu(m, cpu));
      const descriptor = descriptorOf(m, l2);
      if (descriptor.on === 0) return 'vmresume';
      descriptor.on = 0;
      return undefined;
    },
    { to: ['vmresume'] },
  ),
  stage('kvm_apic_update_irr', 'guestFlag', shared, (m, cpu) => {
    takePirOfL2(m, currentVcpu(m, cpu));
  }),
  glue('vmresume', (m, cpu) => {
    call(m, cpu, vmresume);
  }),
  stage('exit', 'guestFlag', local, (m, cpu, _f, reason) => {
    const vcpu = currentVcpu(m, cpu);
    const { l2, nested } = guestOf(m, vcpu);
    const { exitInterruptionInformation12: information } = nested;
    if (reason === ExitReason.Cpuid || reason === ExitReason.Hlt) skipInL2(m, l2);
    if (reason === ExitReason.Hlt) nested.activity12 = 1;
    // As if it were delivered here: an NMI, too, which is blocked until its handler returns.
    if ((reason === ExitReason.ExternalInterrupt || reason === ExitReason.ExceptionNmi) && information !== 0) {
      interruptAt(m.threads[cpu.thread] as Thread, handlerOf(vcpu.guestInterrupts, information & 0xff));
    }
  }),
  stage('sti', 'guestFlag', shared, (m, cpu) => sti(m, cpu)),
  stage('nop', 'guestFlag', shared, () => {}),
  stage('cli-again', 'guestFlag', shared, (m, cpu) => cli(m, cpu)),
  glue('again', (_m, _cpu, f) => (f.waits === 1 ? 'vmresume' : 'pi_test_and_clear_on'), {
    to: ['pi_test_and_clear_on', 'vmresume'],
  }),
]);

/** An L2 that exits once for what KVM handles without L1, a write of ESR, then runs on. */
export const exitToL0 = program('model_l2_exit', () => ({}), [
  glue('wrmsr-esr', (m, cpu) => {
    call(m, cpu, wrmsr).msr = 0x828;
  }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/** An L2 with L1's local APIC: ends the interrupt that L1 left in service, exits to L1, then runs on. */
export const endInterruptOfL1 = program('model_l2_eoi', () => ({}), [
  glue('eoi', (m, cpu) => {
    call(m, cpu, wrmsr).msr = 0x80b;
  }),
  glue('cpuid', (m, cpu) => {
    call(m, cpu, cpuid);
  }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);

/**
 * A sibling of L1's that posts to the L2 of virtual CPU 0: `first`, then `second` unless it is 0; each time PIR, ON, and if that was clear
 * the notification, an IPI with the vector that L1 chose. Then it runs on.
 */
export const postToL2 = program('model_post_to_l2', () => ({ l2: 0, first: 0, second: 0, notification: 0 }), [
  stage('set-pir', 'guestFlag', shared, (m, _cpu, f) => {
    const { pir } = descriptorOf(m, vcpuOf(m, f.l2));
    observe(m, TestRecord.intended, f.l2, f.first);
    observe(m, testBit(pir, f.first) ? Record.coalesced : Record.posted, f.l2, f.first);
    setBit(pir, f.first);
    f.first = f.second;
    f.second = 0;
  }),
  stage(
    'set-on',
    'guestFlag',
    shared,
    (m, _cpu, f) => {
      const descriptor = descriptorOf(m, vcpuOf(m, f.l2));
      if (descriptor.on === 1) return 'more';
      descriptor.on = 1;
      observe(m, TestRecord.intended, 0, f.notification);
      return undefined;
    },
    { to: ['more'] },
  ),
  glue('wrmsr-icr', (m, cpu, f) => {
    const write = call(m, cpu, wrmsr);
    write.msr = 0x830;
    write.low = 0x4000 | f.notification;
  }),
  glue('more', (_m, _cpu, f) => (f.first === 0 ? undefined : 'set-pir'), { to: ['set-pir'] }),
  until('spin', 'guestLoop', () => false, { channel: () => -1 }),
]);
