import type { Schema } from './schema.js';

/**
 * A set of states, numbered in the order in which they came: each is a row of words in one arena, found again by a hash
 * table with open addressing. Nothing is allocated for a state that is there already.
 */
export class StateTable<T> {
  /** How many states there are. */
  count = 0;
  private readonly schema: Schema<T>;
  private words = new Int32Array(1 << 16);
  /** Where each state begins, and where the next one will. */
  private offsets = new Float64Array(1 << 10);
  private hashes = new Int32Array(1 << 10);
  /** State numbers plus one; 0 for an empty slot. Never more than half full. */
  private slots = new Int32Array(1 << 12);

  constructor(schema: Schema<T>) {
    this.schema = schema;
  }

  /** What the table takes in memory. */
  get bytes(): number {
    return this.words.byteLength + this.offsets.byteLength + this.hashes.byteLength + this.slots.byteLength;
  }

  /** Adds a state and returns its number; -1 minus its number if it was there already. */
  add(state: T): number {
    const start = this.offsets[this.count] as number;
    let end = this.schema.encode(state, this.words, start);
    while (end > this.words.length) {
      const longer = new Int32Array(2 * this.words.length);
      longer.set(this.words);
      this.words = longer;
      end = this.schema.encode(state, this.words, start);
    }
    const { words } = this;
    const hash = hashWords(words, start, end);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let found = this.slots[slot] as number; found !== 0; found = this.slots[slot] as number) {
      if (this.hashes[found - 1] === hash && this.isAt(found - 1, start, end)) return -found;
      slot = (slot + 1) & mask;
    }
    const added = this.count++;
    if (this.count === this.hashes.length) this.lengthen();
    this.offsets[this.count] = end;
    this.hashes[added] = hash;
    this.slots[slot] = this.count;
    if (2 * this.count > this.slots.length) this.rehash();
    return added;
  }

  /** Makes `holder[key]` the state of a number, reusing the objects found there. */
  restore(state: number, holder: object, key: string): void {
    this.schema.decode(this.words, this.offsets[state] as number, holder, key);
  }

  private isAt(state: number, start: number, end: number): boolean {
    const { words } = this;
    let other = this.offsets[state] as number;
    if ((this.offsets[state + 1] as number) - other !== end - start) return false;
    for (let i = start; i < end; i++) if (words[i] !== words[other++]) return false;
    return true;
  }

  private lengthen(): void {
    const offsets = new Float64Array(2 * this.offsets.length);
    offsets.set(this.offsets);
    this.offsets = offsets;
    const hashes = new Int32Array(2 * this.hashes.length);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }

  private rehash(): void {
    const slots = new Int32Array(2 * this.slots.length);
    const mask = slots.length - 1;
    for (let state = 0; state < this.count; state++) {
      let slot = (this.hashes[state] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = state + 1;
    }
    this.slots = slots;
  }
}

function hashWords(words: Int32Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) {
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ (words[i] as number), 0x9e37_79b1);
  }
  // The low bits choose the slot, so the high ones must reach them (finalizer of MurmurHash3, Appleby).
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
