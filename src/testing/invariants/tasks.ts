import type { Thread } from '../../engine/state.js';
import { TaskState } from '../../host/machine.js';
import { schedule } from '../../host/schedule.js';
import { MpState, VcpuMode } from '../../kvm/machine.js';
import { hostedBy } from '../../kvm/nested/guest-mode.js';
import { vcpuRun } from '../../kvm/run.js';
import type { StateInvariant } from './invariant.js';
import { frameIn, place } from './places.js';

const switching = place(schedule, 'deactivate_task', 'context_switch');

function isSwitching(thread: Thread): boolean {
  return frameIn(thread, switching) !== undefined;
}

/** A task is in one place, and a virtual CPU on one processor. */
export const onePlace: StateInvariant = {
  id: 'INV11-one-place',
  group: 'INV11',
  statement: 'A task runs on one processor or waits on one run queue, and a virtual CPU is current on one processor.',
  source: 'Linux __schedule, try_to_wake_up, vmx_vcpu_load_vmcs',
  example: 'A task is on the run queues of processors 0 and 1.',
  check: (machine) => {
    for (const task of machine.tasks) {
      let queued = 0;
      let running = 0;
      let idle = false;
      for (const queue of machine.runQueues) {
        for (const id of queue.queue) if (id === task.id) queued++;
        if (queue.current === task.id) running++;
        if (queue.idle === task.id) idle = true;
      }
      const two = queued === 1 && running === 1;
      if (running > 1 || queued > 1 || (two && !isSwitching(machine.threads[task.thread] as Thread)))
        return `task ${task.id}: is in two places`;
      if (!idle && task.onRunQueue !== queued + running && !machine.threads.some(isSwitching))
        return `task ${task.id}: its mark is not where it is`;
    }
    for (const vcpu of machine.vcpus) {
      let places = 0;
      for (const processor of machine.processors) if (processor.vcpu === vcpu.id) places++;
      if (places > 1) return `virtual CPU ${vcpu.id}: is on ${places} processors`;
    }
    return undefined;
  },
};

/** The marks that others go by say what a virtual CPU does. */
export const marksTrue: StateInvariant = {
  id: 'INV12-marks',
  group: 'INV12',
  statement:
    'A virtual CPU in its guest is runnable, not marked as outside, nor its task as one that sleeps; one that is switched out is marked as outside.',
  source: 'Linux vcpu_enter_guest, kvm_vcpu_block, kvm_sched_out',
  example:
    'A virtual CPU is switched out, and its mode is IN_GUEST_MODE: senders notify its processor instead of waking it.',
  check: (machine) => {
    for (const processor of machine.processors) {
      const current = machine.vcpus[processor.vcpu];
      if (processor.nonRoot === 0 || current === undefined) continue;
      const vcpu = hostedBy(machine, current);
      // Its own store may not have become visible.
      if (vcpu.mode === VcpuMode.outsideGuestMode && processor.storeBuffer.length === 0)
        return `virtual CPU ${vcpu.id}: runs its guest, and its mode is outside`;
      if (vcpu.mpState !== MpState.runnable)
        return `virtual CPU ${vcpu.id}: runs its guest, and is marked as halted or waiting for its start`;
      if (vcpu.waiter === 1 || machine.tasks[vcpu.task]?.state !== TaskState.running)
        return `virtual CPU ${vcpu.id}: runs its guest, and is marked as one that sleeps`;
    }
    for (const { id, loaded, cpu, mode } of machine.vcpus) {
      const buffered = machine.processors[cpu]?.storeBuffer.length ?? 0;
      if (loaded === 0 && mode !== VcpuMode.outsideGuestMode && buffered === 0)
        return `virtual CPU ${id}: is switched out, and its mode is not outside`;
    }
    return undefined;
  },
};

const looping = place(vcpuRun);

/** Whoever goes round in the run loop lets the host's interrupts in. */
export const interruptsOn: StateInvariant = {
  id: 'INV8-interrupts-on',
  group: 'INV8',
  statement:
    'Between an exit and the next entry the host\u2019s interrupts are enabled: in the loop of vcpu_run they always are.',
  source: 'Linux vcpu_enter_guest, vcpu_run',
  example: 'The thread of a virtual CPU is at the head of vcpu_run, and interrupts are disabled.',
  check: (machine) => {
    for (const { id, masked, nonRoot, thread } of machine.processors) {
      if (masked === 0 || nonRoot === 1) continue;
      const top = (machine.threads[thread] as Thread).at(-1);
      if (top === undefined) continue;
      if (top.at >= looping.first && top.at <= looping.last)
        return `processor ${id}: is in the loop of vcpu_run with interrupts disabled`;
    }
    return undefined;
  },
};
