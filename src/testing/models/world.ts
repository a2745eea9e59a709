import type { MachineActions } from '../../engine/actions.js';
import { interruptWith } from '../../engine/frames.js';
import { observe } from '../../engine/requests.js';
import type { Routine } from '../../engine/routine.js';
import type { Thread } from '../../engine/state.js';
import { externalInterrupt } from '../../hardware/external-interrupt.js';
import { postByIommu } from '../../hardware/iommu-posting.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { sendPhysicalIpi } from '../../hardware/physical-apic.js';
import { currentTask, type RunQueue, runQueueOf, SystemVector, type Task, TaskState } from '../../host/machine.js';
import { finishTaskSwitch, schedule } from '../../host/schedule.js';
import { reschedCurr, tryToWakeUp } from '../../host/try-to-wake-up.js';
import { kvmVcpuKick } from '../../kvm/kick.js';
import { vcpuEnterGuest } from '../../kvm/run.js';
import { TestRecord } from '../invariants/ledger.js';
import { type Place, place } from '../invariants/places.js';
import type { ModelMachine } from './model-machine.js';
import { deviceHostVector } from './programs.js';

/** Where the host kernel cannot be preempted although interrupts are enabled. */
const preemptionDisabled: readonly Place[] = [
  place(vcpuEnterGuest, 'prepare_switch_to_guest', 'finish_switch_from_guest'),
  ...[schedule, finishTaskSwitch, externalInterrupt, kvmVcpuKick, tryToWakeUp, reschedCurr].map((routine) =>
    place(routine as unknown as Routine),
  ),
];

function canPreempt(machine: ModelMachine, { id, nonRoot, masked, thread }: LogicalProcessor): boolean {
  if (nonRoot === 1 || masked === 1 || runQueueOf(machine, id).needResched === 0) return false;
  if (currentTask(machine, id).owner < 0) return false;
  const frames = machine.threads[thread] as Thread;
  for (const { at } of frames) {
    for (const { first, last } of preemptionDisabled) if (at >= first && at <= last) return false;
  }
  return true;
}

/** True if a task sleeps and may be told to wake elsewhere. */
function isAsleep({ state, onRunQueue, onCpu }: Task): boolean {
  return state === TaskState.interruptible && onRunQueue === 0 && onCpu === 0;
}

/** A waiting virtual CPU and a processor that has nothing to do, or a sleeping one and another processor than its own. */
function canMove(machine: ModelMachine, task: Task, to: number): boolean {
  if (isAsleep(task)) return to !== task.cpu && task.allowed.length > 1 && task.allowed.includes(to);
  const from = runQueueOf(machine, task.cpu);
  const target = runQueueOf(machine, to);
  if (to === task.cpu || task.owner < 0 || task.onCpu === 1 || !from.queue.includes(task.id)) return false;
  return task.allowed.includes(to) && target.current === target.idle && target.queue.length === 0;
}

/** A task joins the queue of a processor, which is told. */
function enqueue(machine: ModelMachine, queue: RunQueue, processor: LogicalProcessor, task: Task): void {
  task.cpu = processor.id;
  queue.queue.push(task.id);
  if (queue.needResched === 1) return;
  queue.needResched = 1;
  // Where host code runs it looks at the mark by itself; a guest or a halted processor has to be told.
  if (processor.nonRoot === 1 || processor.halted === 1 || queue.current === queue.idle) {
    sendPhysicalIpi(machine, processor.id, SystemVector.reschedule);
  }
}

const Which = { otherReady: 0, preempt: 1, migrate: 2, device: 3 } as const;

/** What happens around a virtual machine: other tasks, the load balancer, a preemptible kernel, a device. */
export const worldActions: MachineActions<ModelMachine> = {
  names: ['other-ready', 'preempt', 'migrate', 'device'],
  enabled: (machine, add) => {
    const { world } = machine;
    for (const processor of machine.processors) {
      const other = machine.tasks[world.others[processor.id] ?? -1];
      if (other !== undefined && world.preemptions > 0 && other.onRunQueue === 0 && other.onCpu === 0)
        add(Which.otherReady, processor.id);
      if (world.preemptible === 1 && canPreempt(machine, processor)) add(Which.preempt, processor.id);
    }
    if (world.migrations > 0) {
      const task = machine.tasks[machine.vcpus[0]?.task ?? -1];
      for (const { id } of machine.processors)
        if (task !== undefined && canMove(machine, task, id)) add(Which.migrate, id);
    }
    if (world.deviceInterrupts.length > 0) add(Which.device, world.deviceInterrupts[0] as number);
  },
  perform: (machine, which, detail) => {
    const { world } = machine;
    const processor = machine.processors[detail] as LogicalProcessor;
    if (which === Which.otherReady) {
      world.preemptions--;
      const other = machine.tasks[world.others[detail] as number] as Task;
      other.state = TaskState.running;
      other.onRunQueue = 1;
      enqueue(machine, runQueueOf(machine, detail), processor, other);
    } else if (which === Which.preempt) {
      interruptWith(machine.threads[processor.thread] as Thread, schedule).preempt = 1;
    } else if (which === Which.migrate) {
      world.migrations--;
      const task = machine.tasks[machine.vcpus[0]?.task ?? -1] as Task;
      if (isAsleep(task)) {
        // Linux `sched_setaffinity`: where it wakes.
        task.allowed = [detail];
        return;
      }
      const { queue } = runQueueOf(machine, task.cpu);
      queue.splice(queue.indexOf(task.id), 1);
      enqueue(machine, runQueueOf(machine, detail), processor, task);
    } else {
      world.deviceInterrupts.shift();
      raise(machine, detail);
    }
  },
};

/** A device raises its interrupt: posted by the IOMMU, or an interrupt of the host's on the processor of virtual CPU 0. */
function raise(machine: ModelMachine, interrupt: number): void {
  if (machine.world.posted === 1) {
    const target = interrupt >> 8;
    observe(machine, TestRecord.intended, target, interrupt & 0xff);
    postByIommu(machine, target, interrupt & 0xff);
  } else {
    sendPhysicalIpi(machine, 0, deviceHostVector);
  }
}
