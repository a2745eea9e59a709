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
  private hashes = new Int32Array(1 << 10);
  /** Row numbers plus one; 0 for an empty slot. Never more than half full. */
  private slots = new Int32Array(1 << 11);

  /** What the table takes in memory. */
  get bytes(): number {
    return this.pageBytes + this.starts.byteLength + this.hashes.byteLength + this.slots.byteLength;
  }

  /** Adds the first `length` words of `words` as a row and returns its number; -1 minus its number if it was there. */
  add(words: Int32Array, length: number): number {
    const hash = hashWords(words, length);
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let found = slots[slot] as number; found !== 0; found = slots[slot] as number) {
      if (hashes[found - 1] === hash && this.isRow(found - 1, words, length)) return -found;
      slot = (slot + 1) & mask;
    }
    const added = this.count++;
    if (added === this.hashes.length) this.lengthen();
    this.starts[added] = this.put(words, length);
    this.hashes[added] = hash;
    slots[slot] = this.count;
    if (2 * this.count > slots.length) this.rehash();
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
    const hashes = new Int32Array(2 * this.hashes.length);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }

  private rehash(): void {
    const slots = new Int32Array(2 * this.slots.length);
    const mask = slots.length - 1;
    for (let row = 0; row < this.count; row++) {
      let slot = (this.hashes[row] as number) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = row + 1;
    }
    this.slots = slots;
  }
}

function hashWords(words: Int32Array, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) {
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ (words[i] as number), 0x9e37_79b1);
  }
  // The low bits choose the slot, so the high ones must reach them (finalizer of MurmurHash3, Appleby).
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
