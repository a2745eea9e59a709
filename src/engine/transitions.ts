import { type Action, enabledActions, enabledElsewhere, enabledOn, type MachineActions, perform } from './actions.js';
import { Memory, unknown } from './memory.js';
import type { Machine, Processor } from './state.js';
import type { StateTable } from './state-table.js';
import type { Untimed, UntimedState } from './untimed.js';

/** An action, and the number of the function that it is. */
export interface KnownAction extends Action {
  readonly number: number;
}

/** Something that is looked at in states. */
interface Check<M, O> {
  holds(machine: M, observers: O): boolean;
}

const none: readonly KnownAction[] = [];
/** What an action came to that did nothing. */
const nothing = 0;
/** Invariants that are told apart by a bit each; more share them. */
const bits = 31;
/** Of the bytes that an explored run may take, the share for what is remembered. */
const share = 1 / 8;

/**
 * What can happen in a state, what comes of it, and whether it is right: three kinds of functions of the state, each carried out
 * only where nothing is known of it yet. See {@link Memory}.
 *
 * An action comes to differences: parts and what they are afterwards. An invariant that has held before an action can only be
 * broken by a change of what it has ever read.
 */
export class Transitions<M extends Machine & { processors: C[] }, C extends Processor, O> {
  private readonly table: StateTable<UntimedState<M, O>>;
  private readonly untimed: Untimed<M, C, O>;
  private readonly own: MachineActions<M> | undefined;
  private readonly invariants: readonly Check<M, O>[];
  /** Undefined if nothing is to be remembered. */
  private readonly memory: Memory | undefined;
  private readonly most: number;
  /** How many parts had changed when the memory was begun: it knows no others. */
  private places = 0;
  /** The functions: what can happen on each processor and elsewhere, then invariants, then actions. */
  private readonly pieces: number;
  private functions: number;
  private readonly actions = new Map<string, KnownAction>();
  /** Lists of actions, which what can happen comes to by their numbers. */
  private lists: (readonly KnownAction[])[] = [none];
  /** What actions came to: places and numbers in turn. */
  private differences: Int32Array[] = [new Int32Array(0)];
  /** The bits of the invariants that have read something of what the last action changed. */
  private concerned = -1;
  private readonly enabledNow: KnownAction[] = [];

  constructor(
    table: StateTable<UntimedState<M, O>>,
    untimed: Untimed<M, C, O>,
    own: MachineActions<M> | undefined,
    invariants: readonly Check<M, O>[],
    options: { readonly remember: boolean; readonly bytes: number; readonly whole: ReadonlySet<string> },
  ) {
    this.table = table;
    this.untimed = untimed;
    this.own = own;
    this.invariants = invariants;
    this.memory = options.remember ? new Memory() : undefined;
    this.most = options.bytes * share;
    // Processors that come and go are no business of single ones.
    this.pieces = options.whole.has('machine.processors') ? 1 : table.state.machine.processors.length + 1;
    this.functions = this.pieces + invariants.length;
  }

  /** What it takes in memory, roughly. */
  get bytes(): number {
    return this.memory === undefined ? 0 : this.memory.bytes + 64 * (this.lists.length + this.differences.length);
  }

  /** What can happen in the state that is looked at; the list is used again. */
  enabled(): readonly KnownAction[] {
    const { enabledNow } = this;
    while (enabledNow.length > 0) enabledNow.pop();
    for (let piece = 0; piece < this.pieces; piece++) {
      let found = this.find(piece);
      if (found === unknown) found = this.listPiece(piece);
      const list = this.lists[found] as readonly KnownAction[];
      for (let i = 0; i < list.length; i++) enabledNow.push(list[i] as KnownAction);
    }
    return enabledNow;
  }

  /** Makes the state that is looked at the one after an action. False if nothing has happened. */
  take(action: KnownAction): boolean {
    const { table } = this;
    let found = this.find(action.number);
    if (found === unknown) {
      found = this.carryOut(action);
    } else {
      const changes = this.differences[found] as Int32Array;
      for (let i = 0; i < changes.length; i += 2) table.put(changes[i] as number, changes[i + 1] as number);
    }
    if (found === nothing) return false;
    const changes = this.differences[found] as Int32Array;
    let concerned = this.memory === undefined ? -1 : 0;
    for (let i = 0; i < changes.length; i += 2) concerned |= table.readersOf(changes[i] as number);
    this.concerned = concerned;
    return true;
  }

  /** The number of the first invariant that the state that is looked at breaks, or -1. All held before the last action. */
  firstBroken(): number {
    const { invariants, concerned } = this;
    for (let i = 0; i < invariants.length; i++) {
      if ((concerned & (1 << (i % bits))) === 0) continue;
      if (this.find(this.pieces + i) === unknown && !this.test(i)) return i;
    }
    return -1;
  }

  private find(of: number): number {
    const { memory } = this;
    return memory === undefined ? unknown : memory.find(of, this.table.numbers);
  }

  private listPiece(piece: number): number {
    const { table, untimed, own } = this;
    table.bring();
    table.watch();
    const { machine } = table.state;
    const found: Action[] = [];
    if (this.pieces === 1) enabledActions(untimed, machine, own, found);
    else if (piece < this.pieces - 1) enabledOn(untimed, machine, piece, found);
    else enabledElsewhere(machine, own, found);
    this.makeRoom();
    const number = found.length === 0 ? 0 : this.lists.push(found.map((action) => this.known(action))) - 1;
    this.remember(piece, table.numbers, number);
    return number;
  }

  private known(action: Action): KnownAction {
    const { kind, of, detail } = action;
    const name = `${kind} ${of} ${detail}`;
    let known = this.actions.get(name);
    if (known === undefined) {
      known = { kind, of, detail, number: this.functions++ };
      this.actions.set(name, known);
    }
    return known;
  }

  private carryOut(action: KnownAction): number {
    const { table } = this;
    table.bring();
    const before = table.numbers.slice();
    table.watch();
    if (!perform(this.untimed, table.state, action, this.own)) {
      this.remember(action.number, before, nothing);
      return nothing;
    }
    const changes = table.update();
    this.makeRoom();
    const number = this.differences.push(changes) - 1;
    this.remember(action.number, before, number);
    return number;
  }

  private test(i: number): boolean {
    const { table } = this;
    table.bring();
    table.watch();
    const { machine, observers } = table.state;
    if (!(this.invariants[i] as Check<M, O>).holds(machine, observers)) return false;
    const bit = 1 << (i % bits);
    for (const part of table.watched) part.readers |= bit;
    this.remember(this.pieces + i, table.numbers, 0);
    return true;
  }

  /** Forgets everything if that is too much, or of no use: a part that has changed for the first time was left out of what is known. */
  private makeRoom(): void {
    const { table, memory } = this;
    if (memory !== undefined && table.placeCount === this.places && this.bytes < this.most) return;
    this.places = table.placeCount;
    memory?.clear();
    this.lists = [none];
    this.differences = [new Int32Array(0)];
  }

  private remember(of: number, numbers: Int32Array, outcome: number): void {
    const { table, memory } = this;
    if (memory === undefined) return;
    const places: number[] = [];
    for (const { place } of table.watched) if (place >= 0) places.push(place);
    memory.remember(of, places, numbers, outcome);
  }
}
