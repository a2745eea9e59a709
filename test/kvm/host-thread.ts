import { call } from '../../src/engine/frames.js';
import { type Routine, shared } from '../../src/engine/routine.js';
import type { LogicalProcessor } from '../../src/hardware/machine.js';
import { addTask } from '../../src/host/create-host.js';
import { currentTask, TaskState } from '../../src/host/machine.js';
import { schedule } from '../../src/host/schedule.js';
import { type KvmMachine, kvm } from '../../src/kvm/machine.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';

/** What a thread of the host does at its turn: a call of a routine of KVM's, or a store. */
export type Act = (machine: KvmMachine, processor: LogicalProcessor) => void;

const acts: Act[] = [];

const thread = kvm.program('test_acts', () => ({ first: 0, last: 0, gap: 0 }), [
  kvm.stage('pause', 'emulateCpuid', shared, () => {}, { work: (_m, _cpu, f) => f.gap }),
  kvm.stage('act', 'emulateCpuid', shared, (m, cpu, f) => {
    acts[f.first++]?.(m, cpu);
  }),
  kvm.glue('again', (_m, _cpu, f) => (f.first < f.last ? 'pause' : undefined), { to: ['pause'] }),
  kvm.stage('exit', 'emulateCpuid', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
  }),
]);

/** A thread of the host, on `processor`, that does one thing after the other, each `gap` cycles after the one before. */
export function addHostActs(machine: SystemMachine, list: readonly Act[], gap = 60_000, processor = 2): void {
  const task = addTask(machine, thread as unknown as Routine, { allowed: [processor] });
  const first = acts.length;
  acts.push(...list);
  const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
  Object.assign(frame?.locals ?? {}, { first, last: acts.length, gap });
}
