import { InternalError } from './errors.js';
import type { Locals, Machine, Numbers, Processor } from './state.js';

/**
 * What an effect returns. Nothing: the next stage follows (or, if the effect has called a routine, follows when that returns).
 * A stage's name: that stage is next. {@link done}: the routine returns. A number: it returns that value.
 */
export type Control<Name extends string = never> = Name | number | typeof done | undefined;

/** The routine returns without a value. */
export const done: unique symbol = Symbol('done');

/** How a stage may be merged and interleaved. */
export type Visibility = 'local' | 'shared';

/**
 * No other processor can see or change what the stage touches, and (unless it is inside an instruction or microcode, where no
 * event is recognised anyway) the stage does not change whether this processor can take an interrupt. The explorer does not
 * branch before it; a timed run merges it with its neighbours up to the next boundary at which an event could be recognised.
 */
export const local: Visibility = 'local';
/** Anything else. */
export const shared: Visibility = 'shared';

/**
 * `program`: host or guest code; events are recognised between its stages. `instruction` and `microcode`: never interrupted
 * inside; an instruction can be restarted (fault-like VM exit) or skipped.
 */
export type RoutineKind = 'program' | 'instruction' | 'microcode';

/** @internal */
export const StageType = { ordinary: 0, glue: 1, wait: 2, end: 3 } as const;

/** An element of a routine as the notation makes it; {@link Notation} says what each part means. */
export interface StageSpec<M, C, L, Name extends string = string> {
  readonly name: Name;
  readonly type: number;
  readonly cost: string | undefined;
  readonly local: boolean;
  readonly to: readonly string[];
  /** True if events are recognised before it although its routine is no program. */
  readonly interruptible: boolean;
  /** What it does to the machine. */
  effect(machine: M, processor: C, locals: L, returned: number): Control<string>;
  /** Of a wait: whether it can end. */
  condition?(machine: M, processor: C, locals: L): boolean;
  /** Of a wait: see {@link WaitOptions}. */
  channel?(machine: M, processor: C, locals: L): number;
  /** See {@link StageOptions}. */
  line?(machine: M, processor: C, locals: L): number;
  /** See {@link StageOptions}. */
  work?(machine: M, processor: C, locals: L): number;
}

/** Options of a stage. */
export interface StageOptions<M, C, L, To extends string = never> {
  /** The stages of the same routine that the effect may name. */
  readonly to?: readonly To[];
  /** The cache line that the stage touches (an index), or -1: charged by distance from its last owner. */
  readonly line?: (machine: M, processor: C, locals: L) => number;
  /**
   * Cycles of work beside the stage's cost, 0 or more. A stage of a program with work can be cut by an interrupt; what is left
   * is done afterwards.
   */
  readonly work?: (machine: M, processor: C, locals: L) => number;
}

/** Options of a wait. */
export interface WaitOptions<M, C, L> {
  /** The channel that says when the condition is worth another test. -1: only the passing of an interrupt says so. */
  readonly channel: (machine: M, processor: C, locals: L) => number;
  /** The cache line that the condition reads, charged when the wait ends. */
  readonly line?: (machine: M, processor: C, locals: L) => number;
  /** True if events are recognised while waiting although the routine is an instruction (HLT, MWAIT). */
  readonly interruptible?: boolean;
}

/** A routine: a named list of stages. */
export interface Routine<L extends Numbers<L> = Locals> {
  readonly name: string;
  readonly kind: RoutineKind;
  /** Number of its first stage. */
  readonly entry: number;
  /** New locals, all at their initial values. */
  readonly locals: () => L;
  /** Names of the locals in order. */
  readonly localNames: readonly string[];
  /** The locals that are not operands: they return to their initial values when an instruction restarts. */
  readonly scratch: readonly string[];
  /** Its stages in order, without the end mark. */
  readonly stages: readonly Stage[];
}

