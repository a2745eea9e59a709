import { call } from '../engine/frames.js';
import { done, type Routine, shared } from '../engine/routine.js';
import { addTimer, TimerKind } from '../hardware/timer-uses.js';
import { addTask } from '../host/create-host.js';
import { currentTask, SystemVector, TaskState } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { hrtimerWakeup, nanosleep } from '../host/sleep.js';
import { type KvmMachine, kvm } from './machine.js';
import { pauseAllVcpus } from './pause.js';

const { program, stage, glue } = kvm;

/** The virtual machine monitor's thread that completes a live migration: after some time it stops the VM. QEMU `migration_thread`. */
export const migrationThread = program('migration_thread', () => ({ vm: 0, timer: 0, delay: 0 }), [
  glue('sleep', (m, cpu, f) => {
    const sleep = call(m, cpu, nanosleep);
    sleep.timer = f.timer;
    sleep.cycles = f.delay;
  }),
  stage('migration_stop_vm', 'userspaceExit', shared, (m, cpu, f) => {
    call(m, cpu, pauseAllVcpus).vm = f.vm;
  }),
  stage('exit', 'userspaceExit', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
  }),
  glue('exited', () => done),
]);

/** Adds such a thread, which stops a VM `delay` cycles after the start. */
export function addMigrationThread(machine: KvmMachine, vm: number, delay: number): void {
  const task = addTask(machine, migrationThread as unknown as Routine);
  const timer = addTimer(machine, {
    kind: TimerKind.localTimer,
    vector: SystemVector.localTimer,
    owner: task,
    handler: hrtimerWakeup.entry,
  });
  const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
  Object.assign(frame?.locals ?? {}, { vm, timer, delay });
}
