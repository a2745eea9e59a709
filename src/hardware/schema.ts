import type { ApicRegisters } from '../arch/apic-registers.js';
import type { MsrBitmap } from '../arch/msr-bitmap.js';
import type { ApicVmcs } from '../arch/virtual-processor.js';
import type { Schema } from '../engine/schema.js';
import { stageAt } from '../engine/schema-frames.js';
import { cycles, flag, id, integer, list, pair, record, register } from '../engine/schema-values.js';
import type { LogicalProcessor } from './machine.js';

/*
 * What the state of this room looks like, declared once: encoding, saving, comparison and validation follow from it. The types
 * of the fields are those of machine.ts; a field that is missing here, or too much, does not compile there where all rooms meet.
 */

const safe = integer(0, Number.MAX_SAFE_INTEGER);
const count = integer(0, 2 ** 31 - 1);
const vector = integer(0, 255);
/** A physical address. */
const address = integer(0, 2 ** 52 - 1);
const u64 = pair(register);

/** 256 bits. */
const bits256 = list(register, 8);

/** An interrupt table: vector, handler, vector, handler, …; the handlers by name. */
const interruptTable: Schema<number[]> = alternating(count, stageAt);

/** A list of pairs, each element of a pair with a schema of its own. */
function alternating(first: Schema<number>, second: Schema<number>): Schema<number[]> {
  const pairs = list(record({ vector: first, handler: second }));
  const split = (flat: number[]) =>
    Array.from({ length: flat.length / 2 }, (_, i) => ({
      vector: flat[2 * i] as number,
      handler: flat[2 * i + 1] as number,
    }));
  const join = (rows: { vector: number; handler: number }[]) =>
    rows.flatMap(({ vector, handler }) => [vector, handler]);
  const plain = list(integer(-1, 2 ** 31 - 1));
  return {
    ...plain,
    save: (value) => pairs.save(split(value)),
    load: (json, path, later) => join(pairs.load(json, path, later)),
    compare: (presented, value, path, differences) => pairs.compare(presented, split(value), path, differences),
  };
}

const physicalApic = record({ id: id('processors'), irr: bits256, isr: bits256 });

/** What a logical processor has beside what the engine knows. */
export const processorFields = {
  apic: physicalApic,
  nonRoot: flag,
  vcpu: id('vcpus', -1),
  hostThread: id('threads'),
  halted: count,
  spinning: flag,
  flushL1d: integer(-1, 1),
  nmi: flag,
  expiredTimers: list(id('timers')),
} satisfies Partial<{ [Name in keyof LogicalProcessor]: Schema<LogicalProcessor[Name]> }>;

/** The fields of a VMCS. */
export const vmcs: Schema<ApicVmcs> = record({
  pinBasedControls: register,
  primaryControls: register,
  secondaryControls: register,
  tertiaryControls: u64,
  exitControls: register,
  tprThreshold: register,
  guestInterruptStatus: integer(0, 0xffff),
  eoiExitBitmap0: u64,
  eoiExitBitmap1: u64,
  eoiExitBitmap2: u64,
  eoiExitBitmap3: u64,
  postedInterruptNotificationVector: integer(0, 0xffff),
  postedInterruptDescriptorAddress: u64,
  pidPointerTableAddress: u64,
  lastPidPointerIndex: integer(0, 0xffff),
});

/** An MSR bitmap, its part for the x2APIC. */
export const msrBitmap: Schema<MsrBitmap> = record({ read: bits256, write: bits256 });

const page: Schema<ApicRegisters> = record({
  id: register,
  version: register,
  tpr: register,
  ppr: register,
  eoi: register,
  ldr: register,
  dfr: register,
  svr: register,
  isr: bits256,
  tmr: bits256,
  irr: bits256,
  esr: register,
  lvtCmci: register,
  icrLow: register,
  icr64High: register,
  icrHigh: register,
  lvtTimer: register,
  lvtThermal: register,
  lvtPerformance: register,
  lvtLint0: register,
  lvtLint1: register,
  lvtError: register,
  initialCount: register,
  currentCount: register,
  divideConfiguration: register,
  other: list(register),
});

/** What a virtual CPU is to the processor. */
export const vcpuFields = {
  vmcs,
  page,
  recognized: flag,
  interruptFlag: flag,
  interruptibility: integer(0, 0x1f),
  activity: integer(0, 3),
  id: id('vcpus'),
  vm: id('vms'),
  thread: id('threads'),
  pid: id('vcpus', -1),
  msrBitmap,
  exit: record({
    reason: count,
    qualification: register,
    interruptionInformation: register,
    msr: register,
    low: register,
    high: register,
    operands: list(register),
    access: count,
    offset: count,
  }),
  descriptorLine: count,
  channel: integer(-1, 2 ** 31 - 1),
  guestInterrupts: interruptTable,
  entryInterruption: register,
  pauseLoop: flag,
  pauseTimer: id('timers', -1),
  pleWindow: safe,
  preemptionTimer: id('timers', -1),
  preemptionTimerValue: register,
  svm: flag,
  avic: flag,
  x2avic: flag,
  avicIndex: count,
  vTpr: integer(0, 15),
} as const;

/** What the machine has for the processors. */
export const hardwareFields = {
  memory: record({
    descriptorBase: address,
    descriptors: list(record({ pir: bits256, on: flag, sn: flag, nv: vector, ndst: register })),
    pidPointerTables: list(record({ address, entries: list(address) })),
  }),
  hostInterrupts: interruptTable,
  interruptExit: stageAt,
  idleStates: list(record({ exitLatency: cycles, targetResidency: cycles })),
  threadsPerCore: count,
  timerUses: list(
    record({
      kind: count,
      processor: id('processors', -1),
      vector: integer(0, 255),
      owner: integer(-1, 2 ** 31 - 1),
      count,
      period: cycles,
      handler: stageAt,
    }),
  ),
  avicTables: list(
    record({
      physical: list(record({ valid: flag, isRunning: flag, hostApicId: count, backingPage: id('vcpus') })),
      logical: list(record({ valid: flag, guestId: count })),
    }),
  ),
  apicPageMapping: list(count),
} as const;
