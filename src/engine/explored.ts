import { type Action, actionName, enabledActions, type MachineActions, perform } from './actions.js';
import { Edges } from './edges.js';
import { InternalError } from './errors.js';
import { topFrame } from './frames.js';
import { stageName } from './routine.js';
import type { RunSchemas } from './save.js';
import { scheduleText } from './schedule.js';
import type { Schema } from './schema.js';
import { record } from './schema-values.js';
import type { Machine, Processor, Thread } from './state.js';
import { StateTable } from './state-table.js';
import { ListChanged } from './tracked.js';
import { type KnownAction, Transitions } from './transitions.js';
import { Untimed, type UntimedOptions, type UntimedState } from './untimed.js';

/** Something that holds in every state, or in every final one. It goes by what it is given alone: see {@link ExploreOptions.remember}. */
export interface Invariant<M, O> {
  readonly name: string;
  /** False if it is broken. */
  holds(machine: M, observers: O): boolean;
}

/** What an explored run looks at, and how far it goes. */
export interface ExploreOptions<M extends Machine & { processors: C[] }, C extends Processor, O>
  extends Omit<UntimedOptions<M, C, O>, 'onStage' | 'onBegin' | 'observe' | 'interruptible'> {
  /** Takes what effects observe. The machine is as the effect left it. */
  observe?(observers: O, processor: number, kind: number, a: number, b: number, machine: M): void;
  /** As in {@link UntimedOptions}. */
  interruptible?(machine: M, processor: C): boolean;
  readonly schemas: RunSchemas<M, O>;
  /** What can happen to this machine beside what the engine knows. */
  readonly actions?: MachineActions<M>;
  /** Checked in every state in which all processors rest. */
  readonly invariants?: readonly Invariant<M, O>[];
  /** Checked in every state in which nothing more can happen. */
  readonly finally?: readonly Invariant<M, O>[];
  /**
   * The name of the invariant "from every state one can be reached in which nothing more can happen": then nothing goes on for ever
   * without a way out. Checked when every state is known.
   */
  readonly comesToRest?: string;
  /** Where to give up: states, actions in a row, bytes. Unlimited states and depth, and 1 GiB, unless given. */
  readonly limits?: { readonly states?: number; readonly depth?: number; readonly bytes?: number };
  /**
   * False to carry out every action in every state, and to look at every invariant there. Otherwise what an action did is remembered
   * by the parts of the state that it has read, and is taken for granted wherever these are the same; so are invariants. It comes to the
   * same as long as effects, hooks and invariants go by the state alone, only slower.
   */
  readonly remember?: boolean;
  /** Called every few thousand states; false ends the run. */
  progress?(counts: ExploreCounts): boolean | undefined;
}

/** How much has been explored. */
export interface ExploreCounts {
  /** Different states found. */
  readonly states: number;
  /** Actions carried out. */
  readonly edges: number;
  /** Actions on a shortest way to the state found last. */
  readonly depth: number;
}

/** A way to break an invariant, none shorter. */
export interface Violation {
  /** Its name, or the message of the InternalError that an action ended in. */
  readonly invariant: string;
  /** The actions as a string that replays them. */
  readonly schedule: string;
  /** The same for people, with every merged stage: `p0 routine.stage`. */
  readonly trace: readonly string[];
}

/** What an explored run found. */
export interface ExploreResult extends ExploreCounts {
  /** True if every reachable state was seen (none was broken then). */
  readonly complete: boolean;
  /** Which limit ended it before, if one did. */
  readonly limit?: 'states' | 'depth' | 'bytes' | 'progress';
  readonly violation?: Violation;
}

const progressEvery = 4096;
const bytesEvery = 256;

/**
 * Carries out every interleaving of the actions of a machine, breadth first, so that the first violation it finds has a
 * shortest schedule. Time is ignored. `state` itself is not changed.
 *
 * @param state - a machine at its beginning, and what checks remember
 */
export function explore<M extends Machine & { processors: C[] }, C extends Processor, O extends object>(
  state: UntimedState<M, O>,
  options: ExploreOptions<M, C, O>,
): ExploreResult {
  const whole = new Set<string>();
  for (;;) {
    try {
      return exploreWith(state, options, whole);
    } catch (error) {
      // A list that grows or shrinks is stored as a whole, from the beginning.
      if (!(error instanceof ListChanged)) throw error;
      whole.add(error.place);
    }
  }
}

