import { call } from '../engine/frames.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { interruptBlocked } from './interruptibility.js';
import { descriptorOf, HostVector, type KvmMachine, kvm } from './machine.js';
import { controlLocals, isAsRead, needsPiWakeup, ownLine, readControl } from './pi-load-put.js';

const { program, stage, glue } = kvm;

function disableInterrupts(_machine: KvmMachine, processor: LogicalProcessor): undefined {
  processor.masked = 1;
}

function enableInterrupts(_machine: KvmMachine, processor: LogicalProcessor): undefined {
  processor.masked = 0;
  processor.attention = 1;
}

/** Notifications are for a virtual CPU that runs again, where it is now, and it leaves the list. Linux `__pi_post_block`. */
export const piPostBlockWork = program('__pi_post_block', controlLocals, [
  stage('read-control', 'piControlRead', shared, readControl, { line: ownLine }),
  stage(
    'cmpxchg-nv',
    'piControlUpdate',
    shared,
    (m, cpu, f) => {
      if (!isAsRead(m, cpu, f)) return 'cmpxchg-nv';
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      descriptor.ndst = cpu.apic.id;
      descriptor.nv = HostVector.postedInterrupt;
      return undefined;
    },
    { line: ownLine, to: ['cmpxchg-nv'] },
  ),
  stage('list_del', 'piWakeupList', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const list = m.wakeupLists[vcpu.wakeupList] as number[];
    list.splice(list.indexOf(vcpu.id), 1);
    vcpu.wakeupList = -1;
  }),
]);

/**
 * Before 5.17, when a virtual CPU is about to block: its notifications become wake-ups, on the processor where it is now, wherever it is switched
 * out later. If something was posted already it does not block. Returns 1 then. Linux `pi_pre_block`, from `vmx_pre_block`.
 */
export const piPreBlock = program('pi_pre_block', controlLocals, [
  stage('vmx_can_use_vtd_pi', 'piPut', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    // Kernels 5.16 and the stable ones before it do not wake who has interrupts off (commit 1831fa44df74).
    return needsPiWakeup(m, vcpu) && !interruptBlocked(m, vcpu) ? undefined : 0;
  }),
  stage('local_irq_disable', 'irqDisable', shared, disableInterrupts),
  stage('list_add_tail', 'piWakeupList', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.wakeupList = cpu.id;
    (m.wakeupLists[cpu.id] as number[]).push(vcpu.id);
  }),
  stage('read-control', 'piControlRead', shared, readControl, { line: ownLine }),
  stage(
    'cmpxchg-nv',
    'piControlUpdate',
    shared,
    (m, cpu, f) => {
      if (!isAsRead(m, cpu, f)) return 'cmpxchg-nv';
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      descriptor.ndst = cpu.apic.id;
      descriptor.nv = HostVector.postedInterruptWakeup;
      return undefined;
    },
    { line: ownLine, to: ['cmpxchg-nv'] },
  ),
  stage(
    'pi_test_on',
    'piControlRead',
    shared,
    (m, cpu) => {
      if (descriptorOf(m, currentVcpu(m, cpu)).on === 1) call(m, cpu, piPostBlockWork);
    },
    { line: ownLine },
  ),
  stage('local_irq_enable', 'irqEnable', shared, (m, cpu) => {
    enableInterrupts(m, cpu);
    return currentVcpu(m, cpu).wakeupList < 0 ? 1 : 0;
  }),
]);

/** Before 5.17, when it has blocked. Linux `pi_post_block`, from `vmx_post_block`. */
export const piPostBlock = program('pi_post_block', () => ({}), [
  glue('pre_pcpu', (m, cpu) => (currentVcpu(m, cpu).wakeupList < 0 ? done : undefined)),
  stage('local_irq_disable', 'irqDisable', shared, disableInterrupts),
  glue('__pi_post_block', (m, cpu) => {
    call(m, cpu, piPostBlockWork);
  }),
  stage('local_irq_enable', 'irqEnable', shared, enableInterrupts),
]);
