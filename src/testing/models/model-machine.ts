import { InternalError } from '../../engine/errors.js';
import type { Routine } from '../../engine/routine.js';
import type { RunSchemas } from '../../engine/save.js';
import type { Schema } from '../../engine/schema.js';
import { machineSchema, processorSchema } from '../../engine/schema-engine.js';
import { flag, integer, list, record } from '../../engine/schema-values.js';
import type { Frame, Numbers, Thread } from '../../engine/state.js';
import { Untimed } from '../../engine/untimed.js';
import { guestFields } from '../../guest/schema.js';
import { hardwareHooks } from '../../hardware/events.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { hardwareFields, processorFields, vcpuFields } from '../../hardware/schema.js';
import { addTask } from '../../host/create-host.js';
import type { Task } from '../../host/machine.js';
import { hostFields } from '../../host/schema.js';
import type { KernelVersion } from '../../kvm/kernels.js';
import { kvmFields, kvmVcpuFields, kvmVm } from '../../kvm/schema.js';
import { buildMachine } from '../../scenarios/build.js';
import { type MachineInput, parseMachine } from '../../scenarios/schema.js';
import type { SystemMachine } from '../../scenarios/system-machine.js';
import { enter } from '../invariants/ledger.js';
import { type Ledger, ledgerSchema } from '../invariants/ledger-entries.js';

/** What a model has beside the machine: how often the world outside may act. */
export interface ModelWorld {
  /** 1 if the host kernel may preempt itself wherever it has not disabled that (CONFIG_PREEMPTION). */
  preemptible: number;
  /** How often another task may still become ready where a virtual CPU runs. */
  preemptions: number;
  /** How often a virtual CPU that waits for a processor may still be moved to another one. */
  migrations: number;
  /** Interrupts that a device may still raise: vector, and 256 × its target. */
  deviceInterrupts: number[];
  /** 1 while the device's interrupts are posted; otherwise they go to the host. */
  posted: number;
  /** The task that becomes ready, by processor; -1 for none. */
  others: number[];
}

/** The machine of a model. */
export interface ModelMachine extends SystemMachine {
  world: ModelWorld;
}

const count = integer(0, 2 ** 31 - 1);
const processor: Schema<LogicalProcessor> = processorSchema(processorFields);

/** What states of models look like. */
export const modelSchemas: RunSchemas<ModelMachine, Ledger> = {
  machine: machineSchema(processor, {
    vcpus: list(record({ ...vcpuFields, ...kvmVcpuFields })),
    vms: list(kvmVm),
    ...hardwareFields,
    ...hostFields,
    ...kvmFields,
    ...guestFields,
    world: record({
      preemptible: flag,
      preemptions: count,
      migrations: count,
      deviceInterrupts: list(count),
      posted: flag,
      others: list(integer(-1, 2 ** 31 - 1)),
    }),
  }),
  observers: ledgerSchema,
};

/** How the machine of a model is made. */
export interface ModelShape {
  /** The host's kernel; 6.12 if not given. */
  readonly kernel?: KernelVersion;
  /** Logical processors: as many as virtual CPUs, or more. */
  readonly processors: number;
  /** Virtual CPUs, each pinned to the processor of its number. */
  readonly vcpus: number;
  readonly features?: NonNullable<NonNullable<MachineInput['vms']>[number]['features']>;
  /** Processors over which virtual CPU 0 may be moved; its own if absent. */
  readonly floatOn?: readonly number[];
  /** The processor of each virtual CPU, if it is not the one of its number. */
  readonly pinning?: readonly number[];
  /** The profile of the host's processor; sapphire-rapids if absent. */
  readonly profile?: string;
  readonly haltPollNs?: number;
  readonly storeBuffers?: boolean;
  readonly apicMode?: 'xapic' | 'x2apic';
  readonly world?: Partial<ModelWorld>;
}

/**
 * A machine whose virtual CPUs have not run. Guests have nothing to run yet, the virtual I/O APIC has no pins.
 */
export function createModelMachine(shape: ModelShape): ModelMachine {
  const { machine: system } = buildMachine(
    parseMachine({
      topology: { sockets: 1, coresPerSocket: shape.processors, threadsPerCore: 1 },
      ...(shape.profile === undefined ? {} : { profile: shape.profile }),
      host: { kernel: shape.kernel ?? '6.12', haltPollNs: shape.haltPollNs ?? 0, idle: 'hlt' },
      vms: [
        {
          vcpus: shape.vcpus,
          ...(shape.pinning === undefined ? {} : { pinning: [...shape.pinning] }),
          apicMode: shape.apicMode ?? 'x2apic',
          features: { postedTimer: false, ...shape.features },
        },
      ],
    }),
  );
  const world: ModelWorld = {
    preemptible: 0,
    preemptions: 0,
    migrations: 0,
    deviceInterrupts: [],
    posted: 0,
    others: system.processors.map(() => -1),
    ...shape.world,
  };
  // Whoever runs it changes it: configurations keep what they are made from.
  const machine: ModelMachine = Object.assign(system, {
    world: { ...world, deviceInterrupts: [...world.deviceInterrupts], others: [...world.others] },
  });
  machine.storeBuffers = shape.storeBuffers === true ? 1 : 0;
  for (const vm of machine.vms) vm.ioapic = [];
  for (const vcpu of machine.vcpus) {
    (machine.threads[vcpu.thread] as Thread).length = 0;
    vcpu.guestInterrupts = [];
  }
  const [first] = machine.vcpus;
  const task = machine.tasks[first?.task ?? -1];
  if (shape.floatOn !== undefined && task !== undefined) task.allowed = [...shape.floatOn];
  return machine;
}

/** Puts a task of the host on a processor; returns the locals of its routine. */
export function addHostTask<L extends Numbers<L>>(machine: ModelMachine, on: number, routine: Routine<L>): L {
  const task = machine.tasks[addTask(machine, routine as unknown as Routine, { allowed: [on] })] as Task;
  const thread = machine.threads[task.thread] as Thread;
  return (thread[0] as Frame).locals as L;
}

/**
 * Runs every processor by itself up to where the model begins: virtual CPUs in their guests, tasks of the host before their first stage,
 * the others in their idle loops.
 */
export function start(machine: ModelMachine, ledger: Ledger): void {
  const untimed = new Untimed<ModelMachine, LogicalProcessor, Ledger>({
    hooks: hardwareHooks,
    observe: (observers, processor, kind, a, b) => enter(observers, kind, a, b, machine, processor),
  });
  const state = { machine, observers: ledger };
  untimed.begin(state);
  for (const cpu of machine.processors) {
    for (let stages = 0; !hasBegun(machine, cpu); stages++) {
      if (stages > 1000) throw new InternalError(`processor ${cpu.id}`, 'does not come to where the model begins');
      if (untimed.canRun(machine, cpu)) untimed.run(state, cpu);
      else if (!untimed.mayRecognise(machine, cpu) || !untimed.recognise(state, cpu)) break;
    }
  }
}

function hasBegun(machine: ModelMachine, { id, nonRoot, thread }: LogicalProcessor): boolean {
  if (nonRoot === 1) return true;
  const queue = machine.runQueues[id];
  const task = machine.tasks[queue?.current ?? -1];
  if (queue === undefined || task === undefined || task.id === queue.idle || task.owner >= 0) return false;
  return (machine.threads[thread] as Thread).length === 1;
}
