import {
  type ApicMemory,
  createVirtualProcessor,
  decodeDescriptor,
  descriptorReservedWord8,
  Exit,
  emptyDescriptor,
  encodeDescriptorWord8,
  highestBit,
  loadWord,
  PinBased,
  type PostedInterruptDescriptor,
  Primary,
  rvi,
  Secondary,
  setBit,
  setRvi,
  setSvi,
  storeWord,
  svi,
  testBit,
  toU64,
  type VirtualProcessor,
} from '../../arch/index.js';
import {
  asObject,
  flagIn,
  hex,
  type Json,
  listIn,
  numberIn,
  objectIn,
  textIn,
  toHex,
  toWideHex,
  VectorFileError,
  wideHexIn,
} from './vector-file.js';

const descriptorBase = 0x1000;

/** A virtual processor with its posted-interrupt descriptor. */
export interface ProcessorUnderTest {
  p: VirtualProcessor;
  memory: ApicMemory;
  /** Bits of the descriptor's word 8 that belong to software and are not modelled. */
  software: number;
}

/** Everything that a step may change, for comparison. */
export interface ProcessorSnapshot {
  readonly words: Uint32Array;
  readonly rvi: number;
  readonly svi: number;
  readonly recognized: number;
  readonly pir: number[];
  readonly control: [number, number];
}

const controlBits: Readonly<
  Record<string, readonly ['pinBasedControls' | 'primaryControls' | 'secondaryControls' | 'exitControls', number]>
> = {
  useTprShadow: ['primaryControls', Primary.useTprShadow],
  virtualizeApicAccesses: ['secondaryControls', Secondary.virtualizeApicAccesses],
  virtualizeX2apicMode: ['secondaryControls', Secondary.virtualizeX2apicMode],
  apicRegisterVirtualization: ['secondaryControls', Secondary.apicRegisterVirtualization],
  virtualInterruptDelivery: ['secondaryControls', Secondary.virtualInterruptDelivery],
  interruptWindowExiting: ['primaryControls', Primary.interruptWindowExiting],
  externalInterruptExiting: ['pinBasedControls', PinBased.externalInterruptExiting],
  acknowledgeInterruptOnExit: ['exitControls', Exit.acknowledgeInterruptOnExit],
  processPostedInterrupts: ['pinBasedControls', PinBased.processPostedInterrupts],
  cr8LoadExiting: ['primaryControls', Primary.cr8LoadExiting],
  cr8StoreExiting: ['primaryControls', Primary.cr8StoreExiting],
};

function descriptor(state: ProcessorUnderTest): PostedInterruptDescriptor {
  return state.memory.descriptors[0] as PostedInterruptDescriptor;
}

/** A processor with these `controls`, and nothing in its state yet. */
export function createProcessorUnderTest(controls: Json): ProcessorUnderTest {
  const p = createVirtualProcessor({
    primaryControls: (Primary.activateSecondaryControls | Primary.useMsrBitmaps) >>> 0,
    postedInterruptDescriptorAddress: toU64(descriptorBase),
  });
  for (const key of Object.keys(controls)) {
    const control = controlBits[key];
    if (control === undefined) throw new VectorFileError(`controls.${key}`, 'not a control that can be replayed');
    if (flagIn(controls, key)) p.vmcs[control[0]] = (p.vmcs[control[0]] | control[1]) >>> 0;
  }
  return { p, memory: { descriptorBase, descriptors: [emptyDescriptor()], pidPointerTables: [] }, software: 0 };
}

function setEoiExitBitmap(state: ProcessorUnderTest, from: Json): void {
  const text = textIn(from, 'eoiExitBitmap');
  if (text.length !== 64) throw new VectorFileError('eoiExitBitmap', 'not 64 hexadecimal digits');
  const word = (index: number): number => hex(text.slice(56 - 8 * index, 64 - 8 * index), 'eoiExitBitmap');
  const { vmcs } = state.p;
  vmcs.eoiExitBitmap0 = [word(0), word(1)];
  vmcs.eoiExitBitmap1 = [word(2), word(3)];
  vmcs.eoiExitBitmap2 = [word(4), word(5)];
  vmcs.eoiExitBitmap3 = [word(6), word(7)];
}

function setPidControl(state: ProcessorUnderTest, low: number, high: number): void {
  const { on, sn, nv, ndst } = decodeDescriptor([0, 0, 0, 0, 0, 0, 0, 0, low, high]);
  Object.assign(descriptor(state), { on, sn, nv, ndst });
  state.software = (low & descriptorReservedWord8) >>> 0;
}

