import { ExitReason } from '../../arch/exit-reason.js';
import { timerDivisor } from '../../arch/local-apic/timer.js';
import { InputError } from '../../engine/errors.js';
import { recordKindOf } from '../../engine/records.js';
import type { Routine } from '../../engine/routine.js';
import type { Thread } from '../../engine/state.js';
import { TimedRun } from '../../engine/timed.js';
import { setHandler } from '../../hardware/interrupt-table.js';
import { addTask } from '../../host/create-host.js';
import { startGuest } from '../../kvm/create-vm.js';
import { createRun, timedOptions } from '../../scenarios/run.js';
import { type MachineInput, parseMachine } from '../../scenarios/schema.js';
import { guestProgram, handlers, maxOperations, ProgramRecord, setProgram } from './guest-program.js';
import { hostLoad } from './host-program.js';
import type { GuestOperation } from './operations.js';

/** One thing that a guest does with its timer. */
export type TimerStep =
  /** Writes the LVT entry: the mode, and whether it is masked. */
  | { readonly op: 'mode'; readonly mode: 'one-shot' | 'periodic' | 'tsc-deadline'; readonly masked: boolean }
  /** Writes the initial count, so that it stands for so many cycles; 0 stops the timer. */
  | { readonly op: 'count'; readonly cycles: number }
  /** Writes the divide configuration, encoded as in the register. */
  | { readonly op: 'divide'; readonly configuration: number }
  /** Writes IA32_TSC_DEADLINE: so many cycles from now, or 0. */
  | { readonly op: 'deadline'; readonly cycles: number }
  /** Disables the local APIC by software, or enables it again. */
  | { readonly op: 'disable' | 'enable' }
  /** Computes. */
  | { readonly op: 'work'; readonly cycles: number };

/** A guest with a timer, by the clock. */
export interface TimerCase {
  /** As for `createMachine`: its first virtual CPU is the guest, on processor 0. The host's deep idle states would make interrupts late: `idle` is `hlt`. */
  readonly machine: MachineInput;
  /** At most 16. */
  readonly steps: readonly TimerStep[];
  /** Cycles for which another task of the host keeps processor 0 once it has it, 0 for none. */
  readonly busy: number;
  /** Cycles that the run takes. */
  readonly cycles: number;
}

const vector = 0xec;
/** What it takes from a deadline to the handler, at most, and from a step's beginning to its effect: cycles. */
const slack = 40_000;
const modes = { 'one-shot': 0, periodic: 0x2_0000, 'tsc-deadline': 0x4_0000 } as const;

/** When something is due, as far as can be told. */
interface Due {
  readonly from: number;
  readonly to: number;
}

/** The timer of a local APIC as the SDM describes it, in cycles. */
class ModelTimer {
  private mode: keyof typeof modes = 'one-shot';
  private masked = true;
  private enabled = true;
  private divisor = 2;
  private ticks = 0;
  private due: Due | undefined;
  readonly expected: Due[] = [];
  private readonly tick: number;

  constructor(tick: number) {
    this.tick = tick;
  }

  private get period(): number {
    return this.ticks * this.divisor * this.tick;
  }

  /** Interrupts until `time`; false if one is so close to it that it may be before or after. */
  advance(time: number): boolean {
    while (this.due !== undefined && this.due.to + slack < time) {
      if (!this.masked) this.expected.push(this.due);
      const { from, to } = this.due;
      this.due = this.mode === 'periodic' ? { from: from + this.period, to: to + this.period } : undefined;
    }
    return this.due === undefined || this.due.from - slack > time;
  }

  /** True if there is a count, and it has run out. */
  get hasExpired(): boolean {
    return this.due === undefined && this.ticks > 0;
  }

  /** When the next one is due at the earliest. */
  get next(): number {
    return this.due === undefined || this.masked ? Number.POSITIVE_INFINITY : this.due.from;
  }

  /** A step that takes effect somewhere between two times. */
  take(step: TimerStep, from: number, to: number): void {
    switch (step.op) {
      case 'mode': {
        const before = this.mode;
        this.mode = step.mode;
        // What is masked by a disabled APIC stays so until it is written with the APIC enabled.
        this.masked = step.masked || !this.enabled;
        if (before !== this.mode && (before === 'tsc-deadline' || this.mode === 'tsc-deadline')) {
          this.due = undefined;
          this.ticks = 0;
        }
        break;
      }
      case 'count':
        if (this.mode === 'tsc-deadline') break;
        this.ticks = this.ticksOf(step.cycles);
        this.due = this.ticks === 0 ? undefined : { from: from + this.period, to: to + this.period };
        break;
      case 'divide': {
        const before = this.divisor;
        this.divisor = timerDivisor(step.configuration);
        const left = (at: number, due: number): number => at + ((due - at) * this.divisor) / before;
        if (this.due !== undefined && this.mode !== 'tsc-deadline')
          this.due = { from: left(to, this.due.from), to: left(from, this.due.to) };
        break;
      }
      case 'deadline':
        if (this.mode !== 'tsc-deadline') break;
        this.due = step.cycles === 0 ? undefined : { from: from + step.cycles, to: to + step.cycles };
        break;
      case 'disable':
        this.enabled = false;
        this.masked = true;
        break;
      case 'enable':
        this.enabled = true;
        break;
      case 'work':
        break;
    }
  }

  /** A count that stands for so many cycles as the divisor is now. */
  ticksOf(cycles: number): number {
    return Math.round(cycles / (this.divisor * this.tick));
  }
}

