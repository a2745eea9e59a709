import { call } from '../engine/frames.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { localIrqDisable, localIrqEnable } from '../host/local-irq.js';
import { interruptBlocked } from './interruptibility.js';
import { descriptorOf, HostVector, kvm } from './machine.js';
import { type Control, controlLocals, isAsRead, needsPiWakeup, ownLine, readControl } from './pi-load-put.js';
import { addToWakeupList, removeFromWakeupList } from './wakeup-list.js';

const { program, stage, glue } = kvm;

/** The descriptor's notifications become ones of another kind, for the processor where the virtual CPU is now. */
function setNotification(vector: number) {
  return stage(
    'cmpxchg-nv',
    'piControlUpdate',
    shared,
    (m, cpu, f: Control) => {
      if (!isAsRead(m, cpu, f)) return 'cmpxchg-nv';
      const descriptor = descriptorOf(m, currentVcpu(m, cpu));
      descriptor.ndst = cpu.apic.id;
      descriptor.nv = vector;
      return undefined;
    },
    { line: ownLine, to: ['cmpxchg-nv'] },
  );
}

const irqDisable = stage('local_irq_disable', 'irqDisable', shared, (_m, cpu) => localIrqDisable(cpu));

/** Notifications are for a virtual CPU that runs again, where it is now, and it leaves the list. Linux `__pi_post_block`. */
export const piPostBlockWork = program('__pi_post_block', controlLocals, [
  stage('read-control', 'piControlRead', shared, readControl, { line: ownLine }),
  setNotification(HostVector.postedInterrupt),
  stage('list_del', 'piWakeupList', shared, (m, cpu) => {
    removeFromWakeupList(m, currentVcpu(m, cpu));
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
  irqDisable,
  stage('list_add_tail', 'piWakeupList', shared, (m, cpu) => {
    addToWakeupList(m, currentVcpu(m, cpu), cpu.id);
  }),
  stage('read-control', 'piControlRead', shared, readControl, { line: ownLine }),
  setNotification(HostVector.postedInterruptWakeup),
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
    localIrqEnable(cpu);
    return currentVcpu(m, cpu).wakeupList < 0 ? 1 : 0;
  }),
]);

/** Before 5.17, when it has blocked. Linux `pi_post_block`, from `vmx_post_block`. */
export const piPostBlock = program('pi_post_block', () => ({}), [
  glue('pre_pcpu', (m, cpu) => (currentVcpu(m, cpu).wakeupList < 0 ? done : undefined)),
  irqDisable,
  glue('__pi_post_block', (m, cpu) => {
    call(m, cpu, piPostBlockWork);
  }),
  stage('local_irq_enable', 'irqEnable', shared, (_m, cpu) => localIrqEnable(cpu)),
]);
