import { call } from '../engine/frames.js';
import { done, type Routine, shared } from '../engine/routine.js';
import { addTimer, TimerKind } from '../hardware/timer-uses.js';
import { addTask } from '../host/create-host.js';
import { currentTask, SystemVector, TaskState } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { hrtimerWakeup, nanosleep } from '../host/sleep.js';
import { kvmSetOrClearApicvInhibit } from './apicv.js';
import { type KvmMachine, kvm } from './machine.js';

const { program, stage, glue } = kvm;

/**
 * A thread of the virtual machine monitor that gives KVM a reason against APICv at one time and takes it back at another, as attaching a
 * debugger, or a guest that switches the synthetic interrupt controller's automatic EOI on and off, would.
 */
export const inhibitThread = program(
  'inhibit_thread',
  () => ({ vm: 0, mask: 0, timer: 0, delay: 0, duration: -1, set: 1 }),
  [
    glue('sleep', (m, cpu, f) => {
      if (f.delay === 0) return;
      const sleep = call(m, cpu, nanosleep);
      sleep.timer = f.timer;
      sleep.cycles = f.delay;
    }),
    stage('ioctl', 'userspaceExit', shared, (m, cpu, f) => {
      const inhibit = call(m, cpu, kvmSetOrClearApicvInhibit);
      inhibit.vm = f.vm;
      inhibit.mask = f.mask;
      inhibit.set = f.set;
    }),
    glue(
      'again',
      (_m, _cpu, f) => {
        if (f.set === 0 || f.duration < 0) return undefined;
        f.set = 0;
        f.delay = f.duration;
        return 'sleep';
      },
      { to: ['sleep'] },
    ),
    stage('exit', 'userspaceExit', shared, (m, cpu) => {
      currentTask(m, cpu.id).state = TaskState.interruptible;
      call(m, cpu, schedule);
    }),
    glue('exited', () => done),
  ],
);

/**
 * Adds such a thread: `mask` of `ApicvInhibit` is set `delay` cycles after the start, and cleared `duration` cycles later (never if that
 * is below 0).
 */
export function addInhibitThread(machine: KvmMachine, vm: number, mask: number, delay: number, duration: number): void {
  const task = addTask(machine, inhibitThread as unknown as Routine);
  const timer = addTimer(machine, {
    kind: TimerKind.localTimer,
    vector: SystemVector.localTimer,
    owner: task,
    handler: hrtimerWakeup.entry,
  });
  const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
  Object.assign(frame?.locals ?? {}, { vm, mask, timer, delay, duration });
}
