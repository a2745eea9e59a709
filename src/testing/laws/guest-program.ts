import { call } from '../../engine/frames.js';
import { recordKind } from '../../engine/records.js';
import { observe } from '../../engine/requests.js';
import { type Control, done, shared } from '../../engine/routine.js';
import { apicEoi, apicIcrWrite, apicSelfIpi } from '../../guest/apic-driver.js';
import { type GuestMachine, guest, guestMemory } from '../../guest/machine.js';
import { apicPageRead, apicPageWrite } from '../../hardware/apic-page-access.js';
import { AfterFault } from '../../hardware/exceptions.js';
import {
  cli,
  cpuid,
  hlt,
  movFromCr8Instruction,
  movToCr8Instruction,
  rdtsc,
  sti,
  vmcall,
} from '../../hardware/instructions.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { iret, iretFromNmi } from '../../hardware/virtual-interrupt-delivery.js';
import { rdmsr, wrmsr } from '../../hardware/wrmsr.js';
import type { KvmMachine } from '../../kvm/machine.js';
import { HvCall, Hypercall, type ParavirtMemory } from '../../kvm/paravirt.js';
import { encodeOperation, type GuestOperation, operationKinds } from './operations.js';

const { program, stage, glue, until } = guest;

/** What generated guest programs tell their observers. */
export const ProgramRecord = {
  /** An operation begins: its number in the program (-1 in a handler). */
  begin: recordKind('operation-begins', 'vcpu', 'index'),
  /** It has retired. */
  end: recordKind('operation-ends', 'vcpu', 'index'),
  /** What a read of a register gave. */
  read: recordKind('register-read', 'vcpu', 'value'),
  /** A handler is about to write EOI, and has done so. */
  eoiBegins: recordKind('eoi-begins', 'vcpu', 'handler'),
  eoiEnds: recordKind('eoi-ends', 'vcpu', 'handler'),
  /** A handler enables (1) or disables (0) interrupts or returns (1), or a program at its end enables them. */
  flag: recordKind('handler-flag', 'vcpu', 'enabled'),
  /** An NMI's handler returns. */
  nmiEnds: recordKind('nmi-handler-ends', 'vcpu', 'handler'),
  /** The program is through. */
  through: recordKind('program-ends', 'vcpu', 'operations'),
} as const;

/** Operations of a program at most: they are in its frame, so that they go wherever the frame goes. */
export const maxOperations = 16;

const tscDeadline = 0x6e0;
const hypervEoiMsr = 0x4000_0070;

interface Operands {
  kind: number;
  a: number;
  b: number;
  index: number;
}

type Next = 'retire' | 'halt' | 'deadline' | 'compute';

function writeRegister(m: GuestMachine, cpu: LogicalProcessor, offset: number, value: number): void {
  if (guestMemory(m, cpu).x2apic === 1) {
    const write = call(m, cpu, wrmsr);
    write.msr = 0x800 + (offset >>> 4);
    write.low = value;
  } else {
    const write = call(m, cpu, apicPageWrite);
    write.offset = offset;
    write.value = value;
  }
}

function readRegister(m: GuestMachine, cpu: LogicalProcessor, offset: number): void {
  if (guestMemory(m, cpu).x2apic === 1) call(m, cpu, rdmsr).msr = 0x800 + (offset >>> 4);
  else call(m, cpu, apicPageRead).offset = offset;
}