/** Stores what `items` lists: the keys of `initial`, `set` and `changed` in a vector file. */
export function applyItems(state: ProcessorUnderTest, items: Json): void {
  const { p } = state;
  for (const key of Object.keys(items)) {
    switch (key) {
      case 'regs': {
        const registers = objectIn(items, 'regs');
        for (const offset of Object.keys(registers)) {
          const at = hex(offset, 'regs');
          if (at % 4 !== 0 || at > 0xffc)
            throw new VectorFileError(`regs.${offset}`, 'not the offset of a word of the page');
          storeWord(p.page, at, hex(registers[offset], `regs.${offset}`));
        }
        break;
      }
      case 'rvi':
        setRvi(p.vmcs, numberIn(items, key, 255));
        break;
      case 'svi':
        setSvi(p.vmcs, numberIn(items, key, 255));
        break;
      case 'recognized':
        p.recognized = flagIn(items, key) ? 1 : 0;
        break;
      case 'eoiExitBitmap':
        setEoiExitBitmap(state, items);
        break;
      case 'tprThreshold':
        p.vmcs.tprThreshold = numberIn(items, key, 15);
        break;
      case 'notificationVector':
        p.vmcs.postedInterruptNotificationVector = numberIn(items, key, 255);
        break;
      case 'interruptWindowExiting': {
        const { primaryControls } = p.vmcs;
        const bit = Primary.interruptWindowExiting;
        p.vmcs.primaryControls = (flagIn(items, key) ? primaryControls | bit : primaryControls & ~bit) >>> 0;
        break;
      }
      case 'pir': {
        const { pir } = descriptor(state);
        pir.fill(0);
        setVectors(pir, listIn(items, key), key);
        break;
      }
      case 'pidControl':
        setPidControl(state, ...wideHexIn(items, key));
        break;
      default:
        throw new VectorFileError(key, 'not a part of the state');
    }
  }
}

/** Adds a list of vectors to a set. */
function setVectors(bits: number[], vectors: readonly unknown[], path: string): void {
  for (const vector of vectors) setBit(bits, numberIn(asObject({ [path]: vector }, path), path, 255));
}

/** Sets PIR bits and ON, as an agent does that posts without a notification. */
export function post(state: ProcessorUnderTest, vectors: readonly unknown[]): void {
  setVectors(descriptor(state).pir, vectors, 'vectors');
  descriptor(state).on = 1;
}

/** A copy of everything that a step may change. */
export function snapshot(state: ProcessorUnderTest): ProcessorSnapshot {
  const { p, software } = state;
  const words = new Uint32Array(1024);
  for (let i = 0; i < 1024; i++) words[i] = loadWord(p.page, 4 * i);
  const pid = descriptor(state);
  return {
    words,
    rvi: rvi(p.vmcs),
    svi: svi(p.vmcs),
    recognized: p.recognized,
    pir: [...pid.pir],
    control: [(encodeDescriptorWord8(pid) | software) >>> 0, pid.ndst],
  };
}

/** Sets the state back to `to`. */
export function restore(state: ProcessorUnderTest, to: ProcessorSnapshot): void {
  for (let i = 0; i < 1024; i++) storeWord(state.p.page, 4 * i, to.words[i] as number);
  setRvi(state.p.vmcs, to.rvi);
  setSvi(state.p.vmcs, to.svi);
  state.p.recognized = to.recognized;
  descriptor(state).pir = [...to.pir];
  setPidControl(state, ...to.control);
}

function listOf(bits: number[]): number[] {
  const vectors: number[] = [];
  for (let vector = 0; vector <= highestBit(bits); vector++) if (testBit(bits, vector)) vectors.push(vector);
  return vectors;
}

/** What differs between `before` and `after`, in the form of the key `changed`; undefined if nothing does. */
export function difference(before: ProcessorSnapshot, after: ProcessorSnapshot): Json | undefined {
  const changed: Record<string, unknown> = {};
  const registers: Record<string, string> = {};
  let any = false;
  for (let i = 0; i < 1024; i++) {
    const word = after.words[i] as number;
    if (word === before.words[i]) continue;
    registers[toHex(4 * i, 3)] = toHex(word, 8);
    any = true;
  }
  if (any) changed['regs'] = registers;
  if (after.rvi !== before.rvi) changed['rvi'] = after.rvi;
  if (after.svi !== before.svi) changed['svi'] = after.svi;
  if (after.recognized !== before.recognized) changed['recognized'] = after.recognized === 1;
  if (after.pir.some((word, i) => word !== before.pir[i])) changed['pir'] = listOf(after.pir);
  if (after.control[0] !== before.control[0] || after.control[1] !== before.control[1]) {
    changed['pidControl'] = toWideHex(...after.control);
  }
  return Object.keys(changed).length === 0 ? undefined : changed;
}