/** A stage in the table of all stages. */
export interface Stage {
  readonly name: string;
  readonly type: number;
  readonly routine: Routine;
  /** Its number: its place in the table. */
  readonly at: number;
  /** Number of its cost key, -1 for glue and ends. */
  readonly cost: number;
  readonly local: boolean;
  /** True if events may be recognised before it. */
  readonly boundary: boolean;
  readonly kind: RoutineKind;
  /** True if nothing but its cost says when it ends: no wait, no cache line, no work. */
  readonly simple: boolean;
  readonly to: readonly string[];
  /** Numbers of the stages in `to`. */
  readonly targets: readonly number[];
  /** What it does to the machine. */
  effect(machine: Machine, processor: Processor, locals: Locals, returned: number): Control<string>;
  /** Of a wait: whether it can end. */
  readonly condition: ((machine: Machine, processor: Processor, locals: Locals) => boolean) | undefined;
  /** Of a wait: the channel to wait on. */
  readonly channel: ((machine: Machine, processor: Processor, locals: Locals) => number) | undefined;
  /** The cache line that it touches. */
  readonly line: ((machine: Machine, processor: Processor, locals: Locals) => number) | undefined;
  /** Cycles of work beside its cost. */
  readonly work: ((machine: Machine, processor: Processor, locals: Locals) => number) | undefined;
}

/** @internal Every stage of every routine that was defined, by number. */
export const stageTable: Stage[] = [];
const routines = new Map<string, Routine>();
const costKeys: string[] = [];
const costKeyNumbers = new Map<string, number>();

/** @internal The number of a cost key. */
export function costKeyNumber(key: string): number {
  let number = costKeyNumbers.get(key);
  if (number === undefined) {
    number = costKeys.length;
    costKeys.push(key);
    costKeyNumbers.set(key, number);
  }
  return number;
}

/** @internal The name of a cost key. */
export function costKeyName(number: number): string {
  return costKeys[number] as string;
}

/** @internal How many cost keys there are. */
export function costKeyCount(): number {
  return costKeys.length;
}

/** The routine of that name, or undefined. */
export function findRoutine(name: string): Routine | undefined {
  return routines.get(name);
}

/** `routine.stage` for the number of a stage; `routine.end` for the end of a routine. */
export function stageName(at: number): string {
  const stage = stageTable[at];
  return stage === undefined ? `stage ${at}` : `${stage.routine.name}.${stage.name}`;
}

/**
 * The number of a stage from its `routine.stage` name, or -1 if there is none.
 */
export function stageNumber(name: string): number {
  const dot = name.lastIndexOf('.');
  const routine = routines.get(name.slice(0, dot));
  if (routine === undefined) return -1;
  const wanted = name.slice(dot + 1);
  if (wanted === 'end') return routine.entry + routine.stages.length;
  const index = routine.stages.findIndex((stage) => stage.name === wanted);
  return index < 0 ? -1 : routine.entry + index;
}

/** The cost keys that the stages of these routines name, without repeats, in order of first use. */
export function costKeysOf(list: readonly Routine[]): string[] {
  const keys = new Set<string>();
  for (const routine of list)
    for (const stage of routine.stages) if (stage.cost >= 0) keys.add(costKeyName(stage.cost));
  return [...keys];
}

/** The edges of a routine's flow chart: for each stage the names of those that may follow (`end` for the return). */
export function flowChart(routine: Routine): { stage: string; to: string[] }[] {
  return routine.stages.map((stage, index) => ({
    stage: stage.name,
    to: [routine.stages[index + 1]?.name ?? 'end', ...stage.to],
  }));
}

/** The words in which a room writes its routines, typed by its machine and its processor. */
export interface Notation<M extends Machine, C extends Processor> {
  /** Host code or guest code. Names are unique over all routines. */
  program<L extends Numbers<L>>(
    name: string,
    locals: () => L,
    stages: readonly StageSpec<M, C, NoInfer<L>>[],
  ): Routine<L>;
  /**
   * An instruction of more than one stage. Its locals are the operands, which the caller fills in and its stages must not
   * change, and those named in `scratch`, which return to their initial values when the instruction restarts.
   */
  instruction<L extends Numbers<L>>(
    name: string,
    locals: () => L,
    scratch: readonly (keyof L & string)[],
    stages: readonly StageSpec<M, C, NoInfer<L>>[],
  ): Routine<L>;
  /** What the processor does inside an instruction or on an event: never interrupted. */
  microcode<L extends Numbers<L>>(
    name: string,
    locals: () => L,
    stages: readonly StageSpec<M, C, NoInfer<L>>[],
  ): Routine<L>;
  /** One atomic, costed step. `cost` is a key that the profile must have. */
  stage<const Name extends string, L extends Numbers<L>, To extends string = never>(
    name: Name,
    cost: string,
    visibility: Visibility,
    effect: (machine: M, processor: C, locals: L, returned: number) => Control<NoInfer<To>>,
    options?: StageOptions<M, C, L, To>,
  ): StageSpec<M, C, L, Name>;
  /**
   * A call or a test without cost, done with the stage before it: it may look at locals, never at anything that another
   * processor can change.
   */
  glue<const Name extends string, L extends Numbers<L>, To extends string = never>(
    name: Name,
    effect: (machine: M, processor: C, locals: L, returned: number) => Control<NoInfer<To>>,
    options?: { readonly to?: readonly To[] },
  ): StageSpec<M, C, L, Name>;
  /**
   * A hardware spin or idle: goes on once the condition holds, then costs `cost`. The condition is the meaning; the channel
   * only says when to test again. For a sleep use explicit task state in explicit stages.
   */
  until<const Name extends string, L extends Numbers<L>>(
    name: Name,
    cost: string,
    condition: (machine: M, processor: C, locals: L) => boolean,
    options: WaitOptions<M, C, L>,
  ): StageSpec<M, C, L, Name>;
}