function begin(m: GuestMachine, cpu: LogicalProcessor, f: Operands): Control<Next> {
  observe(m, ProgramRecord.begin, cpu.vcpu, f.index);
  switch (operationKinds[f.kind]) {
    case 'send':
      apicIcrWrite(m, cpu, f.a, f.b);
      break;
    case 'self-ipi':
      apicSelfIpi(m, cpu, f.a);
      break;
    case 'tpr':
      call(m, cpu, movToCr8Instruction).value = f.a;
      break;
    case 'read-tpr':
      call(m, cpu, movFromCr8Instruction);
      break;
    case 'write':
      writeRegister(m, cpu, f.a, f.b);
      break;
    case 'read':
      readRegister(m, cpu, f.a);
      break;
    case 'eoi':
      apicEoi(m, cpu);
      break;
    case 'hv-eoi':
      call(m, cpu, wrmsr).msr = hypervEoiMsr;
      break;
    case 'disarm':
      call(m, cpu, wrmsr).msr = tscDeadline;
      break;
    case 'cli':
      cli(m, cpu);
      break;
    case 'sti':
      sti(m, cpu);
      break;
    case 'hlt':
      return 'halt';
    case 'sti-hlt':
      sti(m, cpu);
      return 'halt';
    case 'cpuid':
      call(m, cpu, cpuid);
      break;
    case 'vmcall':
      call(m, cpu, vmcall).number = 0xffff_ffff;
      break;
    case 'pv-send': {
      const send = call(m, cpu, vmcall);
      send.number = Hypercall.sendIpi;
      send.a0 = f.b >>> 0;
      send.a4 = Math.floor(f.b / 2 ** 32);
      send.a5 = f.a;
      break;
    }
    case 'hv-send':
      // Vector, format (1: all), valid banks, and the one bank that there is.
      (m.paravirt[cpu.vcpu] as ParavirtMemory).input = [f.a & 0xff, 0, f.a >>> 8, 0, f.a > 0xff ? 0 : 1, 0, f.b, 0];
      call(m, cpu, vmcall).a0 = HvCall.sendIpiEx | (f.a > 0xff ? 0 : 1 << 17);
      break;
    case 'quiet': {
      const pin = (m as GuestMachine & Partial<KvmMachine>).vms?.[0]?.ioapic[f.a];
      if (pin !== undefined) Object.assign(pin, { low: pin.low | 0x1_0000, line: 0 });
      break;
    }
    case 'timer':
      call(m, cpu, rdtsc);
      return 'deadline';
    case 'work':
      return 'compute';
  }
  return 'retire';
}

/** Carries out one operation. */
export const guestOperation = program('guest_operation', (): Operands => ({ kind: 0, a: 0, b: 0, index: -1 }), [
  stage('begin', 'guestLoads', shared, begin, { to: ['retire', 'halt', 'deadline', 'compute'] }),
  glue(
    'halt',
    (m, cpu) => {
      call(m, cpu, hlt);
      return 'retire';
    },
    { to: ['retire'] },
  ),
  glue(
    'deadline',
    (m, cpu, f, now) => {
      const write = call(m, cpu, wrmsr);
      const deadline = now + f.a;
      write.msr = tscDeadline;
      write.low = deadline >>> 0;
      write.high = Math.floor(deadline / 2 ** 32);
      return 'retire';
    },
    { to: ['retire'] },
  ),
  stage('compute', 'guestLoop', shared, () => {}, { work: (_m, _cpu, f) => f.a }),
  stage('retire', 'guestLoop', shared, (m, cpu, f, returned) => {
    const kind = operationKinds[f.kind];
    if (kind === 'read' || kind === 'read-tpr' || kind === 'pv-send' || kind === 'hv-send') {
      observe(m, ProgramRecord.read, cpu.vcpu, returned);
    }
    observe(m, ProgramRecord.end, cpu.vcpu, f.index);
  }),
]);

function programLocals(): Record<string, number> {
  const locals: Record<string, number> = { next: 0, count: 0 };
  for (let i = 0; i < maxOperations; i++) Object.assign(locals, { [`kind${i}`]: 0, [`a${i}`]: 0, [`b${i}`]: 0 });
  return locals;
}

function callNext(m: GuestMachine, cpu: LogicalProcessor, f: Record<string, number>): void {
  const index = f['next'] as number;
  const operation = call(m, cpu, guestOperation);
  operation.kind = f[`kind${index}`] as number;
  operation.a = f[`a${index}`] as number;
  operation.b = f[`b${index}`] as number;
  operation.index = index;
  f['next'] = index + 1;
}

/**
 * A program of {@link GuestOperation}s, one after the other. At its end it lets in what it held back (TPR 0, interrupts enabled) and halts
 * for ever: whatever is pending then must come.
 */
export const guestProgram = program('guest_program', programLocals, [
  stage(
    'next',
    'guestLoop',
    shared,
    (m, cpu, f) => {
      if ((f['next'] as number) < (f['count'] as number)) return undefined;
      observe(m, ProgramRecord.through, cpu.vcpu, f['count'] as number);
      return 'lower-tpr';
    },
    { to: ['lower-tpr'] },
  ),
  glue(
    'operation',
    (m, cpu, f) => {
      callNext(m, cpu, f);
      return 'next';
    },
    { to: ['next'] },
  ),
  glue('lower-tpr', (m, cpu) => {
    call(m, cpu, movToCr8Instruction).value = 0;
  }),
  stage('enable-interrupts', 'guestFlag', shared, (m, cpu) => {
    observe(m, ProgramRecord.flag, cpu.vcpu, 1);
    sti(m, cpu);
  }),
  glue('hlt', (m, cpu) => {
    call(m, cpu, hlt);
  }),
  stage('again', 'guestLoop', shared, () => 'hlt', { to: ['hlt'] }),
]);

