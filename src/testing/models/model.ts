import type { Invariant } from '../../engine/explored.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { runQueueOf, type Task, TaskState } from '../../host/machine.js';
import { finalInvariants, ledgerInvariants, machineInvariants } from '../invariants/index.js';
import type { StateInvariant } from '../invariants/invariant.js';
import { ledgerOf } from '../invariants/ledger.js';
import type { Ledger } from '../invariants/ledger-entries.js';
import { addHostTask, type ModelMachine, start } from './model-machine.js';
import { deviceHostVector, deviceInterrupt, handler, nmiHandler, otherTask } from './programs.js';

/** One machine of a model: what is in it, and what its programs do. */
export interface ModelConfiguration {
  /** Unique within its model: small letters, digits and hyphens. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly about: string;
  /** The id of the finding that it shows: then it breaks an invariant, as KVM does. */
  readonly finding?: string;
  /** @internal Makes the machine; {@link createModelState} brings it to where the model begins. */
  build(): ModelMachine;
}

/** A race of KVM's, small enough that every interleaving can be carried out. */
export interface Model {
  /** Small letters and hyphens. */
  readonly name: string;
  readonly title: string;
  /** What races with what, and what must come of it. */
  readonly about: string;
  readonly configurations: readonly ModelConfiguration[];
}

/** The state that a model begins with. */
export interface ModelState {
  machine: ModelMachine;
  observers: Ledger;
}

/** The vectors that programs of models send. */
const modelVectors = [0x41, 0x42, 0x51, 0x61, 0x71] as const;

/** A configuration's machine, where its programs begin, and an empty ledger. */
export function createModelState({ build }: ModelConfiguration): ModelState {
  const machine = build();
  setHandler(machine.hostInterrupts, deviceHostVector, deviceInterrupt.entry);
  for (const vcpu of machine.vcpus) {
    for (const vector of modelVectors) setHandler(vcpu.guestInterrupts, vector, handler.entry);
    setHandler(vcpu.guestInterrupts, 2, nmiHandler.entry);
  }
  machine.world.others.forEach((other, processor) => {
    // Any number but -1 asks for a task that can become ready there.
    if (other < 0) return;
    addHostTask(machine, processor, otherTask);
    const task = machine.tasks[machine.tasks.length - 1] as Task;
    machine.world.others[processor] = task.id;
    // It sleeps at first.
    Object.assign(task, { state: TaskState.interruptible, onRunQueue: 0 });
    runQueueOf(machine, processor).queue.pop();
  });
  const observers = ledgerOf(machine, 1);
  start(machine, observers);
  return { machine, observers };
}

/** An invariant as the explorer takes it. */
function explored(invariant: StateInvariant): Invariant<ModelMachine, Ledger> {
  return { name: invariant.id, holds: (machine, ledger) => invariant.check(machine, ledger) === undefined };
}

/** What must hold between any two stages of a model, and when nothing more can happen. */
export const modelInvariants = [...machineInvariants, ...ledgerInvariants].map(explored);
export const modelFinals = finalInvariants.map(explored);
