import { highestBit, testBit } from '../../arch/bits256.js';
import type { Action } from '../../engine/actions.js';
import { InputError, InternalError } from '../../engine/errors.js';
import { createRandom, randomBelow } from '../../engine/random.js';
import { recordKindOf } from '../../engine/records.js';
import type { Routine } from '../../engine/routine.js';
import { parseSchedule } from '../../engine/schedule.js';
import { runScheduled } from '../../engine/scheduled.js';
import { pctScheduler, randomScheduler, replayScheduler, type Scheduler } from '../../engine/scheduler.js';
import type { Thread } from '../../engine/state.js';
import { TimedRun } from '../../engine/timed.js';
import { hardwareHooks } from '../../hardware/events.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { addTask } from '../../host/create-host.js';
import { recalculateApicMap } from '../../kvm/apic-map.js';
import { startGuest } from '../../kvm/create-vm.js';
import { writeRedirection } from '../../kvm/ioapic.js';
import { type IoapicPin, MpState, VcpuRequest, vcpuOf } from '../../kvm/machine.js';
import { KvmRecord } from '../../kvm/records.js';
import { type CpuTime, cpuTimeOf } from '../../observe/cpu-time.js';
import { OtherTask } from '../../observe/recorder.js';
import { profileOf } from '../../scenarios/build.js';
import { idleStateNames } from '../../scenarios/host-options.js';
import { createRun, type SystemRun, timedOptions } from '../../scenarios/run.js';
import { type MachineConfig, type MachineInput, parseMachine } from '../../scenarios/schema.js';
import type { SystemMachine } from '../../scenarios/system-machine.js';
import { checkCpuTime } from '../cpu-time-checks.js';
import { brokenInvariants } from '../invariants/index.js';
import { enter, ledgerOf } from '../invariants/ledger.js';
import { Accounts, type BrokenLaw } from './accounts.js';
import {
  guestProgram,
  type HandlerStyle,
  handlers,
  maxOperations,
  nmiHandler,
  ProgramRecord,
  setProgram,
} from './guest-program.js';
import { HostRecord, hostLoad, hostProgram, maxHostOperations, setHostProgram } from './host-program.js';
import type { GuestOperation, HostOperation } from './operations.js';

/** Who runs when. */
export type CaseSchedule =
  /** By the cost profile, each stage's cost spread by `jitter` (0 to 1). */
  | { readonly kind: 'timed'; readonly seed: number; readonly jitter: number }
  /** Without time: whatever is possible, each as likely. */
  | { readonly kind: 'random'; readonly seed: number }
  /** Without time, by probabilistic concurrency testing with this bug depth. */
  | { readonly kind: 'pct'; readonly seed: number; readonly depth: number }
  /** Without time: each goes on as long as it can, but for these steps at which another takes over: `[step, which]`. */
  | { readonly kind: 'switches'; readonly at: readonly (readonly [step: number, which: number])[] }
  /** Without time, as a string says that a run before returned. */
  | { readonly kind: 'replay'; readonly schedule: string };

/** A small machine with programs, a host that interferes, and a schedule: plain data, all that a run depends on. */
export interface InterruptCase {
  /** As for `createMachine`, without a workload. */
  readonly machine: MachineInput;
  /** The program of each virtual CPU, over all VMs in order; those without one halt. At most 16 operations each. */
  readonly programs: readonly (readonly GuestOperation[])[];
  /** What host, devices and user space do meanwhile, on the last processor. At most 12 operations. */
  readonly host?: readonly HostOperation[];
  /** Processors on which the host has other things to do. */
  readonly load?: readonly number[];
  /** How the guests' handlers behave; `plain` by default. */
  readonly handlers?: HandlerStyle;
  /** True to let processors delay their plain stores, as hardware does; only without time. */
  readonly storeBuffers?: boolean;
  readonly schedule: CaseSchedule;
}

