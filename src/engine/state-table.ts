import type { Schema } from './schema.js';
import { ListChanged, type Part, PartKind, type Tracker, track } from './tracked.js';
import { WordTable } from './word-table.js';

/** Parts in a group. */
const groupBits = 3;
const groupSize = 1 << groupBits;

/**
 * A set of states, numbered in the order in which they came. There is one state in memory, {@link StateTable.state}, which
 * notices what is done to it; it is added as it is, and any state that was added can be restored in it.
 *
 * What a part (a virtual CPU, a register page, a thread) ever was is stored once, as a row of words. A group of parts is a row
 * of the numbers of what they are, and a state a row of the numbers of its groups; 0 is what was at first, and zeros at the end
 * are left out, so parts that never change take no place. So adding and restoring cost as much as changed, not as much as
 * there is, and a state takes a few words.
 */
export class StateTable<T> {
  /** Holds the state in memory. */
  private readonly holder: [T];
  private readonly parts = new WordTable();
  private readonly groups = new WordTable();
  private readonly states = new WordTable();
  private readonly touched: Part[] = [];
  private touchedCount = 0;
  private readonly seen: Part[] = [];
  private seenCount = 0;
  /** The parts that have changed, in the order in which they did so first: each group the next few of them. */
  private readonly changed: Part[] = [];
  /** What each of them is in the state that is looked at, as its number minus what that was at first: 0 if it is what it was. */
  numbers = new Int32Array(1 << 7);
  /** The same of the state in memory. */
  private held = new Int32Array(1 << 7);
  /** What {@link StateTable.update} found changed: places and numbers in turn. */
  private readonly found: number[] = [];
  private foundCount = 0;
  /** The group that the parts make, and 1 where that is not up to date. */
  private group = new Int32Array(1 << 4);
  private stale = new Int32Array(1 << 4);
  private groupCount = 0;
  private words = new Int32Array(1 << 8);
  private readonly some = new Int32Array(groupSize);

  /**
   * @param state - the first state, which gets number 0; its lists belong to the table from now on
   * @param whole - paths of lists of which elements are added or removed: see {@link ListChanged}
   */
  constructor(schema: Schema<T>, state: T, whole: ReadonlySet<string> = new Set()) {
    const tracker: Tracker = {
      touch: (part) => {
        this.touched[this.touchedCount++] = part;
      },
      see: (part) => {
        this.seen[this.seenCount++] = part;
      },
    };
    const found: Part[] = [];
    this.holder = [state];
    track(schema, state, this.holder, 0, { tracker, whole, found: (part) => found.push(part) });
    for (const part of found) {
      this.become(part, this.intern(part));
      part.first = part.index;
    }
    this.groups.add(this.some, groupSize);
    this.states.add(this.group, 0);
  }

  /** The state in memory. */
  get state(): T {
    return this.holder[0];
  }

  /** How many states there are. */
  get count(): number {
    return this.states.count;
  }

  /** How many parts have ever changed. */
  get placeCount(): number {
    return this.changed.length;
  }

  /** {@link Part.readers} of the part that has a place. */
  readersOf(place: number): number {
    return (this.changed[place] as Part).readers;
  }

  /** What the table takes in memory. */
  get bytes(): number {
    return this.parts.bytes + this.groups.bytes + this.states.bytes;
  }

  /**
   * Adds the state in memory and returns its number; -1 minus its number if it was there already. Throws a
   * {@link ListChanged} if a list has other elements than it had, unless it is stored as a whole.
   */
  add(): number {
    this.update();
    return this.enter();
  }

  /** Makes the state in memory the one of a number. */
  restore(state: number): void {
    this.lookAt(state);
    this.bring();
  }

  /** Makes the state that is looked at the one of a number, and leaves that in memory as it is. */
  lookAt(state: number): void {
    const { states, group, stale } = this;
    const page = states.pageOf(state);
    const place = states.placeOf(state);
    const length = page[place] as number;
    for (let g = 0; g < this.groupCount; g++) {
      const wanted = g < length ? (page[place + 1 + g] as number) : 0;
      if (wanted === group[g] && stale[g] === 0) continue;
      group[g] = wanted;
      stale[g] = 0;
      this.spread(g, wanted);
    }
  }

  /** In the state that is looked at, makes a part what it was under a number. */
  put(place: number, number: number): void {
    this.numbers[place] = number;
    this.stale[place >> groupBits] = 1;
  }

