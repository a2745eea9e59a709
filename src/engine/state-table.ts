import type { Schema } from './schema.js';
import { ListChanged, type Part, PartKind, type Tracker, track } from './tracked.js';
import { WordTable } from './word-table.js';

/**
 * A set of states, numbered in the order in which they came. There is one state in memory, {@link StateTable.holder}'s, which
 * notices what is done to it; it is added as it is, and any state that was added can be restored in it.
 *
 * A state is stored as a row with a number for each of its parts (a virtual CPU, a register page, a thread); what the parts
 * were is stored once. Parts that have never changed have no place in the row. So adding and restoring cost as much as
 * changed, not as much as there is.
 */
export class StateTable<T> {
  /** Its `state` is the state in memory. */
  readonly holder: { state: T };
  private readonly parts = new WordTable();
  private readonly rows = new WordTable();
  private readonly touched: Part[] = [];
  private touchedCount = 0;
  /** The parts that have changed, in the order in which they did so first; their numbers at first and now. */
  private readonly changed: Part[] = [];
  private first = new Int32Array(16);
  private row = new Int32Array(16);
  private words = new Int32Array(1 << 8);

  /**
   * @param state - the first state, which gets number 0; its lists belong to the table from now on
   * @param whole - paths of lists of which elements are added or removed: see {@link ListChanged}
   */
  constructor(schema: Schema<T>, state: T, whole: ReadonlySet<string> = new Set()) {
    const tracker: Tracker = {
      touch: (part) => {
        this.touched[this.touchedCount++] = part;
      },
    };
    const found: Part[] = [];
    this.holder = { state };
    track(schema, state, this.holder, 'state', { tracker, whole, found: (part) => found.push(part) });
    for (const part of found) {
      part.index = this.intern(part);
      part.first = part.index;
    }
    this.rows.add(this.row, 0);
  }

  /** How many states there are. */
  get count(): number {
    return this.rows.count;
  }

  /** What the table takes in memory. */
  get bytes(): number {
    return this.parts.bytes + this.rows.bytes;
  }

  /**
   * Adds the state in memory and returns its number; -1 minus its number if it was there already. Throws a
   * {@link ListChanged} if a list has other elements than it had, unless it is stored as a whole.
   */
  add(): number {
    for (let i = 0; i < this.touchedCount; i++) this.update(this.touched[i] as Part);
    this.touchedCount = 0;
    const { row, first } = this;
    let length = this.changed.length;
    while (length > 0 && row[length - 1] === first[length - 1]) length--;
    return this.rows.add(row, length);
  }

  /** Makes the state in memory the one of a number. */
  restore(state: number): void {
    for (let i = 0; i < this.touchedCount; i++) this.revert(this.touched[i] as Part);
    this.touchedCount = 0;
    const { rows, row, first, changed } = this;
    const page = rows.pageOf(state);
    const place = rows.placeOf(state);
    const length = page[place] as number;
    for (let i = 0; i < changed.length; i++) {
      const index = (i < length ? page[place + 1 + i] : first[i]) as number;
      if (index === row[i]) continue;
      row[i] = index;
      const part = changed[i] as Part;
      part.index = index;
      this.decode(part);
    }
  }

  /** Notes what a part that was touched is now. */
  private update(part: Part): void {
    part.touched = false;
    if (part.kind === PartKind.list) {
      if (!part.isWhole()) throw new ListChanged(part.path);
      for (const child of part.children) if (child?.kind === PartKind.leaf) this.note(child);
      return;
    }
    if (part.kind === PartKind.record) part.adopt();
    this.note(part);
  }

  private note(part: Part): void {
    const length = this.encode(part);
    if (this.parts.isRow(part.index, this.words, length)) return;
    const added = this.parts.add(this.words, length);
    part.index = added < 0 ? -1 - added : added;
    if (part.place < 0) this.makePlace(part);
    this.row[part.place] = part.index;
  }

  private makePlace(part: Part): void {
    part.place = this.changed.length;
    this.changed.push(part);
    if (part.place === this.row.length) {
      this.row = longer(this.row);
      this.first = longer(this.first);
    }
    this.first[part.place] = part.first;
  }

  /** Makes a part that was touched what it was. */
  private revert(part: Part): void {
    part.touched = false;
    if (part.kind === PartKind.list) {
      if (!part.isWhole()) throw new ListChanged(part.path);
      for (const child of part.children) if (child?.kind === PartKind.leaf) this.decode(child);
      return;
    }
    if (part.kind === PartKind.record) part.holder[part.key] = part.object;
    this.decode(part);
  }

  private decode(part: Part): void {
    part.decode(this.parts.pageOf(part.index), this.parts.placeOf(part.index) + 1);
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