/** One thing that happened in a run of a case. */
export interface CaseEvent {
  /** Cycles, or the number of the action in a run without time. */
  readonly time: number;
  /** Who did it: a virtual CPU by number, or the host (-1). */
  readonly vcpu: number;
  readonly what: 'begins' | 'ends' | 'takes' | 'eoi' | 'reads' | 'exits' | 'through';
  /** The operation's number; the vector; the value; the exit reason. */
  readonly detail: number;
}

/** What became of a case. */
export interface CaseResult {
  /** Laws that did not hold; none if all is well. */
  readonly broken: readonly BrokenLaw[];
  /** What happened, in order. */
  readonly events: readonly CaseEvent[];
  /** In a run without time: the string that replays it. */
  readonly schedule?: string;
  readonly stages: number;
}

/** Options of {@link runCase}. */
export interface CaseOptions {
  /** False to leave out the invariants of KVM's state, which are looked at after every stage otherwise: the laws alone take a third of the time. */
  readonly invariants?: boolean;
  /** Where to give up, in stages: a run that is still going on there has broken `bounded work`. */
  readonly stages?: number;
}

/** Vectors that a case can make anybody take. */
function vectorsIn({ programs, host = [] }: InterruptCase): number[] {
  const vectors = new Set<number>([timerVector]);
  for (const operation of programs.flat()) {
    if (operation.op === 'send') vectors.add(operation.icr & 0xff);
    if (operation.op === 'self-ipi' || operation.op === 'hv-send') vectors.add(operation.vector);
    if (operation.op === 'pv-send') vectors.add(operation.icr & 0xff);
    if (operation.op === 'write' && operation.offset === 0x320) vectors.add(operation.value & 0xff);
  }
  for (const operation of host) {
    if (operation.op === 'message' || operation.op === 'set-msi') vectors.add(operation.icr & 0xff);
    if (operation.op === 'post') vectors.add(operation.vector);
    if (operation.op === 'raise' || operation.op === 'hold') vectors.add(lineVector + operation.line);
  }
  return [...vectors].filter((vector) => vector >= 16);
}

/** Vector of the first of the lines that devices can raise. */
const lineVector = 0xd0;
const lines = 4;

/** What is done with them. */
const lineOperations: readonly HostOperation['op'][] = ['raise', 'route', 'hold', 'mask', 'unmask'];

/** Wires the lines of the first VM's I/O APIC, level-triggered, each to one virtual CPU. */
function wireLines(machine: SystemMachine, host: readonly HostOperation[]): void {
  const [vm] = machine.vms;
  if (vm === undefined) return;
  for (let line = 0; line < lines; line++) {
    writeRedirection(machine, 0, line, 0x8000 | (lineVector + line), line % vm.vcpus.length);
    (vm.ioapic[line] as IoapicPin).resample = host.some((one) => one.op === 'hold' && one.line === line) ? 0 : 1;
  }
  // So few that a short program gets there; and the last repair of what is intercepted, whatever the kernel.
  vm.successiveIrqMax = 8;
  vm.rescansStaleEoi = 1;
}

/** The vector of the guests' timers, which are in TSC-deadline mode at first. */
export const timerVector = 0xec;

/** The configuration of a case's machine. Throws an {@link InputError} where the case does not fit it. */
function configOf(input: InterruptCase): MachineConfig {
  const config = parseMachine(input.machine);
  if (config.workload !== undefined) throw new InputError('machine.workload', 'a case has programs instead');
  const vcpus = config.vms.reduce((sum, vm) => sum + vm.vcpus, 0);
  if (input.programs.length > vcpus) {
    throw new InputError('programs', `has ${input.programs.length} for ${vcpus} virtual CPUs`);
  }
  input.programs.forEach((program, i) => {
    if (program.length > maxOperations) {
      throw new InputError(`programs[${i}]`, `has ${program.length} operations, not ${maxOperations} or fewer`);
    }
  });
  if ((input.host?.length ?? 0) > maxHostOperations) {
    throw new InputError('host', `has ${input.host?.length} operations, not ${maxHostOperations} or fewer`);
  }
  (input.host ?? []).forEach((operation, i) => {
    if (operation.op === 'post' && operation.vcpu >= vcpus) {
      throw new InputError(`host[${i}].vcpu`, `virtual CPU ${operation.vcpu} does not exist (${vcpus} there)`);
    }
  });
  return config;
}

