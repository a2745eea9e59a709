/** Words in a page: 1 MiB. A longer row has a page of its own. */
const pageBits = 18;
const pageWords = 1 << pageBits;

/**
 * A set of rows of signed 32-bit words, numbered in the order in which they came, found again by a hash table with open
 * addressing. The words are in pages, so that growing copies none of them. Nothing is allocated for a row that is there.
 */
export class WordTable {
  /** How many rows there are. */
  count = 0;
  /** Each row is its length, then its words. */
  private readonly pages: Int32Array[] = [];
  private pageBytes = 0;
  /** Where the next row goes: `pageWords` times the page, plus the place in it. */
  private next = 0;
  private starts = new Uint32Array(1 << 10);
  /** Slots of two words: the hash of a row and its number plus one, which is 0 for an empty slot. A third or more are empty. */
  private slots = new Int32Array(1 << 12);

  /** What the table takes in memory. */
  get bytes(): number {
    return this.pageBytes + this.starts.byteLength + this.slots.byteLength;
  }

  /** Adds the first `length` words of `words` as a row and returns its number; -1 minus its number if it was there. */
  add(words: Int32Array, length: number): number {
    const hash = hashWords(words, length);
    const { slots } = this;
    const last = slots.length - 2;
    let slot = (hash << 1) & last;
    for (let found = slots[slot + 1] as number; found !== 0; found = slots[slot + 1] as number) {
      if (slots[slot] === hash && this.isRow(found - 1, words, length)) return -found;
      slot = (slot + 2) & last;
    }
    const added = this.count++;
    if (added === this.starts.length) this.lengthen();
    this.starts[added] = this.put(words, length);
    slots[slot] = hash;
    slots[slot + 1] = this.count;
    if (3 * this.count > slots.length) this.rehash();
    return added;
  }

  /** True if a row is the first `length` words of `words`. */
  isRow(row: number, words: Int32Array, length: number): boolean {
    const start = this.starts[row] as number;
    const page = this.pages[start >>> pageBits] as Int32Array;
    let at = start & (pageWords - 1);
    if (page[at++] !== length) return false;
    for (let i = 0; i < length; i++) if (words[i] !== page[at++]) return false;
    return true;
  }

  /** The page that a row is in. */
  pageOf(row: number): Int32Array {
    return this.pages[(this.starts[row] as number) >>> pageBits] as Int32Array;
  }

  /** Where in its page the length of a row stands; its words follow. */
  placeOf(row: number): number {
    return (this.starts[row] as number) & (pageWords - 1);
  }

  private put(words: Int32Array, length: number): number {
    const used = this.next & (pageWords - 1);
    let page = this.pages[this.next >>> pageBits];
    if (page === undefined || used + length + 1 > page.length) {
      this.next = this.pages.length * pageWords;
      page = new Int32Array(Math.max(pageWords, length + 1));
      this.pages.push(page);
      this.pageBytes += page.byteLength;
    }
    const start = this.next;
    let at = start & (pageWords - 1);
    page[at++] = length;
    for (let i = 0; i < length; i++) page[at++] = words[i] as number;
    // A page that is full, or longer than others, takes no more.
    this.next = at >= pageWords ? this.pages.length * pageWords : start + length + 1;
    return start;
  }

  private lengthen(): void {
    const starts = new Uint32Array(2 * this.starts.length);
    starts.set(this.starts);
    this.starts = starts;
  }

  private rehash(): void {
    const { slots: old } = this;
    const slots = new Int32Array(2 * old.length);
    const last = slots.length - 2;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      const hash = old[i] as number;
      let slot = (hash << 1) & last;
      while (slots[slot + 1] !== 0) slot = (slot + 2) & last;
      slots[slot] = hash;
      slots[slot + 1] = old[i + 1] as number;
    }
    this.slots = slots;
  }
}

/** Four words at a time, in four chains that do not wait for one another. */
function hashWords(words: Int32Array, length: number): number {
  let a = length;
  let b = 0x3c6e_f372;
  let c = 0x1715_609f;
  let d = 0x2545_f491;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    a = Math.imul(((a << 5) | (a >>> 27)) ^ (words[i] as number), 0x9e37_79b1);
    b = Math.imul(((b << 5) | (b >>> 27)) ^ (words[i + 1] as number), 0x9e37_79b1);
    c = Math.imul(((c << 5) | (c >>> 27)) ^ (words[i + 2] as number), 0x9e37_79b1);
    d = Math.imul(((d << 5) | (d >>> 27)) ^ (words[i + 3] as number), 0x9e37_79b1);
  }
  for (; i < length; i++) a = Math.imul(((a << 5) | (a >>> 27)) ^ (words[i] as number), 0x9e37_79b1);
  // The low bits choose the slot, so the high ones must reach them.
  if (length < 4) return mix(a);
  return mix(
    a ^ Math.imul(b, 5) ^ Math.imul((c << 13) | (c >>> 19), 9) ^ Math.imul((d << 7) | (d >>> 25), 0x85eb_ca6b),
  );
}

/** Finalizer of MurmurHash3 (Appleby). */
function mix(x: number): number {
  const y = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  const z = Math.imul(y ^ (y >>> 13), 0xc2b2_ae35);
  return z ^ (z >>> 16);
}
