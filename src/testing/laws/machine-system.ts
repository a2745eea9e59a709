import type { ApicRegisters } from '../../arch/apic-registers.js';
import { InputError, InternalError } from '../../engine/errors.js';
import { recordKindOf } from '../../engine/records.js';
import { type Routine, stageTable } from '../../engine/routine.js';
import { runScheduled } from '../../engine/scheduled.js';
import { randomScheduler } from '../../engine/scheduler.js';
import { loadState } from '../../engine/schema.js';
import type { Frame, Thread } from '../../engine/state.js';
import { hardwareHooks } from '../../hardware/events.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { addTask } from '../../host/create-host.js';
import { processorCount } from '../../host/topology.js';
import { recalculateApicMap } from '../../kvm/apic-map.js';
import { startGuest } from '../../kvm/create-vm.js';
import { type KvmVcpu, type KvmVm, vcpuOf } from '../../kvm/machine.js';
import { restoreVcpu, saveVcpu } from '../../kvm/migrate.js';
import { createRun } from '../../scenarios/run.js';
import { type MachineInput, parseMachine } from '../../scenarios/schema.js';
import type { SystemMachine } from '../../scenarios/system-machine.js';
import { systemSchemas } from '../../scenarios/system-schema.js';
import { brokenInvariants, machineInvariants } from '../invariants/index.js';
import { ledgerOf } from '../invariants/ledger.js';
import type { ApicSystem, OperationResult, Taken } from './apic-system.js';
import { patient, timerVector } from './case.js';
import { commandHandler, faultHandler, guestCommands, ProgramRecord, setProgram } from './guest-program.js';
import { hostCommands, setHostProgram } from './host-program.js';
import type { GuestOperation, HostOperation } from './operations.js';

/** How a whole machine is driven step by step. */
export interface MachineSystemSetting {
  /**
   * The machines that it runs on, as for `createMachine`, the first at first: one VM's virtual CPUs are the CPUs (a second VM, if there is
   * one, idles, and must not be touched). All have the same number of virtual CPUs and the same APIC mode; a processor more than
   * virtual CPUs is the host's. To go from one to the next is one of the disturbances.
   */
  readonly machines: readonly MachineInput[];
  /** Seed of the order in which things happen between two rests. */
  readonly seed?: number;
}

/** Operations that give a value. */
const reading: readonly GuestOperation['op'][] = ['read', 'read-tpr', 'pv-send', 'hv-send'];

const stepsAtMost = 20_000;

const disturbances = ['inhibit', 'allow', 'save and restore', 'preempt', 'migrate', 'attach a device'] as const;

/**
 * A whole machine, host, hypervisor and guests, as an {@link ApicSystem}: each operation goes the way that the machine's features have for
 * it, in an order that the seed decides. It can be disturbed: APICv inhibited and allowed again while it runs, its state saved and
 * restored in the middle of everything, its virtual CPUs interrupted by the scheduler, the whole VM moved to a host with other features.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { compareSystems, MachineSystem, ReferenceSystem } from 'vmx-apic/testing';
 *
 * const machine = new MachineSystem({ machines: [{ topology: { coresPerSocket: 3 }, vms: [{ vcpus: 2 }] }] });
 * const bare = new ReferenceSystem({ cpus: 2, apicMode: 'x2apic' });
 * const difference = compareSystems(bare, machine, [
 *   { cpu: 1, operation: { op: 'hlt' } },
 *   { cpu: 0, operation: { op: 'send', icr: 0x4031, destination: 1 } },
 *   { disturb: 2 },
 *   { cpu: 1, operation: { op: 'eoi' } },
 *   { cpu: 1, operation: { op: 'iret' } },
 * ]);
 * assert.equal(difference, undefined);
 * ```
 */
export class MachineSystem implements ApicSystem {
  private machine: SystemMachine;
  private readonly machines: readonly MachineInput[];
  private current = 0;
  private runs = 0;
  private readonly seed: number;
  /** What a run told, since it was last asked. */
  private taken: Taken[] = [];
  private value: number | undefined;
  private fault = false;

  /** Throws an {@link InputError} if the machines do not fit each other. */
  constructor({ machines, seed = 1 }: MachineSystemSetting) {
    const shapes = machines.map((input, i) => {
      const config = parseMachine(input);
      const vcpus = config.vms.reduce((sum, vm) => sum + vm.vcpus, 0);
      if (processorCount(config.topology) <= vcpus) {
        throw new InputError(`machines[${i}].topology`, `needs a processor more than its ${vcpus} virtual CPUs`);
      }
      return `${config.vms[0]?.vcpus} ${config.vms[0]?.apicMode}`;
    });
    const different = shapes.findIndex((shape) => shape !== shapes[0]);
    if (different >= 0)
      throw new InputError(`machines[${different}].vms[0]`, 'is another guest than that of machines[0]');
    this.machines = machines;
    this.seed = seed;
    this.machine = built(machines[0] ?? {});
    this.rest();
  }

  /** The registers of a virtual CPU's local APIC as they are, by its number in the machine: those of a second VM, too. */
  registersOf(vcpu: number): ApicRegisters {
    return JSON.parse(JSON.stringify(vcpuOf(this.machine, vcpu).page)) as ApicRegisters;
  }

