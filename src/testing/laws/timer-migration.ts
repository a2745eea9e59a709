import { recordKindOf } from '../../engine/records.js';
import type { Routine } from '../../engine/routine.js';
import { runScheduled } from '../../engine/scheduled.js';
import { randomScheduler } from '../../engine/scheduler.js';
import type { Thread } from '../../engine/state.js';
import { hardwareHooks } from '../../hardware/events.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { addTask } from '../../host/create-host.js';
import { startGuest } from '../../kvm/create-vm.js';
import { vcpuOf } from '../../kvm/machine.js';
import { restoreVcpu, saveVcpu } from '../../kvm/migrate.js';
import { createRun } from '../../scenarios/run.js';
import { type MachineInput, parseMachine } from '../../scenarios/schema.js';
import type { SystemMachine } from '../../scenarios/system-machine.js';
import { patient } from './case.js';
import { guestProgram, handlers, setProgram } from './guest-program.js';
import { hostProgram, setHostProgram } from './host-program.js';
import type { GuestOperation } from './operations.js';

/** A guest that arms its timer, and is stopped somewhere on the way and taken to another machine. */
export interface TimerMigrationCase {
  /** The machine it begins on, and the one it is taken to: their first VMs have one and the same guest. */
  readonly from: MachineInput;
  readonly to: MachineInput;
  readonly mode: 'one-shot' | 'tsc-deadline';
  /** Count or cycles, 1 or more. */
  readonly time: number;
  /** Whether the guest lets interrupts in: if not, the timer's is requested, and waits until it does at its end. */
  readonly interruptsOff: boolean;
  /** Steps before user space begins to stop it. */
  readonly steps: number;
  readonly seed: number;
}

const vector = 0xec;

function programOf({ mode, time, interruptsOff }: TimerMigrationCase): GuestOperation[] {
  const arm: GuestOperation[] =
    mode === 'tsc-deadline'
      ? [{ op: 'timer', cycles: time }]
      : [
          { op: 'write', offset: 0x3e0, value: 0xb },
          { op: 'write', offset: 0x380, value: time },
        ];
  const off: GuestOperation[] = interruptsOff ? [{ op: 'cli' }] : [];
  return [...off, ...arm, { op: 'cpuid' }, { op: 'cpuid' }, { op: 'cpuid' }];
}

function made(input: MachineInput, mode: TimerMigrationCase['mode']): SystemMachine {
  const { machine } = createRun(parseMachine(input)).state;
  for (const vcpu of machine.vcpus) {
    (machine.threads[vcpu.thread] as Thread).length = 0;
    vcpu.guestInterrupts.length = 0;
    setHandler(vcpu.guestInterrupts, vector, handlers.plain.entry);
    vcpu.page.lvtTimer = (mode === 'tsc-deadline' ? 0x4_0000 : 0) | vector;
  }
  return machine;
}

/**
 * A timer that is pending when a virtual CPU is saved fires where it is restored (INV10): its interrupt comes, in TSC-deadline mode exactly
 * once.
 *
 * @returns what did not hold, in words, or undefined
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { checkTimerMigration } from 'vmx-apic/testing';
 *
 * const host = { topology: { coresPerSocket: 2 }, vms: [{ vcpus: 1 }] };
 * const wrong = checkTimerMigration({
 *   from: host, to: host, mode: 'one-shot', time: 1000, interruptsOff: false, steps: 60, seed: 1,
 * });
 * assert.equal(wrong, undefined);
 * ```
 */
export function checkTimerMigration(input: TimerMigrationCase): string | undefined {
  const { from: first, to: second, mode, steps, seed } = input;
  const delivered = recordKindOf('delivered').number;
  let taken = 0;
  const go = (machine: SystemMachine, most: number, salt: number): string =>
    runScheduled<SystemMachine, LogicalProcessor, object>(
      { machine, observers: {} },
      {
        hooks: hardwareHooks,
        observe: (_observers, _processor, kind, _vcpu, taking) => {
          if (kind === delivered && taking === vector) taken++;
        },
      },
      patient(randomScheduler(seed * 8 + salt), seed * 8 + salt),
      most,
    ).end;

  const from = made(first, mode);
  for (const vcpu of from.vcpus)
    setProgram(startGuest(from, vcpu, guestProgram), vcpu.id === 0 ? programOf(input) : []);
  go(from, steps, 1);
  const task = addTask(from, hostProgram as unknown as Routine, { allowed: [from.processors.length - 1] });
  setHostProgram(from.threads[from.tasks[task]?.thread ?? -1]?.[0]?.locals ?? {}, [{ op: 'pause' }]);
  if (go(from, 40_000, 2) !== 'quiescent') return 'the virtual CPUs do not stop';

  const to = made(second, mode);
  const owner = vcpuOf(from, 0);
  const left = owner.lapicTimer.deadline;
  for (const id of from.vms[0]?.vcpus ?? []) {
    const target = vcpuOf(to, id);
    restoreVcpu(to, target, saveVcpu(from, vcpuOf(from, id), 0));
  }
  Object.assign(to.guests[0] ?? {}, from.guests[0]);
  const armed = left > 0;
  if (go(to, 40_000, 3) !== 'quiescent') return 'the virtual CPUs do not come to rest after they were restored';
  if (taken === 0)
    return `the timer's interrupt never came${armed ? ', and it was armed when the state was saved' : ''}`;
  if (mode === 'tsc-deadline' && taken > 1) return `the timer's interrupt came ${taken} times`;
  return undefined;
}