/** Fills in a program. */
export function setProgram(locals: Record<string, number>, operations: readonly GuestOperation[]): void {
  operations.forEach((operation, i) => {
    const [kind, a, b] = encodeOperation(operation);
    Object.assign(locals, { [`kind${i}`]: kind, [`a${i}`]: a, [`b${i}`]: b });
  });
  locals['next'] = 0;
  locals['count'] = operations.length;
}

/** Waits for operations from outside, and carries out each. What a step-by-step guest runs: as its program and as its handlers. */
const commandStages = [
  until(
    'command',
    'guestLoop',
    (_m, _cpu, f: Record<string, number>) => (f['next'] as number) < (f['count'] as number),
    {
      channel: () => -1,
    },
  ),
  stage(
    'fetch',
    'guestLoop',
    shared,
    (m, cpu, f: Record<string, number>) => {
      if (operationKinds[f['kind0'] as number] === 'iret') {
        f['next'] = 1;
        return 'iret';
      }
      callNext(m, cpu, f);
      return 'command';
    },
    { to: ['iret', 'command'] },
  ),
] as const;

/** The program of a guest that is told what to do step by step. */
export const guestCommands = program('guest_commands', programLocals, [
  ...commandStages,
  stage('iret', 'guestLoop', shared, () => 'command', { to: ['command'] }),
]);

/** Its handlers. */
export const commandHandler = program('guest_command_handler', programLocals, [
  ...commandStages,
  stage('iret', 'iret', shared, (m, cpu) => {
    observe(m, ProgramRecord.flag, cpu.vcpu, 1);
    iret(m, cpu);
    return done;
  }),
]);

function writeEoi(m: GuestMachine, cpu: LogicalProcessor): undefined {
  observe(m, ProgramRecord.eoiBegins, cpu.vcpu, 0);
  apicEoi(m, cpu);
}

const save = stage('save-registers', 'guestHandlerEntry', shared, () => {});
const eoi = stage('eoi', 'guestFlag', shared, (m, cpu) => writeEoi(m, cpu));
const eoiDone = stage('eoi-written', 'guestFlag', shared, (m, cpu) => {
  observe(m, ProgramRecord.eoiEnds, cpu.vcpu, 0);
});
const enable = stage('sti', 'guestFlag', shared, (m, cpu) => {
  observe(m, ProgramRecord.flag, cpu.vcpu, 1);
  sti(m, cpu);
});
const compute = stage('work', 'guestLoop', shared, () => {}, { work: () => 500 });
const disable = stage('cli', 'guestFlag', shared, (m, cpu) => {
  observe(m, ProgramRecord.flag, cpu.vcpu, 0);
  cli(m, cpu);
});
const leave = stage('iretq', 'iret', shared, (m, cpu) => {
  observe(m, ProgramRecord.flag, cpu.vcpu, 1);
  iret(m, cpu);
});

/** A handler that ends its interrupt, then returns. */
const plainHandler = program('guest_handler', () => ({}), [save, eoi, eoiDone, leave]);

/** A handler that lets higher classes in while it works. */
const nestingHandler = program('guest_nesting_handler', () => ({}), [
  save,
  enable,
  compute,
  disable,
  eoi,
  eoiDone,
  leave,
]);

/** A handler that ends its interrupt first and then lets anything in, the same vector included. */
const earlyEoiHandler = program('guest_early_eoi_handler', () => ({}), [save, eoi, eoiDone, enable, compute, leave]);

/** How handlers behave: `plain` EOI then IRET; `nesting` enables interrupts before its EOI; `early-eoi` after it. */
export type HandlerStyle = 'plain' | 'nesting' | 'early-eoi';

/** The handlers by style. */
export const handlers: Readonly<Record<HandlerStyle, { readonly entry: number }>> = {
  plain: plainHandler,
  nesting: nestingHandler,
  'early-eoi': earlyEoiHandler,
};

/** An NMI's handler. */
export const nmiHandler = program('guest_program_nmi', () => ({}), [
  save,
  stage('iretq', 'iret', shared, (m, cpu) => {
    observe(m, ProgramRecord.nmiEnds, cpu.vcpu, 0);
    iretFromNmi(m, cpu);
  }),
]);

/** A handler of general-protection faults: the instruction is left out. */
export const faultHandler = program('guest_program_fault', () => ({}), [
  stage('fixup', 'guestFlag', shared, () => AfterFault.skip),
]);