/** Puts the programs of a case on its machine. */
function start(machine: SystemMachine, input: InterruptCase): void {
  const vectors = vectorsIn(input);
  const { entry } = handlers[input.handlers ?? 'plain'];
  for (const vcpu of machine.vcpus) {
    (machine.threads[vcpu.thread] as Thread).length = 0;
    vcpu.guestInterrupts.length = 0;
    for (const vector of vectors) setHandler(vcpu.guestInterrupts, vector, entry);
    setHandler(vcpu.guestInterrupts, 2, nmiHandler.entry);
    vcpu.page.lvtTimer = 0x4_0000 | timerVector;
    if (vcpu.page.ldr === 0 && vcpu.vcpuId < 8) vcpu.page.ldr = ((1 << vcpu.vcpuId) << 24) >>> 0;
    setProgram(startGuest(machine, vcpu, guestProgram), input.programs[vcpu.id] ?? []);
  }
  for (const vm of machine.vms) recalculateApicMap(machine, vm);
  if (input.host?.some(({ op }) => lineOperations.includes(op)) === true) wireLines(machine, input.host);
  const last = machine.processors.length - 1;
  if (input.host !== undefined && input.host.length > 0) {
    const task = addTask(machine, hostProgram as unknown as Routine, { allowed: [last] });
    setHostProgram(firstFrame(machine, task), input.host);
  }
  for (const processor of input.load ?? []) {
    addTask(machine, hostLoad as unknown as Routine, { allowed: [processor % machine.processors.length] });
  }
}

function firstFrame(machine: SystemMachine, task: number): Record<string, number> {
  return machine.threads[machine.tasks[task]?.thread ?? -1]?.[0]?.locals ?? {};
}

/**
 * Takes the chances of a scheduler, but lets timers expire seldom while anything else can happen: a slice that always ended at once would
 * leave nobody the time to do anything, and no machine is like that.
 *
 * @internal
 */
export function patient(scheduler: Scheduler, seed: number): Scheduler {
  const random = createRandom(seed, 1);
  return {
    next: (actions, machine) => {
      const prompt = actions.filter(({ kind }) => kind !== 'expiry');
      const expires = actions.length > prompt.length && (prompt.length === 0 || randomBelow(random, 64) === 0);
      const among = expires ? actions.filter(({ kind }) => kind === 'expiry') : prompt;
      return actions.indexOf(
        among[expires ? randomBelow(random, among.length) : scheduler.next(among, machine)] as Action,
      );
    },
  };
}

/** Actions of one processor in a row. */
const aloneAtMost = 2000;

/** Goes on with whoever acted last as long as it can, but for the steps at which another takes over. */
function switchScheduler(at: readonly (readonly [number, number])[]): Scheduler {
  const switches = new Map(at.map(([step, which]) => [step, which]));
  let step = -1;
  let alone = 0;
  let actor: Action | undefined;
  return {
    next: (actions) => {
      step++;
      const which = switches.get(step);
      let index = which === undefined ? -1 : which % actions.length;
      // Whoever goes round until another has done what it has begun would do so for ever.
      if (index < 0 && alone++ < aloneAtMost) {
        index = actions.findIndex(({ kind, of }) => kind !== 'expiry' && actor?.kind === kind && actor.of === of);
      }
      if (index < 0) {
        alone = 0;
        index = actions.findIndex(({ kind, of }) => kind !== 'expiry' && (actor?.kind !== kind || actor.of !== of));
      }
      if (index < 0)
        index = Math.max(
          0,
          actions.findIndex(({ kind }) => kind !== 'expiry'),
        );
      actor = actions[index];
      return index;
    },
  };
}

/** How long a run is taken to be where its schedule is drawn for a length. */
const expectedSteps = 1500;

