import { call } from '../engine/frames.js';
import { notify } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { localIrqRestore, localIrqSave } from '../host/local-irq.js';
import { currentTask, TaskState } from '../host/machine.js';
import { tryToWakeUp } from '../host/try-to-wake-up.js';
import { type KvmMachine, kvm, vcpuOf } from './machine.js';

// How virtual CPUs slept before rcuwait (until 5.7, commit da4ad88cab58): on a wait queue with a lock, which the waker holds while it wakes. A
// target that finds its interrupt by itself still has to take itself off the queue, and waits for the waker there. Linux `kernel/sched/swait.c`.

const { program, stage, glue, until } = kvm;

function unlock(machine: KvmMachine, vcpu: number): void {
  const target = vcpuOf(machine, vcpu);
  target.waitLock = 0;
  notify(machine, target.channel);
}

const ownLine = (m: KvmMachine, cpu: LogicalProcessor): number => currentVcpu(m, cpu).modeLine;

/** Interrupts are off for as long as the lock is held. */
const irqSave = stage('local_irq_save', 'irqDisable', shared, (_m, cpu, f: { masked: number }) => localIrqSave(cpu, f));

/** Waits for one's own queue's lock. */
const rawSpinLock = until('raw_spin_lock', 'swaitLockFree', (m, cpu) => currentVcpu(m, cpu).waitLock === 0, {
  channel: (m, cpu) => currentVcpu(m, cpu).channel,
  line: ownLine,
});

/** Puts a virtual CPU's task on its wait queue and marks it as about to sleep. Linux `prepare_to_swait_exclusive`. */
export const prepareToSwait = program('prepare_to_swait_exclusive', () => ({ masked: 0 }), [
  irqSave,
  rawSpinLock,
  stage(
    'acquire',
    'swaitLock',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.waitLock === 1) return 'raw_spin_lock';
      vcpu.waitLock = 1;
      return undefined;
    },
    { line: ownLine, to: ['raw_spin_lock'] },
  ),
  stage(
    'set_current_state',
    'setCurrentState',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      vcpu.waiter = 1;
      currentTask(m, cpu.id).state = TaskState.interruptible;
      fence(m, cpu);
      unlock(m, vcpu.id);
      localIrqRestore(cpu, f);
    },
    { line: ownLine },
  ),
]);

/** Takes a virtual CPU's task off its wait queue, if its waker has not yet. Linux `finish_swait`. */
export const finishSwait = program('finish_swait', () => ({ masked: 0 }), [
  stage(
    'list_empty_careful',
    'swaitListEmpty',
    shared,
    (m, cpu) => {
      currentTask(m, cpu.id).state = TaskState.running;
      return currentVcpu(m, cpu).waiter === 0 ? 'finished' : undefined;
    },
    { line: ownLine, to: ['finished'] },
  ),
  irqSave,
  rawSpinLock,
  stage(
    'list_del_init',
    'swaitLock',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.waitLock === 1) return 'raw_spin_lock';
      // Taken and given back in one: nobody else can look in between.
      vcpu.waiter = 0;
      localIrqRestore(cpu, f);
      return undefined;
    },
    { line: ownLine, to: ['raw_spin_lock'] },
  ),
  glue('finished', () => undefined),
]);

/** Wakes the task on a virtual CPU's wait queue, with its lock held. Returns 1 if it did. Linux `swake_up_one`, `swake_up_locked`. */
export const swakeUpOne = program('swake_up_one', () => ({ target: 0, masked: 0 }), [
  irqSave,
  until('raw_spin_lock', 'swaitLockFree', (m, _cpu, f) => vcpuOf(m, f.target).waitLock === 0, {
    channel: (m, _cpu, f) => vcpuOf(m, f.target).channel,
    line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine,
  }),
  stage(
    'wake_up_process',
    'swaitLock',
    shared,
    (m, cpu, f) => {
      const target = vcpuOf(m, f.target);
      if (target.waitLock === 1) return 'raw_spin_lock';
      target.waitLock = 1;
      if (target.waiter === 1) call(m, cpu, tryToWakeUp).task = target.task;
      return undefined;
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine, to: ['raw_spin_lock'] },
  ),
  stage(
    'list_del_init',
    'swaitUnlock',
    shared,
    (m, cpu, f) => {
      vcpuOf(m, f.target).waiter = 0;
      unlock(m, f.target);
      localIrqRestore(cpu, f);
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine },
  ),
  // Whether the task slept or not: there was one to wake.
  glue('woken', () => 1),
]);
