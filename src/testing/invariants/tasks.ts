import type { Thread } from '../../engine/state.js';
import { schedule } from '../../host/schedule.js';
import type { StateInvariant } from './invariant.js';
import { frameIn, place } from './places.js';

const switching = place(schedule, 'deactivate_task', 'context_switch');

/** A task is in one place, and a virtual CPU on one processor. */
export const onePlace: StateInvariant = {
  id: 'INV11-one-place',
  group: 'INV11',
  statement: 'A task runs on one processor or waits on one run queue, and a virtual CPU is current on one processor.',
  source: 'Linux __schedule, try_to_wake_up, vmx_vcpu_load_vmcs',
  example: 'A task is on the run queues of processors 0 and 1.',
  check: (machine) => {
    const midSwitch = machine.threads.some((thread) => frameIn(thread, switching) !== undefined);
    for (const task of machine.tasks) {
      let queued = 0;
      let running = 0;
      let idle = false;
      for (const queue of machine.runQueues) {
        for (const id of queue.queue) if (id === task.id) queued++;
        if (queue.current === task.id) running++;
        if (queue.idle === task.id) idle = true;
      }
      const mid = frameIn(machine.threads[task.thread] as Thread, switching) !== undefined;
      if (running > 1 || queued > 1 || (queued === 1 && running === 1 && !mid))
        return `task ${task.id}: is in two places`;
      if (!idle && !midSwitch && task.onRunQueue !== queued + running)
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