/** PCT for as many steps as a run has, then at random, because priorities would starve whoever spins wait for. */
function fairPct(seed: number, depth: number): Scheduler {
  const pct = pctScheduler(seed, depth, expectedSteps);
  const random = randomScheduler(seed);
  let step = 0;
  return { next: (actions, machine) => (step++ < expectedSteps ? pct : random).next(actions, machine) };
}

function schedulerOf(schedule: Exclude<CaseSchedule, { kind: 'timed' }>): Scheduler {
  switch (schedule.kind) {
    case 'random':
      return patient(randomScheduler(schedule.seed), schedule.seed);
    case 'pct':
      return patient(fairPct(schedule.seed, schedule.depth), schedule.seed);
    case 'switches':
      return switchScheduler(schedule.at);
    case 'replay':
      return replayScheduler(parseSchedule(schedule.schedule));
  }
}

/** Takes what a run tells, for the accounts and for the story. */
class Watcher {
  readonly events: CaseEvent[] = [];
  time = 0;
  private readonly kinds = {
    delivered: recordKindOf('delivered').number,
    exit: recordKindOf('vm-exit').number,
  };
  readonly through = new Set<number>();
  private readonly current = new Map<number, GuestOperation>();
  /** Of the assigned device. */
  private message: { readonly icr: number; readonly destination: number } | undefined;

  private readonly input: InterruptCase;
  private readonly machine: SystemMachine;
  private readonly accounts: Accounts;

  constructor(input: InterruptCase, machine: SystemMachine, accounts: Accounts) {
    this.input = input;
    this.machine = machine;
    this.accounts = accounts;
  }

  take(processor: number, kind: number, a: number, b: number): void {
    const { accounts } = this;
    if (kind === ProgramRecord.begin) this.begins(a, b);
    else if (kind === ProgramRecord.end) this.ends(a, b);
    else if (kind === this.kinds.delivered) {
      this.tell(a, 'takes', b);
      accounts.take(a, b);
    } else if (kind === ProgramRecord.eoiEnds) {
      this.tell(a, 'eoi', 0);
      accounts.end(a);
    } else if (kind === ProgramRecord.flag) accounts.setInterruptFlag(a, b);
    else if (kind === ProgramRecord.nmiEnds) accounts.endNmi(a);
    else if (kind === ProgramRecord.read) this.tell(a, 'reads', b);
    else if (kind === ProgramRecord.through) {
      accounts.changeTaskPriority(a, 0);
      this.through.add(a);
      this.tell(a, 'through', b);
    } else if (kind === HostRecord.begin) this.hostBegins(a);
    else if (kind === KvmRecord.ioapicSetIrq) this.raise(a, b);
    else if (kind === this.kinds.exit) this.tell(this.machine.processors[processor]?.vcpu ?? -1, 'exits', a);
  }

  /** The operation that a virtual CPU is in, if it is in one. */
  operationOf(vcpu: number): GuestOperation | undefined {
    return this.current.get(vcpu);
  }

  private tell(vcpu: number, what: CaseEvent['what'], detail: number): void {
    this.events.push({ time: this.time, vcpu, what, detail });
  }

  private begins(vcpu: number, index: number): void {
    const operation = this.input.programs[vcpu]?.[index];
    if (operation === undefined) return;
    this.tell(vcpu, 'begins', index);
    this.current.set(vcpu, operation);
    const { accounts } = this;
    const { vm, page } = vcpuOf(this.machine, vcpu);
    if (operation.op === 'send') accounts.send(vm, vcpu, operation.icr, operation.destination);
    else if (operation.op === 'self-ipi') accounts.send(vm, vcpu, 0x4_4000 | operation.vector, 0);
    else if (operation.op === 'pv-send') this.sendToBitmap(vm, operation.icr, operation.min, operation.mask);
    else if (operation.op === 'hv-send')
      this.sendToBitmap(vm, operation.vector, 0, operation.all ? 0xffff_ffff : operation.mask);
    else if (operation.op === 'tpr') accounts.changeTaskPriority(vcpu, operation.priority);
    else if (operation.op === 'write' && operation.offset === 0x80) {
      accounts.changeTaskPriority(vcpu, (operation.value >>> 4) & 0xf);
    } else if (operation.op === 'timer' && (page.lvtTimer & 0x1_0000) === 0)
      accounts.request(vcpu, page.lvtTimer & 0xff);
    else if (operation.op === 'cli') accounts.setInterruptFlag(vcpu, 0);
    else if (operation.op === 'sti' || operation.op === 'sti-hlt') accounts.setInterruptFlag(vcpu, 1);
  }

