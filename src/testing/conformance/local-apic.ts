import {
  type Acceptance,
  ApicMode,
  acknowledgeInterrupt,
  createLocalApic,
  deliverMessage,
  type InterruptMessage,
  type LocalApic,
  type LocalApicOutcome,
  loadWord,
  readX2apic,
  readXapic,
  storeWord,
  writeX2apic,
  writeXapic,
} from '../../arch/index.js';
import type { Replay, StepResult } from './replay.js';
import {
  asObject,
  flagIn,
  hex,
  hexIn,
  type Json,
  listIn,
  numberIn,
  objectIn,
  textIn,
  toHex,
  toWideHex,
  VectorFileError,
  wideHexIn,
  within,
} from './vector-file.js';

/** Page offsets of the registers that local-APIC vectors cover. */
const covered: readonly number[] = [
  0x020,
  0x080,
  0x0a0,
  0x0d0,
  0x0e0,
  0x0f0,
  0x280,
  0x300,
  0x310,
  0x320,
  0x330,
  0x340,
  0x350,
  0x360,
  0x370,
  0x380,
  0x3e0,
  ...Array.from({ length: 24 }, (_, i) => 0x100 + 16 * i),
];

/** In x2APIC mode the files keep bits 63:32 of the ICR at 310H. */
function place(apic: LocalApic, offset: number): number {
  return apic.mode === ApicMode.x2apic && offset === 0x310 ? 0x304 : offset;
}

function createApic(mode: ApicMode, cpu: Json): LocalApic {
  const apic = createLocalApic(0);
  apic.mode = mode;
  for (const offset of covered) storeWord(apic.registers, place(apic, offset), 0);
  applyRegisters(apic, objectIn(cpu, 'regs'));
  return apic;
}

function applyRegisters(apic: LocalApic, registers: Json): void {
  for (const offset of Object.keys(registers)) {
    const at = hex(offset, 'regs');
    if (!covered.includes(at)) throw new VectorFileError(`regs.${offset}`, 'not a register of these vectors');
    storeWord(apic.registers, place(apic, at), hex(registers[offset], `regs.${offset}`));
  }
}

function registersOf(apic: LocalApic): Uint32Array {
  return Uint32Array.from(covered, (offset) => loadWord(apic.registers, place(apic, offset)));
}

const eventKinds: Readonly<Partial<Record<Acceptance, string>>> = {
  nmi: 'nmi',
  smi: 'smi',
  init: 'init',
  sipi: 'sipi',
};

/** A bus of local APICs, replayed. */
export class LocalApicReplay implements Replay {
  private readonly initial: Json;
  private apics: LocalApic[] = [];
  private before: Uint32Array[] = [];
  private events: Json[] = [];

  constructor(sequence: Json) {
    this.initial = objectIn(sequence, 'initial');
    this.reset();
  }

  reset(): void {
    within('initial', () => {
      const mode = textIn(this.initial, 'mode');
      if (mode !== 'xapic' && mode !== 'x2apic') throw new VectorFileError('mode', "not 'xapic' or 'x2apic'");
      this.apics = listIn(this.initial, 'cpus').map((cpu, index) =>
        within(`cpus[${index}]`, () => {
          const description = asObject(cpu, '');
          if (numberIn(description, 'cpu', 255) !== index) throw new VectorFileError('cpu', 'not in order');
          return createApic(ApicMode[mode], description);
        }),
      );
    });
  }

  run(op: Json): StepResult {
    this.before = this.apics.map(registersOf);
    this.events = [];
    const outcome = this.carryOut(op);
    const changed = this.difference();
    const result: StepResult = { outcome };
    if (changed !== undefined) result.changed = changed;
    if (this.events.length > 0) result.events = this.events;
    return result;
  }