function operationOf(step: TimerStep, timer: ModelTimer): GuestOperation {
  switch (step.op) {
    case 'mode':
      return { op: 'write', offset: 0x320, value: modes[step.mode] | (step.masked ? 0x1_0000 : 0) | vector };
    case 'count':
      return { op: 'write', offset: 0x380, value: timer.ticksOf(step.cycles) };
    case 'divide':
      return { op: 'write', offset: 0x3e0, value: step.configuration };
    case 'deadline':
      return step.cycles === 0 ? { op: 'disarm' } : { op: 'timer', cycles: step.cycles };
    case 'disable':
    case 'enable':
      return { op: 'write', offset: 0xf0, value: step.op === 'enable' ? 0x1ff : 0xff };
    case 'work':
      return step;
  }
}

interface Measured {
  readonly begins: number[];
  readonly ends: number[];
  readonly taken: number[];
  /** Exits for the VMX-preemption timer. */
  readonly expiries: number[];
}

function run({ machine: input, steps, busy, cycles }: TimerCase): Measured & { readonly tick: number } {
  const config = parseMachine(input);
  const made = createRun(config);
  const { machine } = made.state;
  const tick = machine.vms[0]?.apicTick ?? 1;
  for (const vcpu of machine.vcpus) {
    (machine.threads[vcpu.thread] as Thread).length = 0;
    vcpu.guestInterrupts.length = 0;
    setHandler(vcpu.guestInterrupts, vector, handlers.plain.entry);
    const timer = new ModelTimer(tick);
    const program =
      vcpu.id > 0
        ? []
        : steps.map((step) => {
            const operation = operationOf(step, timer);
            timer.take(step, 0, 0);
            return operation;
          });
    setProgram(startGuest(machine, vcpu, guestProgram), program);
  }
  if (busy > 0) {
    const task = addTask(machine, hostLoad as unknown as Routine, { allowed: [0] });
    Object.assign(machine.threads[machine.tasks[task]?.thread ?? -1]?.[0]?.locals ?? {}, { rounds: 1, cycles: busy });
  }
  const measured: Measured = { begins: [], ends: [], taken: [], expiries: [] };
  const delivered = recordKindOf('delivered').number;
  const exit = recordKindOf('vm-exit').number;
  const timed = new TimedRun(made.state, {
    ...timedOptions(config),
    observe: (_counters, time, _processor, kind, vcpu, detail) => {
      if (kind === exit && vcpu === ExitReason.PreemptionTimer) measured.expiries.push(time);
      if (vcpu !== 0) return;
      if (kind === ProgramRecord.begin) measured.begins[detail] = time;
      else if (kind === ProgramRecord.end) measured.ends[detail] = time;
      else if (kind === delivered && detail === vector) measured.taken.push(time);
    },
  });
  timed.run({ time: cycles });
  return { ...measured, tick };
}

/** With another task on its processor interrupts may be late, and missed periods are not made up for: no three of them close together. */
function crowded(what: string, times: readonly number[], shortest: number): string | undefined {
  for (let i = 2; i < times.length; i++) {
    const within = (times[i] as number) - (times[i - 2] as number);
    if (within < shortest / 2) return `three ${what} came within ${within} cycles, with a period of ${shortest}`;
  }
  return undefined;
}

/**
 * The timer of a local APIC keeps time: its interrupts come when they are due, neither early, late, twice nor from a timer that was stopped,
 * masked or set anew; a period is a period, however many there have been; and what was missed while the processor was taken away is not made
 * up for by a burst (INV8, INV4, INV1).
 *
 * @returns what did not hold, in words; undefined if all did, or if an interrupt was so close to a step that nobody could tell
 * @throws InputError if there are more than 16 steps
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { checkTimer } from 'vmx-apic/testing';
 *
 * const wrong = checkTimer({
 *   machine: { topology: { coresPerSocket: 2 }, host: { idle: 'hlt' }, vms: [{ vcpus: 1 }] },
 *   steps: [{ op: 'mode', mode: 'periodic', masked: false }, { op: 'count', cycles: 1_000_000 }],
 *   busy: 0,
 *   cycles: 20_000_000,
 * });
 * assert.equal(wrong, undefined);
 * ```
 */
export function checkTimer(input: TimerCase): string | undefined {
  if (input.steps.length > maxOperations) {
    throw new InputError('steps', `has ${input.steps.length}, not ${maxOperations} or fewer`);
  }
  const { begins, ends, taken, expiries, tick } = run(input);
  const timer = new ModelTimer(tick);
  const periods: number[] = [];
  for (const [i, step] of input.steps.entries()) {
    if (step.op === 'count' && step.cycles > 0) periods.push(step.cycles);
    const [from, to] = [begins[i], ends[i]];
    if (from === undefined || to === undefined) return 'the program does not get through its steps';
    if (step.op === 'work') continue;
    if (!timer.advance(from) || !timer.advance(to)) return undefined;
    // KVM starts a one-shot timer that has expired again with nothing left when the divisor changes; the SDM does not say what happens.
    if (step.op === 'divide' && timer.hasExpired) return undefined;
    timer.take(step, from, to);
  }
  if (input.busy > 0) {
    const shortest = Math.min(...periods);
    return crowded("of the timer's interrupts", taken, shortest) ?? crowded('of its exits', expiries, shortest);
  }
  timer.advance(input.cycles);
  const { expected } = timer;
  for (const [i, { from, to }] of expected.entries()) {
    const time = taken[i];
    const which = `interrupt ${i + 1} of the timer, due at ${Math.round(from)}`;
    if (time === undefined) return `${which}, never came`;
    if (time < from - slack) return `${which}, came at ${time}: early`;
    if (time > to + slack) return `${which}, came at ${time}: late`;
  }
  const more = taken[expected.length];
  if (more !== undefined && more < timer.next - slack)
    return `the timer interrupted at ${more}, which nobody had asked for`;
  return undefined;
}