  private sendToBitmap(vm: number, icr: number, min: number, mask: number): void {
    if ((icr & 0xc_0800) !== 0) return;
    for (let bit = 0; bit < 32; bit++) {
      if (((mask >>> bit) & 1) === 1) this.accounts.send(vm, -1, icr & 0xff, min + bit);
    }
  }

  private ends(vcpu: number, index: number): void {
    const operation = this.input.programs[vcpu]?.[index];
    if (operation === undefined) return;
    this.current.delete(vcpu);
    this.accounts.settleTaskPriority(vcpu);
    this.accounts.compareInService(vcpu);
    this.tell(vcpu, 'ends', index);
  }

  private hostBegins(index: number): void {
    const operation = this.input.host?.[index];
    if (operation === undefined) return;
    this.tell(-1, 'begins', index);
    if (operation.op === 'message') this.accounts.send(0, -1, operation.icr, operation.destination);
    if (operation.op === 'post') this.accounts.request(operation.vcpu, operation.vector);
    if (operation.op === 'hold') this.hold(operation.line);
    if (operation.op === 'unmask') this.unmask(operation.line);
    if (operation.op === 'set-msi') this.message = operation;
    if (operation.op === 'msi' && this.message !== undefined)
      this.accounts.send(0, -1, this.message.icr, this.message.destination);
  }

  /** A line rises. While its last interrupt has not ended it waits for whoever lowers it to raise it again; while it is masked for {@link unmask}. */
  private raise(line: number, coalesced: number): void {
    const [vm] = this.machine.vms;
    const pin = vm?.ioapic[line];
    if (vm === undefined || pin === undefined || pin.resample === 0 || coalesced === 1 || (pin.low & 0x1_0000) !== 0)
      return;
    this.accounts.request(vm.vcpus[pin.destination] as number, lineVector + line);
  }

  /** A line that is up is let through: its interrupt is sent now, unless the last one has not ended. */
  private unmask(line: number): void {
    const [vm] = this.machine.vms;
    const pin = vm?.ioapic[line];
    if (vm === undefined || pin === undefined || (pin.low & 0x1_0000) === 0 || pin.line === 0 || pin.remoteIrr === 1)
      return;
    this.accounts.request(vm.vcpus[pin.destination] as number, lineVector + line);
  }

  private hold(line: number): void {
    for (const vcpu of this.machine.vms[0]?.vcpus ?? []) this.accounts.repeats(vcpu, lineVector + line);
  }

  /** Lines that are up, let through, and of which nobody has an interrupt: they are dead. */
  dead(): number[] {
    const [vm] = this.machine.vms;
    return Array.from({ length: lines }, (_, line) => line).filter((line) => {
      const pin = vm?.ioapic[line];
      return pin !== undefined && pin.line === 1 && (pin.low & 0x1_0000) === 0 && !this.isUnderWay(lineVector + line);
    });
  }

  private isUnderWay(vector: number): boolean {
    return (this.machine.vms[0]?.vcpus ?? []).some((id) => {
      const vcpu = vcpuOf(this.machine, id);
      const { irr, isr } = vcpu.page;
      const { pir } = this.machine.memory.descriptors[vcpu.pid] ?? { pir: irr };
      return [irr, isr, pir].some((set) => testBit(set, vector));
    });
  }