function nothing(): undefined {}

/**
 * The notation for a machine type: `const { program, stage, local, shared } = notation<MyMachine, MyProcessor>()`.
 *
 * Defining a routine throws an {@link InternalError} if its name is taken, if two of its stages have one name, or if a stage
 * may go to a stage that does not exist.
 */
export function notation<M extends Machine, C extends Processor>(): Notation<M, C> {
  return {
    program: (name, locals, stages) => define(name, 'program', locals, [], stages),
    microcode: (name, locals, stages) => define(name, 'microcode', locals, [], stages),
    instruction: (name, locals, scratch, stages) => define(name, 'instruction', locals, scratch, stages),
    stage: (name, cost, visibility, effect, options = {}) => ({
      name,
      type: StageType.ordinary,
      cost,
      local: visibility === 'local',
      to: options.to ?? [],
      interruptible: false,
      effect,
      ...(options.line === undefined ? {} : { line: options.line }),
      ...(options.work === undefined ? {} : { work: options.work }),
    }),
    glue: (name, effect, options = {}) => ({
      name,
      type: StageType.glue,
      cost: undefined,
      local: true,
      to: options.to ?? [],
      interruptible: false,
      effect,
    }),
    until: (name, cost, condition, options) => ({
      name,
      type: StageType.wait,
      cost,
      local: false,
      to: [],
      interruptible: options.interruptible === true,
      effect: nothing,
      condition,
      channel: options.channel,
      ...(options.line === undefined ? {} : { line: options.line }),
    }),
  };
}

function define<M, C, L extends Numbers<L>>(
  name: string,
  kind: RoutineKind,
  locals: () => L,
  scratch: readonly string[],
  specs: readonly StageSpec<M, C, L>[],
): Routine<L> {
  if (routines.has(name)) throw new InternalError(name, 'a routine of this name is already defined');
  const entry = stageTable.length;
  const stages: Stage[] = [];
  const routine: Routine<L> = { name, kind, entry, locals, localNames: Object.keys(locals()), scratch, stages };
  const names = specs.map((spec) => spec.name);
  specs.forEach((spec, index) => {
    if (names.indexOf(spec.name) !== index || spec.name === 'end') {
      throw new InternalError(`${name}.${spec.name}`, 'two stages of one routine have this name');
    }
    const stage: Stage = {
      name: spec.name,
      type: spec.type,
      routine: routine as unknown as Routine,
      at: entry + index,
      cost: spec.cost === undefined ? -1 : costKeyNumber(spec.cost),
      local: spec.local,
      boundary: kind === 'program' || spec.interruptible,
      kind,
      simple: spec.type === StageType.ordinary && spec.line === undefined && spec.work === undefined,
      to: spec.to,
      targets: spec.to.map((target) => {
        const found = names.indexOf(target);
        if (found < 0) throw new InternalError(`${name}.${spec.name}`, `there is no stage '${target}' to go to`);
        return entry + found;
      }),
      effect: spec.effect as Stage['effect'],
      condition: spec.condition as Stage['condition'],
      channel: spec.channel as Stage['channel'],
      line: spec.line as Stage['line'],
      work: spec.work as Stage['work'],
    };
    stages.push(stage);
  });
  stageTable.push(...stages, {
    name: 'end',
    type: StageType.end,
    routine: routine as unknown as Routine,
    at: entry + stages.length,
    cost: -1,
    local: true,
    boundary: false,
    kind,
    simple: false,
    to: [],
    targets: [],
    effect: nothing,
    condition: undefined,
    channel: undefined,
    line: undefined,
    work: undefined,
  });
  routines.set(name, routine as unknown as Routine);
  return routine;
}