function exploreWith<M extends Machine & { processors: C[] }, C extends Processor, O extends object>(
  state: UntimedState<M, O>,
  options: ExploreOptions<M, C, O>,
  whole: ReadonlySet<string>,
): ExploreResult {
  const { actions: own, invariants = [], finally: final = [], limits = {} } = options;
  const { states: maxStates = Number.POSITIVE_INFINITY, depth: maxDepth = Number.POSITIVE_INFINITY } = limits;
  const { bytes: maxBytes = 2 ** 30 } = limits;
  const { machine, observers } = options.schemas;
  const untimed = new Untimed(options);
  const begun = copyOf(state, options.schemas);
  untimed.begin(begun);
  const schema = record({ machine, observers }) as Schema<unknown> as Schema<UntimedState<M, O>>;
  const table = new StateTable(schema, begun, whole);

  /** Of each state: the state it was found from, and which of that one's actions led to it. */
  let from = new Int32Array(1 << 10);
  let choice = new Uint16Array(1 << 10);
  const transitions = new Transitions(table, untimed, own, invariants, {
    remember: options.remember !== false,
    bytes: maxBytes,
    whole,
  });
  const follows = options.comesToRest === undefined ? undefined : new Edges();
  let edges = 0;
  let depth = 0;
  let levelEnd = 1;
  const result = (more: Partial<ExploreResult>): ExploreResult => ({
    complete: false,
    states: table.count,
    edges,
    depth,
    ...more,
  });
  const violation = (invariant: string, at: number, last = -1): ExploreResult => {
    const choices = last < 0 ? [] : [last];
    for (let found = at; found > 0; found = from[found] as number) choices.unshift(choice[found] as number);
    return result({ violation: { invariant, ...retrace(state, options, choices) } });
  };
  const nameOf = (invariant: number): string => (invariants[invariant] as Invariant<M, O>).name;
  const atFirst = transitions.firstBroken();
  if (atFirst >= 0) return violation(nameOf(atFirst), 0);
  for (let head = 0; head < table.count; head++) {
    if (head === levelEnd) {
      depth++;
      levelEnd = table.count;
    }
    if (depth >= maxDepth) return result({ limit: 'depth' });
    if (head % bytesEvery === 0) {
      const kept = table.bytes + from.byteLength + choice.byteLength + (follows?.bytes ?? 0);
      if (kept + transitions.bytes > maxBytes) return result({ limit: 'bytes' });
    }
    if (head % progressEvery === 0 && options.progress?.({ states: table.count, edges, depth }) === false) {
      return result({ limit: 'progress' });
    }
    table.lookAt(head);
    const actions = transitions.enabled();
    follows?.next();
    let isFinal = true;
    for (let i = 0; i < actions.length; i++) {
      if (i > 0) table.lookAt(head);
      try {
        if (!transitions.take(actions[i] as KnownAction)) continue;
      } catch (error) {
        if (error instanceof InternalError) return violation(error.message, head, i);
        throw error;
      }
      isFinal = false;
      edges++;
      const found = table.enter();
      follows?.add(found < 0 ? -1 - found : found);
      if (found < 0) continue;
      if (found === from.length) {
        from = longer(from, new Int32Array(2 * found));
        choice = longer(choice, new Uint16Array(2 * found));
      }
      from[found] = head;
      choice[found] = i;
      const bad = transitions.firstBroken();
      if (bad >= 0) return violation(nameOf(bad), found);
      if (table.count > maxStates) return result({ limit: 'states' });
    }
    if (isFinal && final.length > 0) {
      table.restore(head);
      const { machine, observers } = table.state;
      const bad = final.find((invariant) => !invariant.holds(machine, observers));
      if (bad !== undefined) return violation(bad.name, head);
    }
  }
  const stuck = follows?.lowestWithoutEnd() ?? -1;
  return stuck >= 0 ? violation(options.comesToRest as string, stuck) : result({ complete: true });
}

function longer<A extends Int32Array | Uint16Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** For {@link ExploreOptions.finally}: no processor is left at a wait that nothing can end. */
export const noDeadlock: Invariant<Machine, unknown> = {
  name: 'no-deadlock',
  holds: ({ processors, threads }) =>
    processors.every(({ thread }) => topFrame(threads[thread] as Thread) === undefined),
};

function copyOf<M, O>(state: UntimedState<M, O>, schemas: RunSchemas<M, O>): UntimedState<M, O> {
  return {
    machine: schemas.machine.load(schemas.machine.save(state.machine), 'machine', []),
    observers: schemas.observers.load(schemas.observers.save(state.observers), 'observers', []),
  };
}

/** Goes the way of these choices again and notes what happens. */
function retrace<M extends Machine & { processors: C[] }, C extends Processor, O>(
  initial: UntimedState<M, O>,
  options: ExploreOptions<M, C, O>,
  choices: readonly number[],
): Pick<Violation, 'schedule' | 'trace'> {
  const { actions: own } = options;
  const trace: string[] = [];
  const untimed = new Untimed<M, C, O>({
    ...options,
    onStage: (p, { at }) => {
      trace.push(`p${p} ${stageName(at)}`);
    },
  });
  const state = copyOf(initial, options.schemas);
  untimed.begin(state);
  const schedule: Action[] = [];
  for (const chosen of choices) {
    const action = enabledActions(untimed, state.machine, own)[chosen] as Action;
    schedule.push(action);
    const name = actionName(state.machine, action, own);
    const stages = trace.length;
    if (action.kind !== 'stage') trace.push(name);
    try {
      perform(untimed, state, action, own);
    } catch (error) {
      if (!(error instanceof InternalError)) throw error;
      trace.push(error.message);
    }
    if (trace.length === stages) trace.push(name);
  }
  return { schedule: scheduleText(schedule, own), trace };
}
