import {
  beginOperation,
  completeOperation,
  enterApicVirtualization,
  externalInterrupt,
  leaveApicVirtualization,
  movFromCr8,
  movToCr8,
  type Outcome,
  operationRead,
  operationWrite,
  virtualInterruptBoundary,
  virtualizeApicRead,
  virtualizeApicWrite,
  virtualizeRdmsr,
  virtualizeWrmsr,
} from '../../arch/index.js';
import {
  asObject,
  flagIn,
  hexIn,
  type Json,
  listIn,
  numberIn,
  textIn,
  toHex,
  toWideHex,
  VectorFileError,
  wideHexIn,
  within,
} from './vector-file.js';
import { type ProcessorUnderTest, post } from './virtual-processor-state.js';

/** Blocking by STI and MOV SS as the files name it, in terms of the interruptibility state. */
const blocking: Readonly<Record<string, number>> = { none: 0, sti: 1, movss: 2 };

function ofExit(outcome: Outcome & { kind: 'exit' }): Json {
  const exit = { kind: 'exit', reason: outcome.reason, qualification: outcome.qualification.toString(16) };
  if (outcome.reason !== 1) return exit;
  return { ...exit, interruptionInfo: toHex(outcome.interruptionInformation ?? 0, 8) };
}

/** An outcome in the form of the files; `digits` is the width of data, `done` the word for completion. */
function toJson(outcome: Outcome, digits: number, done = 'virtualized'): Json {
  switch (outcome.kind) {
    case 'completed':
      return { kind: done };
    case 'data':
      return { kind: 'data', value: digits <= 8 ? toHex(outcome.low, digits) : toWideHex(outcome.low, outcome.high) };
    case 'fault':
      return outcome.vector === 13 ? { kind: 'gp' } : { kind: 'fault', vector: outcome.vector };
    case 'exit':
      return ofExit(outcome);
    case 'passthrough':
      return { kind: 'passthrough' };
    case 'posted':
      return { kind: 'ipiPosted', notify: outcome.notify };
    case 'virtual-interrupt':
      return { kind: 'virtualInterrupt', vector: outcome.vector };
  }
}

interface Access {
  readonly kind: string;
  readonly offset: number;
  readonly size: number;
  readonly value: number;
}

const sizes: readonly number[] = [1, 2, 4, 8];

function accessOf(op: Json): Access {
  const kind = textIn(op, 'kind');
  const offset = hexIn(op, 'offset');
  if (offset > 0xfff) throw new VectorFileError('offset', 'beyond the page');
  const size = numberIn(op, 'size', 8);
  if (!sizes.includes(size)) throw new VectorFileError('size', 'not 1, 2, 4 or 8');
  return { kind, offset, size, value: kind === 'write' ? wideHexIn(op, 'value')[0] : 0 };
}

function duringEventDelivery(op: Json): 0 | 1 {
  const during = op['during'];
  if (during === undefined) return 0;
  if (during !== 'eventDelivery') throw new VectorFileError('during', "not 'eventDelivery'");
  return 1;
}

function runOperation(state: ProcessorUnderTest, op: Json): Json {
  const operation = beginOperation(duringEventDelivery(op));
  const reads: string[] = [];
  const accesses = listIn(op, 'accesses');
  for (let i = 0; i < accesses.length; i++) {
    const access = within(`accesses[${i}]`, () => accessOf(asObject(accesses[i], '')));
    const outcome =
      access.kind === 'read'
        ? operationRead(state.p, operation, access.offset, access.size)
        : operationWrite(state.p, operation, access.offset, access.size, access.value);
    if (outcome.kind === 'data') reads.push(toHex(outcome.low, 2 * access.size));
    else if (outcome.kind !== 'completed') return toJson(outcome, 8);
  }
  const outcome = toJson(completeOperation(state.p, state.memory, operation), 8);
  return reads.length > 0 && outcome['kind'] === 'virtualized' ? { ...outcome, reads } : outcome;
}

/** Carries out one step's `op` and returns its outcome in the form of the files. */
export function runProcessorStep(state: ProcessorUnderTest, op: Json): Json {
  const { p, memory } = state;
  switch (textIn(op, 'kind')) {
    case 'read': {
      const { offset, size } = accessOf(op);
      return toJson(virtualizeApicRead(p, offset, size, duringEventDelivery(op)), 2 * size);
    }
    case 'write': {
      const { offset, size, value } = accessOf(op);
      return toJson(virtualizeApicWrite(p, memory, offset, size, value, duringEventDelivery(op)), 8);
    }
    case 'operation':
      return runOperation(state, op);
    case 'rdmsr':
      return toJson(virtualizeRdmsr(p, hexIn(op, 'msr')), 16);
    case 'wrmsr':
      return toJson(virtualizeWrmsr(p, memory, hexIn(op, 'msr'), ...wideHexIn(op, 'value')), 16);
    case 'movToCr8':
      return toJson(movToCr8(p, ...wideHexIn(op, 'value')), 16);
    case 'movFromCr8':
      return toJson(movFromCr8(p), 16);
    case 'boundary': {
      const blocked = blocking[textIn(op, 'blocking')];
      if (blocked === undefined) throw new VectorFileError('blocking', "not 'none', 'sti' or 'movss'");
      p.interruptFlag = flagIn(op, 'rflagsIF') ? 1 : 0;
      p.interruptibility = blocked;
      const outcome = virtualInterruptBoundary(p);
      p.interruptibility = 0;
      return outcome === undefined ? { kind: 'none' } : toJson(outcome, 8);
    }
    case 'externalInterrupt':
      p.interruptFlag = flagIn(op, 'rflagsIF') ? 1 : 0;
      return toJson(externalInterrupt(p, memory, numberIn(op, 'vector', 255)), 8, 'posted');
    case 'post':
      post(state, listIn(op, 'vectors'));
      return { kind: 'none' };
    case 'vmEntry':
      return toJson(enterApicVirtualization(p), 8, 'entered');
    default:
      throw new VectorFileError('kind', `unknown operation '${textIn(op, 'kind')}'`);
  }
}

/** What a VM exit leaves: nothing recognized. */
export function afterStep(state: ProcessorUnderTest, outcome: Json): void {
  if (outcome['kind'] === 'exit') leaveApicVirtualization(state.p);
}