  /** Makes the state in memory the one that is looked at. */
  bring(): void {
    for (let i = 0; i < this.touchedCount; i++) this.revert(this.touched[i] as Part);
    this.touchedCount = 0;
    const { held, numbers, changed } = this;
    for (let place = 0; place < changed.length; place++) {
      const number = numbers[place] as number;
      if (held[place] === number) continue;
      held[place] = number;
      const part = changed[place] as Part;
      this.become(part, part.first + number);
      part.decode();
    }
  }

  /** Looks at the state in memory, which was the one looked at, and returns what has changed: places and numbers in turn. */
  update(): Int32Array {
    this.foundCount = 0;
    for (let i = 0; i < this.touchedCount; i++) this.settle(this.touched[i] as Part);
    this.touchedCount = 0;
    return Int32Array.from(this.found.slice(0, this.foundCount));
  }

  /** From now on, notes which parts are read. */
  watch(): void {
    for (let i = 0; i < this.seenCount; i++) (this.seen[i] as Part).seen = false;
    this.seenCount = 0;
  }

  /** The parts that have been read since, in the order in which they were first; it is changed later. */
  get watched(): Part[] {
    this.seen.length = this.seenCount;
    return this.seen;
  }

  /** Adds the state that is looked at and returns its number; -1 minus its number if it was there already. */
  enter(): number {
    const { group, stale } = this;
    let length = 0;
    for (let g = 0; g < this.groupCount; g++) {
      if (stale[g] !== 0) this.gather(g);
      if (group[g] !== 0) length = g + 1;
    }
    return this.states.add(group, length);
  }

  /** The number of the group that its parts make now. */
  private gather(g: number): void {
    const { numbers, some, groups } = this;
    const from = g << groupBits;
    for (let i = 0; i < groupSize; i++) some[i] = numbers[from + i] as number;
    const added = groups.add(some, groupSize);
    this.group[g] = added < 0 ? -1 - added : added;
    this.stale[g] = 0;
  }

  /** Makes the parts of a group what they are in a row. */
  private spread(g: number, row: number): void {
    const { numbers, groups } = this;
    const page = groups.pageOf(row);
    const place = groups.placeOf(row) + 1;
    const from = g << groupBits;
    for (let i = 0; i < groupSize; i++) numbers[from + i] = page[place + i] as number;
  }

  /** Notes what a part that was touched is now. */
  private settle(part: Part): void {
    part.touched = false;
    if (part.kind !== PartKind.list) {
      if (part.kind === PartKind.record) part.adopt();
      if (!part.isSame()) this.note(part);
    } else if (!part.isWhole()) throw new ListChanged(part.path);
  }

  private note(part: Part): void {
    const length = this.encode(part);
    const { words } = this;
    if (this.parts.isRow(part.index, words, length)) return;
    const added = this.parts.add(words, length);
    this.become(part, added < 0 ? -1 - added : added);
    if (part.place < 0) this.makePlace(part);
    const number = part.index - part.first;
    this.held[part.place] = number;
    this.put(part.place, number);
    this.found[this.foundCount++] = part.place;
    this.found[this.foundCount++] = number;
  }

  /** A part is from now on what a row says. */
  private become(part: Part, row: number): void {
    part.index = row;
    part.page = this.parts.pageOf(row);
    part.start = this.parts.placeOf(row) + 1;
  }

  private makePlace(part: Part): void {
    part.place = this.changed.length;
    this.changed.push(part);
    this.groupCount = (part.place >> groupBits) + 1;
    if (part.place < this.numbers.length) return;
    this.numbers = longer(this.numbers);
    this.held = longer(this.held);
    this.group = longer(this.group);
    this.stale = longer(this.stale);
  }

  /** Makes a part that was touched what it was. */
  private revert(part: Part): void {
    part.touched = false;
    if (part.kind !== PartKind.list) {
      if (part.kind === PartKind.record) part.holder[part.key] = part.object;
      part.decode();
      return;
    }
    if (!part.isWhole()) throw new ListChanged(part.path);
  }

  /** Writes a part into `words` and returns how many these are. */
  private encode(part: Part): number {
    let length = part.encode(this.words);
    while (length > this.words.length) {
      this.words = longer(this.words);
      length = part.encode(this.words);
    }
    return length;
  }

  private intern(part: Part): number {
    const length = this.encode(part);
    const added = this.parts.add(this.words, length);
    return added < 0 ? -1 - added : added;
  }
}

function longer(words: Int32Array) {
  const copy = new Int32Array(2 * words.length);
  copy.set(words);
  return copy;
}