  /** Vectors whose EOI a virtual CPU's processor intercepts although no line has them go there and none is under way: in words. */
  needlesslyIntercepted(): string[] {
    const { machine } = this;
    return machine.vcpus.flatMap((vcpu) => {
      const { vmcs, page } = vcpu;
      const vm = machine.vms[vcpu.vm];
      if (vm?.rescansStaleEoi !== 1 || (vcpu.requests & VcpuRequest.scanIoapic) !== 0) return [];
      const bits = [vmcs.eoiExitBitmap0, vmcs.eoiExitBitmap1, vmcs.eoiExitBitmap2, vmcs.eoiExitBitmap3].flat();
      return Array.from({ length: lines }, (_, line) => lineVector + line)
        .filter((vector) => testBit(bits, vector) && !testBit(page.irr, vector) && !testBit(page.isr, vector))
        .filter((vector) => vm.vcpus[vm.ioapic[vector - lineVector]?.destination ?? -1] !== vcpu.id)
        .map((vector) => `the EOI of ${vector.toString(16).toUpperCase()}H on virtual CPU ${vcpu.id}`);
    });
  }

  /** Level-triggered interrupts that have ended without their source having been told. */
  untold(): number[] {
    const [vm] = this.machine.vms;
    return Array.from({ length: lines }, (_, line) => line).filter(
      (line) => vm?.ioapic[line]?.remoteIrr === 1 && !this.isUnderWay(lineVector + line),
    );
  }

  /** Programs that neither are through nor halt. */
  stuck(): number[] {
    return this.machine.vcpus
      .filter(({ id, mpState, activity }) => {
        const operation = this.current.get(id)?.op;
        const halts = operation === 'hlt' || operation === 'sti-hlt' || this.through.has(id);
        return !halts || (mpState !== MpState.halted && activity !== 1);
      })
      .map(({ id }) => id);
  }
}

const cyclesAtMost = 400_000_000;

/**
 * Runs a case: the programs on a whole machine, every step through the real routines, with the laws of interrupt delivery watched.
 *
 * @returns what broke (nothing, if all is well), what happened, and how to replay it
 * @throws InputError if the case is wrong, before anything runs
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { type InterruptCase, runCase } from 'vmx-apic/testing';
 *
 * const twoSenders: InterruptCase = {
 *   machine: { topology: { coresPerSocket: 4 }, vms: [{ vcpus: 3, features: { ipiVirtualization: true } }] },
 *   programs: [
 *     [{ op: 'send', icr: 0x4031, destination: 2 }],
 *     [{ op: 'send', icr: 0x4052, destination: 2 }],
 *     [{ op: 'hlt' }],
 *   ],
 *   schedule: { kind: 'random', seed: 1 },
 * };
 * const result = runCase(twoSenders);
 * assert.deepEqual(result.broken, []);
 * const taken = result.events.filter(({ what }) => what === 'takes').map(({ detail }) => detail);
 * assert.deepEqual(taken.sort(), [0x31, 0x52]);
 * // The same again, action by action.
 * runCase({ ...twoSenders, schedule: { kind: 'replay', schedule: result.schedule ?? '' } });
 * ```
 */
