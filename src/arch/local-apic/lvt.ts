import type { ApicRegisters } from '../apic-registers.js';

/** The LVT registers by their field in {@link ApicRegisters}. */
export type LvtRegister =
  | 'lvtCmci'
  | 'lvtTimer'
  | 'lvtThermal'
  | 'lvtPerformance'
  | 'lvtLint0'
  | 'lvtLint1'
  | 'lvtError';

/** All of {@link LvtRegister}. */
export const lvtRegisters: readonly LvtRegister[] = [
  'lvtCmci',
  'lvtTimer',
  'lvtThermal',
  'lvtPerformance',
  'lvtLint0',
  'lvtLint1',
  'lvtError',
];

/** The mask bit of an LVT entry. */
export const lvtMasked = 0x1_0000;
/** Remote IRR of a pin's LVT entry: a level-triggered interrupt was accepted and has not ended. */
export const lvtRemoteIrr = 0x4000;

/** Timer modes, bits 18:17 of the timer's LVT entry. SDM vol. 3A, "APIC Timer". */
export const TimerMode = {
  oneShot: 0,
  periodic: 1,
  tscDeadline: 2,
} as const;

/** An LVT entry by its fields; an entry has only some of them, the others are 0. SDM vol. 3A, figure "Local Vector Table (LVT)". */
export interface LvtEntry {
  /** Bits 7:0. */
  vector: number;
  /** Bits 10:8; not of timer and error. */
  deliveryMode: number;
  /** Bit 12, read-only. */
  deliveryStatus: number;
  /** Bit 13, 1 active low; LINT0 and LINT1. */
  polarity: number;
  /** Bit 14, read-only; LINT0 and LINT1. */
  remoteIrr: number;
  /** Bit 15, 1 level; LINT0 and LINT1. */
  triggerMode: number;
  /** Bit 16. */
  masked: number;
  /** Bits 18:17, {@link TimerMode}; timer. */
  timerMode: number;
}

/** The fields of an LVT register. */
export function decodeLvt(value: number): LvtEntry {
  return {
    vector: value & 0xff,
    deliveryMode: (value >>> 8) & 7,
    deliveryStatus: (value >>> 12) & 1,
    polarity: (value >>> 13) & 1,
    remoteIrr: (value >>> 14) & 1,
    triggerMode: (value >>> 15) & 1,
    masked: (value >>> 16) & 1,
    timerMode: (value >>> 17) & 3,
  };
}

/** The LVT register with these fields, each cut to its width: the inverse of {@link decodeLvt}. */
export function encodeLvt(entry: LvtEntry): number {
  return (
    ((entry.vector & 0xff) |
      ((entry.deliveryMode & 7) << 8) |
      ((entry.deliveryStatus & 1) << 12) |
      ((entry.polarity & 1) << 13) |
      ((entry.remoteIrr & 1) << 14) |
      ((entry.triggerMode & 1) << 15) |
      ((entry.masked & 1) << 16) |
      ((entry.timerMode & 3) << 17)) >>>
    0
  );
}

/** The timer's mode. */
export function timerMode(registers: ApicRegisters): number {
  return (registers.lvtTimer >>> 17) & 3;
}

/** Masks every LVT entry: what a software disable (SVR bit 8 = 0) does. SDM vol. 3A, "Local APIC State After It Has Been Software Disabled". */
export function maskAllLvt(registers: ApicRegisters): void {
  for (const name of lvtRegisters) registers[name] = (registers[name] | lvtMasked) >>> 0;
}