  resume(step: Json): void {
    this.apics.forEach((apic, index) => {
      const words = this.before[index] as Uint32Array;
      for (let i = 0; i < covered.length; i++) {
        storeWord(apic.registers, place(apic, covered[i] as number), words[i] as number);
      }
    });
    const cpus = objectIn(objectIn(step, 'changed'), 'cpus');
    for (const index of Object.keys(cpus)) {
      const apic = this.apics[Number(index)];
      if (apic === undefined) throw new VectorFileError(`changed.cpus.${index}`, 'no such cpu');
      applyRegisters(apic, objectIn(cpus, index));
    }
  }

  private carryOut(op: Json): Json {
    const kind = textIn(op, 'kind');
    if (kind === 'message') {
      this.deliver(-1, messageOf(op));
      return { kind: 'ok' };
    }
    const cpu = numberIn(op, 'cpu', this.apics.length - 1);
    const apic = this.apics[cpu] as LocalApic;
    switch (kind) {
      case 'write':
        return this.settle(cpu, writeXapic(apic, hexIn(op, 'offset'), hexIn(op, 'value')), 8);
      case 'read':
        return this.settle(cpu, readXapic(apic, hexIn(op, 'offset')), 8);
      case 'wrmsr':
        return this.settle(cpu, writeX2apic(apic, hexIn(op, 'msr'), ...wideHexIn(op, 'value')), 16);
      case 'rdmsr':
        return this.settle(cpu, readX2apic(apic, hexIn(op, 'msr')), 16);
      case 'acknowledge': {
        const vector = acknowledgeInterrupt(apic.registers);
        return vector < 0 ? { kind: 'none' } : { kind: 'interrupt', vector };
      }
      default:
        throw new VectorFileError('kind', `unknown operation '${kind}'`);
    }
  }

  private settle(cpu: number, outcome: LocalApicOutcome, digits: number): Json {
    switch (outcome.kind) {
      case 'ipi':
        this.deliver(cpu, outcome.message);
        return { kind: 'ok' };
      case 'eoi-broadcast':
        this.events.push({ kind: 'eoiBroadcast', vector: outcome.vector });
        return { kind: 'ok' };
      case 'data':
        return { kind: 'data', value: digits === 8 ? toHex(outcome.low, 8) : toWideHex(outcome.low, outcome.high) };
      case 'completed':
        return { kind: 'ok' };
      case 'undefined-data':
        return { kind: 'undefinedData' };
      case 'fault':
        return { kind: 'gp' };
      case 'passthrough':
        return { kind: 'passthrough' };
    }
  }

  private deliver(sender: number, message: InterruptMessage): void {
    for (const { receiver, acceptance } of deliverMessage(this.apics, sender, message)) {
      const kind = eventKinds[acceptance];
      if (kind === undefined) continue;
      const event = { cpu: receiver, kind };
      this.events.push(acceptance === 'sipi' ? { ...event, vector: message.vector } : event);
    }
  }

  private difference(): Json | undefined {
    const cpus: Record<string, Json> = {};
    this.apics.forEach((apic, index) => {
      const before = this.before[index] as Uint32Array;
      const registers: Record<string, string> = {};
      registersOf(apic).forEach((word, i) => {
        if (word !== before[i]) registers[toHex(covered[i] as number, 3)] = toHex(word, 8);
      });
      if (Object.keys(registers).length > 0) cpus[String(index)] = registers;
    });
    return Object.keys(cpus).length > 0 ? { cpus } : undefined;
  }
}

function messageOf(op: Json): InterruptMessage {
  const trigger = textIn(op, 'trigger');
  if (trigger !== 'edge' && trigger !== 'level') throw new VectorFileError('trigger', "not 'edge' or 'level'");
  return {
    vector: numberIn(op, 'vector', 255),
    deliveryMode: numberIn(op, 'deliveryMode', 7),
    destinationMode: flagIn(op, 'logical') ? 1 : 0,
    destination: hexIn(op, 'destination'),
    shorthand: 0,
    triggerMode: trigger === 'level' ? 1 : 0,
  };
}