export function runCase(input: InterruptCase, options: CaseOptions = {}): CaseResult {
  const config = configOf(input);
  const { schedule } = input;
  const seed = schedule.kind === 'timed' ? schedule.seed : 1;
  const made = createRun(config, seed);
  const { machine } = made.state;
  start(machine, input);
  if (input.storeBuffers === true) {
    if (schedule.kind === 'timed') throw new InputError('storeBuffers', 'are for schedules without time');
    machine.storeBuffers = 1;
  }
  const accounts = new Accounts(
    machine.vcpus.map(({ id, vm }) => ({
      vm,
      get apicMode() {
        return vcpuOf(machine, id).apicMode;
      },
      get page() {
        return vcpuOf(machine, id).page;
      },
      get pir() {
        return machine.memory.descriptors[vcpuOf(machine, id).pid]?.pir ?? [];
      },
      get endedByMemory() {
        const { pvEoiPending, page } = vcpuOf(machine, id);
        return pvEoiPending === 1 && machine.paravirt[id]?.eoi === 0 ? highestBit(page.isr) : -1;
      },
    })),
  );
  const watcher = new Watcher(input, machine, accounts);
  const limit =
    options.stages ?? 4000 + 6000 * (input.programs.flat().length + (input.host?.length ?? 0) + machine.vcpus.length);
  const state = { stages: 0 };
  const memory = ledgerOf(machine);
  const afterStage = (name: string): void => {
    state.stages++;
    if (options.invariants === false || accounts.broken.length > 0) return;
    for (const broken of brokenInvariants(machine, memory))
      accounts.fail('consistent state', `after ${name}: ${broken}`);
  };
  const take = (processor: number, kind: number, a: number, b: number): void => {
    watcher.take(processor, kind, a, b);
    if (options.invariants !== false) enter(memory, kind, a, b, machine, processor);
  };
  let text: string | undefined;
  try {
    if (schedule.kind === 'timed') {
      const ended = runTimed(
        made,
        config,
        schedule,
        (time, ...told) => {
          watcher.time = time;
          take(...told);
        },
        afterStage,
        limit,
      );
      if (!ended) accounts.fail('bounded work', `still going on after ${state.stages} stages`);
      for (const { law, whose, found, wanted } of checkCpuTime(timeOf(made, config)))
        accounts.fail('processor time', `${law}, ${whose}: ${found} cycles, not ${wanted}`);
    } else {
      const scheduler = schedulerOf(schedule);
      const run = runScheduled<SystemMachine, LogicalProcessor, object>(
        { machine, observers: {} },
        {
          hooks: hardwareHooks,
          observe: (_observers, processor, kind, a, b) => take(processor, kind, a, b),
          onStage: (_processor, stage) => afterStage(`${stage.routine.name}.${stage.name}`),
          onAction: () => {
            watcher.time++;
          },
        },
        scheduler,
        limit,
      );
      text = run.schedule;
      if (run.end === 'steps') accounts.fail('bounded work', `still going on after ${run.steps} steps`);
    }
    if (accounts.broken.every(({ law }) => law !== 'bounded work')) {
      for (const vcpu of watcher.stuck())
        accounts.fail('bounded work', `the program of virtual CPU ${vcpu} neither ends nor halts`);
      for (const line of watcher.untold())
        accounts.fail('one EOI per in-service bit', `line ${line} was never told that its interrupt ended`);
      for (const line of watcher.dead())
        accounts.fail('no lost interrupt', `line ${line} is up, and nobody has its interrupt`);
      for (const what of watcher.needlesslyIntercepted())
        accounts.fail('one EOI per in-service bit', `${what} is intercepted for nobody`);
      accounts.balance();
    }
  } catch (error) {
    if (!(error instanceof InternalError)) throw error;
    accounts.fail('internal expectations', error.message);
  }
  const { broken } = accounts;
  const { events } = watcher;
  return { broken, events, stages: state.stages, ...(text === undefined ? {} : { schedule: text }) };
}

/** True if the run came to rest. */
function runTimed(
  made: SystemRun,
  config: MachineConfig,
  schedule: { readonly jitter: number },
  take: (time: number, processor: number, kind: number, a: number, b: number) => void,
  afterStage: (name: string) => void,
  limit: number,
): boolean {
  const { observe, ...timed } = timedOptions({ ...config, jitter: schedule.jitter });
  const { observers: counters, machine } = made.state;
  // All of the run counts, and tasks that came after the machine was made.
  counters.began = 0;
  while (counters.tasks.length < machine.tasks.length) counters.tasks.push(OtherTask.load);
  const run = new TimedRun(made.state, {
    ...timed,
    checkWaits: true,
    plain: true,
    observe: (of, time, processor, kind, a, b) => {
      observe?.(of, time, processor, kind, a, b);
      take(time, processor, kind, a, b);
    },
    onStage: (_processor, stage) => afterStage(`${stage.routine.name}.${stage.name}`),
  });
  const end = run.run({ stages: limit, time: cyclesAtMost });
  counters.closed = made.state.timing.now;
  return end === 'quiescent';
}

/** What the time of a timed run went into. */
function timeOf({ state: { observers } }: SystemRun, config: MachineConfig): CpuTime {
  return cpuTimeOf(observers, idleStateNames(profileOf(config.profile), config));
}