  perform(cpu: number, operation: GuestOperation): OperationResult {
    const thread = this.machine.threads[vcpuOf(this.machine, cpu).thread] as Thread;
    setProgram(commandFrame(thread).locals, [operation]);
    this.rest();
    const { fault } = this;
    // What an operation gave that an interrupt came in between shows when the handler has returned: too late.
    const value = reading.includes(operation.op) ? this.value : undefined;
    const result = { fault, taken: this.taken, ...(value === undefined || fault ? {} : { value }) };
    this.forget();
    return result;
  }

  disturb(which: number): { taken: readonly Taken[]; what: string } {
    const name = disturbances[which % disturbances.length] ?? 'inhibit';
    const detail = Math.floor(which / disturbances.length);
    if (name === 'save and restore') this.saveAndRestore();
    else if (name === 'migrate') this.migrate();
    else if (name === 'preempt') this.host({ op: 'preempt', processor: detail });
    else if (name === 'attach a device') this.host({ op: 'attach' });
    else this.host({ op: name });
    const { taken } = this;
    this.forget();
    return { taken, what: name };
  }

  private forget(): void {
    this.taken = [];
    this.value = undefined;
    this.fault = false;
  }

  private host(operation: HostOperation): void {
    setHostProgram(this.hostFrame().locals, [operation]);
    this.rest();
  }

  private hostFrame(): Frame {
    const task = this.machine.tasks[this.machine.tasks.length - 1];
    return this.machine.threads[task?.thread ?? -1]?.[0] as Frame;
  }

  /** Through JSON, in the middle of everything: some steps into the next operation that is under way, too. */
  private saveAndRestore(): void {
    const { machine } = systemSchemas;
    this.machine = loadState(machine, JSON.parse(JSON.stringify(machine.save(this.machine))));
  }

  private migrate(): void {
    this.host({ op: 'pause' });
    const from = this.machine;
    this.current = (this.current + 1) % this.machines.length;
    const to = built(this.machines[this.current] ?? {});
    for (const id of (from.vms[0] as KvmVm).vcpus) {
      const target = vcpuOf(to, id);
      restoreVcpu(to, target, saveVcpu(from, vcpuOf(from, id), 0));
    }
    Object.assign(to.guests[0] ?? {}, from.guests[0]);
    this.machine = to;
    this.rest();
  }

  /** Runs until nothing more can happen; in the middle, now and then, through {@link saveAndRestore}. */
  private rest(): void {
    const seed = this.seed * 7919 + this.runs++;
    const scheduler = patient(randomScheduler(seed), seed);
    const pause = seed % 5 === 0 ? (seed >>> 3) % 97 : stepsAtMost;
    if (this.go(scheduler, pause) !== 'quiescent') {
      if (pause < stepsAtMost) this.saveAndRestore();
      if (this.go(scheduler, stepsAtMost) !== 'quiescent')
        throw new InternalError('machine system', 'does not come to rest');
    }
    const [broken] = brokenInvariants(this.machine, ledgerOf(this.machine), machineInvariants);
    if (broken !== undefined) throw new InternalError('machine system', `is at rest, and ${broken}`);
  }

  private go(scheduler: ReturnType<typeof patient>, steps: number): string {
    const kinds = { delivered: recordKindOf('delivered').number, exception: recordKindOf('exception').number };
    return runScheduled<SystemMachine, LogicalProcessor, object>(
      { machine: this.machine, observers: {} },
      {
        hooks: hardwareHooks,
        observe: (_observers, _processor, kind, a, b) => {
          if (kind === kinds.delivered) this.taken.push({ cpu: a, vector: b });
          else if (kind === kinds.exception) this.fault = true;
          else if (kind === ProgramRecord.read) this.value = b >>> 0;
        },
      },
      scheduler,
      steps,
    ).end;
  }
}

/** The innermost frame of a guest that waits for a command. */
function commandFrame(thread: Thread): Frame {
  const commands: readonly Routine[] = [guestCommands as unknown as Routine, commandHandler as unknown as Routine];
  const frame = thread.findLast(({ at }) => commands.includes((stageTable[at] as { routine: Routine }).routine));
  if (frame === undefined) throw new InternalError('machine system', 'the guest has no frame that takes commands');
  return frame;
}

/** A machine at rest whose guests wait for commands. */
function built(input: MachineInput): SystemMachine {
  const config = parseMachine(input);
  const { machine } = createRun(config).state;
  for (const vcpu of machine.vcpus) {
    (machine.threads[vcpu.thread] as Thread).length = 0;
    vcpu.guestInterrupts.length = 0;
    for (let vector = 16; vector < 256; vector++) setHandler(vcpu.guestInterrupts, vector, commandHandler.entry);
    setHandler(vcpu.guestInterrupts, 13, faultHandler.entry);
    vcpu.page.lvtTimer = 0x4_0000 | timerVector;
    setFlatLogicalId(vcpu);
    startGuest(machine, vcpu, guestCommands);
  }
  for (const vm of machine.vms) recalculateApicMap(machine, vm);
  addTask(machine, hostCommands as unknown as Routine, { allowed: [machine.processors.length - 1] });
  return machine;
}

function setFlatLogicalId({ page, vcpuId }: KvmVcpu): void {
  if (page.ldr === 0 && vcpuId < 8) page.ldr = ((1 << vcpuId) << 24) >>> 0;
}
