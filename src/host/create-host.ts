import { callOn } from '../engine/frames.js';
import type { Routine } from '../engine/routine.js';
import { emptyRequests, type Thread } from '../engine/state.js';
import { createLogicalProcessor } from '../hardware/create-processor.js';
import { setHandler } from '../hardware/interrupt-table.js';
import type { IdleState } from '../hardware/machine.js';
import { addTimer, TimerKind } from '../hardware/timer-uses.js';
import { doIdle } from './idle.js';
import { createIdleHistory } from './idle-governor.js';
import { hrtick, hrtimerInterrupt, irqentryExit, sysvecRescheduleIpi } from './interrupts.js';
import { type HostMachine, type SchedulerOptions, SystemVector, type Task, TaskState } from './machine.js';
import { finishTaskSwitch } from './schedule.js';
import { processorCount, type Topology } from './topology.js';
import { sysvecCallFunctionSingle } from './try-to-wake-up.js';

/** A host under construction: the machine, and how many channels and cache lines it has. */
export interface HostPlan<M extends HostMachine = HostMachine> {
  readonly machine: M;
  channels: number;
  lines: number;
}

/** A host whose processors all idle. `idleStates`: the polling state first, then the C-states that it may use, the lightest first. */
export function createHost(
  topology: Topology,
  scheduler: SchedulerOptions,
  idleStates: readonly IdleState[],
): HostPlan {
  const { sockets, coresPerSocket, threadsPerCore } = topology;
  const machine: HostMachine = {
    processors: [],
    threads: [],
    timers: [],
    storeBuffers: 0,
    requests: emptyRequests(),
    vcpus: [],
    memory: { descriptorBase: 0x1_0000_0000, descriptors: [], pidPointerTables: [] },
    hostInterrupts: [],
    interruptExit: irqentryExit.entry,
    idleStates: idleStates.map((state) => ({ ...state })),
    threadsPerCore,
    timerUses: [],
    apicPageMapping: [],
    avicTables: [],
    tasks: [],
    runQueues: [],
    scheduler: { ...scheduler },
    topology: { sockets, coresPerSocket, threadsPerCore },
    ready: 0,
  };
  setHandler(machine.hostInterrupts, SystemVector.reschedule, sysvecRescheduleIpi.entry);
  setHandler(machine.hostInterrupts, SystemVector.callFunctionSingle, sysvecCallFunctionSingle.entry);
  setHandler(machine.hostInterrupts, SystemVector.localTimer, hrtimerInterrupt.entry);
  const plan: HostPlan = { machine, channels: 0, lines: 0 };
  const processors = processorCount(topology);
  for (let id = 0; id < processors; id++) {
    const idle = newTask(machine, [id], doIdle as unknown as Routine);
    idle.onCpu = 1;
    idle.onRunQueue = 1;
    machine.processors.push(createLogicalProcessor(id, idle.thread));
    machine.runQueues.push({
      queue: [],
      current: idle.id,
      idle: idle.id,
      needResched: 0,
      polling: 0,
      minVruntime: 0,
      execStart: 0,
      sliceStart: 0,
      next: -1,
      skip: -1,
      wakeList: [],
      wakeLine: plan.lines++,
      channel: plan.channels++,
      line: plan.lines++,
      sliceTimer: addTimer(machine, {
        kind: TimerKind.localTimer,
        processor: id,
        vector: SystemVector.localTimer,
        handler: hrtick.entry,
      }),
      idleTimer: addTimer(machine),
      history: createIdleHistory(idleStates.length),
    });
  }
  return plan;
}

function newTask(machine: HostMachine, allowed: number[], routine: Routine): Task {
  const thread: Thread = [];
  callOn(thread, routine);
  const task: Task = {
    id: machine.tasks.length,
    thread: machine.threads.push(thread) - 1,
    state: TaskState.running,
    onRunQueue: 0,
    onCpu: 0,
    cpu: allowed[0] ?? 0,
    allowed,
    weight: 1024,
    vruntime: 0,
    deadline: 0,
    vlag: 0,
    user: 0,
    owner: -1,
    schedIn: -1,
    schedOut: -1,
  };
  machine.tasks.push(task);
  return task;
}

/** What a new task may say of itself beside its routine. */
export interface TaskOptions {
  /** The processors it may run on; all if empty. */
  readonly allowed?: readonly number[];
  readonly owner?: number;
  /** Its share: 1024 for nice 0. */
  readonly weight?: number;
  /** 1 if it begins in user mode. */
  readonly user?: number;
  /** First stages of the routines to call after it has been switched in and before it is switched out. */
  readonly schedIn?: number;
  readonly schedOut?: number;
}

/** Adds a task that is ready to run from the first stage of `routine`; returns its number. */
export function addTask(machine: HostMachine, routine: Routine, options: TaskOptions = {}): number {
  const { allowed = [], owner = -1, weight = 1024, user = 0, schedIn = -1, schedOut = -1 } = options;
  const task = newTask(machine, [...allowed], routine);
  Object.assign(task, { owner, weight, user, schedIn, schedOut });
  // It comes to life in the middle of a switch, like any other task.
  callOn(machine.threads[task.thread] as Thread, finishTaskSwitch);
  task.onRunQueue = 1;
  const candidates = task.allowed.length > 0 ? task.allowed : machine.processors.map(({ id }) => id);
  const waiting = (processor: number): number => machine.runQueues[processor]?.queue.length ?? 0;
  task.cpu = candidates.reduce((best, next) => (waiting(next) < waiting(best) ? next : best));
  const queue = machine.runQueues[task.cpu];
  queue?.queue.push(task.id);
  machine.ready++;
  if (queue !== undefined) queue.needResched = 1;
  return task.id;
}
