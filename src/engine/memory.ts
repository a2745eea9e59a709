/** What a function of the state was found to read: a place to look at, and what comes after for each number there. */
interface Node {
  place: number;
  readonly next: Map<number, Node>;
  /** Below the first levels: the lists of places that it read further, each with a number. */
  readonly further: number[];
  readonly number: number;
}

/** {@link Memory.find}: nothing is known. */
export const unknown = -1;

/** Places that are told apart one by one, before those that are looked at together. */
const levels = 2;

/**
 * What functions of a state came to, by the parts that they read. A function that looks at the same parts and finds them
 * the same comes to the same, in whatever state; what it looks at first does not depend on the state, and what it looks at next only
 * on what it has seen. So a function that was carried out once need not be again until one of these parts differs.
 *
 * Parts are places of an array of numbers. Those that have never changed have none, and are the same in all states.
 */
export class Memory {
  private readonly roots: (Node | undefined)[] = [];
  private readonly lists: Int32Array[] = [];
  private readonly listNumbers = new Map<string, number>();
  private nodes = 0;
  /** Each entry: its node and list, the numbers of that list's places, what it came to. */
  private entries = new Int32Array(1 << 12);
  private used = 0;
  /** Slots of two words: a hash and where the entry is, plus one; 0 for an empty slot. Half or more are empty. */
  private slots = new Int32Array(1 << 12);
  private count = 0;

  /** What it takes in memory, roughly. */
  get bytes(): number {
    return this.entries.byteLength + this.slots.byteLength + 200 * this.nodes;
  }

  /** Forgets everything. */
  clear(): void {
    this.roots.length = 0;
    this.lists.length = 0;
    this.listNumbers.clear();
    this.nodes = 0;
    this.entries = new Int32Array(1 << 12);
    this.used = 0;
    this.slots = new Int32Array(1 << 12);
    this.count = 0;
  }

  /** What a function comes to in the state of these numbers, or {@link unknown}. */
  find(of: number, numbers: Int32Array): number {
    let node = this.roots[of];
    for (let level = 0; level < levels; level++) {
      if (node === undefined) return unknown;
      if (node.place >= 0) node = node.next.get(numbers[node.place] as number);
    }
    if (node === undefined) return unknown;
    const { further } = node;
    for (let i = 0; i < further.length; i++) {
      const found = this.probe(node.number, further[i] as number, numbers);
      if (found < 0) continue;
      // What was found last is likely to be found next.
      if (i > 0) {
        const before = further[i - 1] as number;
        further[i - 1] = further[i] as number;
        further[i] = before;
      }
      return found;
    }
    return unknown;
  }

  /**
   * Notes what a function came to in the state of these numbers.
   *
   * @param read - the places that it has read, in the order in which it did so first
   * @param outcome - 0 or more
   */
  remember(of: number, read: readonly number[], numbers: Int32Array, outcome: number): void {
    let node = this.roots[of];
    if (node === undefined) {
      node = this.createNode(read[0] ?? -1);
      this.roots[of] = node;
    }
    for (let level = 0; level < levels; level++) {
      if (node.place < 0) continue;
      const number = numbers[node.place] ?? 0;
      let next: Node | undefined = node.next.get(number);
      if (next === undefined) {
        next = this.createNode(level + 1 < levels ? (read[level + 1] ?? -1) : -1);
        node.next.set(number, next);
      }
      node = next;
    }
    const list = this.listOf(read.slice(levels));
    if (!node.further.includes(list)) node.further.push(list);
    const places = this.lists[list] as Int32Array;
    const { length } = places;
    while (this.used + length + 3 > this.entries.length) this.entries = longer(this.entries);
    const { entries, used } = this;
    entries[used] = node.number;
    entries[used + 1] = list;
    for (let i = 0; i < length; i++) entries[used + 2 + i] = numbers[places[i] as number] as number;
    entries[used + 2 + length] = outcome;
    this.used += length + 3;
    if (4 * ++this.count > this.slots.length) this.rehash();
    this.insert(hashOf(node.number, list, places, numbers), used + 1);
  }

  private probe(node: number, list: number, numbers: Int32Array): number {
    const places = this.lists[list] as Int32Array;
    const { length } = places;
    const { slots, entries } = this;
    const hash = hashOf(node, list, places, numbers);
    const last = slots.length - 2;
    for (let slot = (hash << 1) & last; slots[slot + 1] !== 0; slot = (slot + 2) & last) {
      if (slots[slot] !== hash) continue;
      const entry = (slots[slot + 1] as number) - 1;
      if (entries[entry] !== node || entries[entry + 1] !== list) continue;
      let same = 0;
      while (same < length && entries[entry + 2 + same] === numbers[places[same] as number]) same++;
      if (same === length) return entries[entry + 2 + length] as number;
    }
    return unknown;
  }

  private createNode(place: number): Node {
    return { place, next: new Map(), further: [], number: this.nodes++ };
  }

  private listOf(places: readonly number[]): number {
    const name = places.join();
    let number = this.listNumbers.get(name);
    if (number === undefined) {
      number = this.lists.push(Int32Array.from(places)) - 1;
      this.listNumbers.set(name, number);
    }
    return number;
  }

  private insert(hash: number, entry: number): void {
    const { slots } = this;
    const last = slots.length - 2;
    let slot = (hash << 1) & last;
    while (slots[slot + 1] !== 0) slot = (slot + 2) & last;
    slots[slot] = hash;
    slots[slot + 1] = entry;
  }

  private rehash(): void {
    const { slots: old } = this;
    this.slots = new Int32Array(2 * old.length);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] !== 0) this.insert(old[i] as number, old[i + 1] as number);
    }
  }
}

function hashOf(node: number, list: number, places: Int32Array, numbers: Int32Array): number {
  let a = Math.imul(node, 0x9e37_79b1) ^ list;
  for (let i = 0; i < places.length; i++) {
    a = Math.imul(((a << 5) | (a >>> 27)) ^ (numbers[places[i] as number] as number), 0x9e37_79b1);
  }
  const b = Math.imul(a ^ (a >>> 16), 0x85eb_ca6b);
  return b ^ (b >>> 13);
}

function longer(words: Int32Array): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(2 * words.length);
  copy.set(words);
  return copy;
}
