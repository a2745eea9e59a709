import { type ApicRegisters, resetRegisters } from './apic-registers.js';
import { mark } from './mark.js';

/** A virtual-APIC page (or register set) of 4096 zero bytes. */
export function emptyPage(): ApicRegisters {
  const page = resetRegisters();
  page.dfr = 0;
  page.svr = 0;
  page.lvtCmci = 0;
  page.lvtTimer = 0;
  page.lvtThermal = 0;
  page.lvtPerformance = 0;
  page.lvtLint0 = 0;
  page.lvtLint1 = 0;
  page.lvtError = 0;
  return page;
}

type NamedWord = {
  [K in keyof ApicRegisters]: ApicRegisters[K] extends number ? (number extends ApicRegisters[K] ? K : never) : never;
}[keyof ApicRegisters];

/** The register that has a name of its own at each word of the page (index: offset / 4), or undefined. */
const names: readonly (NamedWord | undefined)[] = (() => {
  const table: (NamedWord | undefined)[] = new Array<undefined>(1024).fill(undefined);
  const at: Record<number, NamedWord> = {
    32: 'id',
    48: 'version',
    128: 'tpr',
    160: 'ppr',
    176: 'eoi',
    208: 'ldr',
    224: 'dfr',
    240: 'svr',
    640: 'esr',
    752: 'lvtCmci',
    768: 'icrLow',
    772: 'icr64High',
    784: 'icrHigh',
    800: 'lvtTimer',
    816: 'lvtThermal',
    832: 'lvtPerformance',
    848: 'lvtLint0',
    864: 'lvtLint1',
    880: 'lvtError',
    896: 'initialCount',
    912: 'currentCount',
    992: 'divideConfiguration',
  };
  for (const [offset, name] of Object.entries(at)) table[Number(offset) >> 2] = name;
  return table;
})();

/** ISR, TMR or IRR, if `offset` (a multiple of 4) is a word of one: 100H-270H, low 4 bytes of each 16. */
function setAt(page: ApicRegisters, offset: number): number[] | undefined {
  if (offset < 0x100 || offset > 0x270 || (offset & 0xc) !== 0) return undefined;
  mark('3 layout');
  return offset < 0x180 ? page.isr : offset < 0x200 ? page.tmr : page.irr;
}

/** The 32-bit word at `offset` (a multiple of 4, 0-4092). */
export function loadWord(page: ApicRegisters, offset: number): number {
  const name = names[offset >> 2];
  if (name !== undefined) return page[name];
  const set = setAt(page, offset);
  if (set !== undefined) return set[(offset >> 4) & 7] as number;
  const other = page.other;
  for (let i = 0; i < other.length; i += 2) {
    if (other[i] === offset) return other[i + 1] as number;
  }
  return 0;
}

/** Stores a 32-bit word at `offset` (a multiple of 4, 0-4092). */
export function storeWord(page: ApicRegisters, offset: number, value: number): void {
  const name = names[offset >> 2];
  if (name !== undefined) {
    page[name] = value;
    return;
  }
  const set = setAt(page, offset);
  if (set !== undefined) {
    set[(offset >> 4) & 7] = value;
    return;
  }
  const other = page.other;
  let i = 0;
  while (i < other.length && (other[i] as number) < offset) i += 2;
  if (other[i] === offset) {
    if (value === 0) other.splice(i, 2);
    else other[i + 1] = value;
  } else if (value !== 0) {
    other.splice(i, 0, offset, value);
  }
}

function mask(size: number): number {
  return size >= 4 ? 0xffff_ffff : (1 << (8 * size)) - 1;
}

/** `size` bytes (1-4) at any `offset` (0-4095), little-endian. Bytes past the end of the page read as 0. */
export function loadBytes(page: ApicRegisters, offset: number, size: number): number {
  const word = offset & ~3;
  const shift = 8 * (offset & 3);
  let value = loadWord(page, word) >>> shift;
  if (shift + 8 * size > 32 && word < 0xffc) value |= loadWord(page, word + 4) << (32 - shift);
  return (value & mask(size)) >>> 0;
}

/** Stores the low `size` bytes (1-4) of `value` at any `offset`, little-endian. Bytes past the end of the page are dropped. */
export function storeBytes(page: ApicRegisters, offset: number, size: number, value: number): void {
  const word = offset & ~3;
  const shift = 8 * (offset & 3);
  if (shift === 0 && size === 4) {
    storeWord(page, word, value);
    return;
  }
  const bits = mask(size);
  storeWord(page, word, ((loadWord(page, word) & ~(bits << shift)) | ((value & bits) << shift)) >>> 0);
  if (shift + 8 * size > 32 && word < 0xffc) {
    const rest = 32 - shift;
    storeWord(page, word + 4, ((loadWord(page, word + 4) & ~(bits >>> rest)) | ((value & bits) >>> rest)) >>> 0);
  }
}

/** Bytes 4 and up of an access of `size` bytes (1-8): 0 up to size 4. */
export function loadHighBytes(page: ApicRegisters, offset: number, size: number): number {
  return size > 4 && offset + 4 <= 0xfff ? loadBytes(page, offset + 4, size - 4) : 0;
}

/** Stores bytes 4 and up of an access of `size` bytes (5-8). */
export function storeHighBytes(page: ApicRegisters, offset: number, size: number, high: number): void {
  if (size > 4 && offset + 4 <= 0xfff) storeBytes(page, offset + 4, size - 4, high);
}
