import { call } from '../engine/frames.js';
import { shared } from '../engine/routine.js';
import { addTimer, TimerKind } from '../hardware/timer-uses.js';
import { addTask } from './create-host.js';
import { currentTask, type HostMachine, host, runQueueOf, SystemVector } from './machine.js';
import { schedule } from './schedule.js';
import { hrtimerWakeup, nanosleep } from './sleep.js';

const { program, stage } = host;

/** A task of the host that computes and sleeps by turns, in user mode. */
export const loadTask = program('load_task', () => ({ busy: 0, pause: 0, timer: 0 }), [
  stage('compute', 'loadStep', shared, () => {}, { work: (_m, _cpu, f) => f.busy }),
  stage('system-call', 'loadStep', shared, (m, cpu, f) => {
    if (f.pause === 0) return;
    currentTask(m, cpu.id).user = 0;
    const sleep = call(m, cpu, nanosleep);
    sleep.timer = f.timer;
    sleep.cycles = f.pause;
  }),
  stage('exit-to-user-mode', 'loadStep', shared, (m, cpu) => {
    if (runQueueOf(m, cpu.id).needResched === 1) call(m, cpu, schedule).preempt = 1;
  }),
  stage(
    'again',
    'loadStep',
    shared,
    (m, cpu) => {
      currentTask(m, cpu.id).user = 1;
      return 'compute';
    },
    { to: ['compute'] },
  ),
]);

/** What a task of the host does, in cycles, and where. */
export interface LoadOptions {
  /** Computes for so long, above 0, and sleeps for so long; 0: never. */
  readonly busy: number;
  readonly pause: number;
  /** The processors it may run on; all if empty. */
  readonly allowed: readonly number[];
  /** Its share: 1024 for nice 0. */
  readonly weight: number;
}

/** Adds a task of the host that is no virtual CPU; returns its number. */
export function addLoad(machine: HostMachine, { busy, pause, allowed, weight }: LoadOptions): number {
  const task = addTask(machine, loadTask as never, { allowed, weight, user: 1 });
  const thread = machine.threads[machine.tasks[task]?.thread ?? -1];
  const timer = addTimer(machine, {
    kind: TimerKind.localTimer,
    processor: machine.tasks[task]?.cpu ?? 0,
    vector: SystemVector.localTimer,
    owner: task,
    handler: hrtimerWakeup.entry,
  });
  Object.assign(thread?.[0]?.locals ?? {}, { busy, pause, timer });
  return task;
}
