import { type Bits256, emptyBits256 } from './bits256.js';

/**
 * The registers of a local APIC by name: used for a physical APIC, for an emulated one, and for the virtual-APIC page, whose
 * layout is the same. SDM vol. 3A, table "Local APIC Register Address Map". All values are unsigned 32-bit numbers.
 */
export interface ApicRegisters {
  /** Offset 020H. xAPIC: ID in bits 31:24; x2APIC: all 32 bits. */
  id: number;
  /** Offset 030H. */
  version: number;
  /** Offset 080H, task priority. */
  tpr: number;
  /** Offset 0A0H, processor priority. */
  ppr: number;
  /** Offset 0B0H. */
  eoi: number;
  /** Offset 0D0H, logical destination. */
  ldr: number;
  /** Offset 0E0H, destination format. */
  dfr: number;
  /** Offset 0F0H, spurious-interrupt vector. */
  svr: number;
  /** Offsets 100H-170H, in service. */
  isr: Bits256;
  /** Offsets 180H-1F0H, trigger mode. */
  tmr: Bits256;
  /** Offsets 200H-270H, interrupt requests. */
  irr: Bits256;
  /** Offset 280H, error status. */
  esr: number;
  /** Offset 2F0H. */
  lvtCmci: number;
  /** Offset 300H, interrupt command, bits 31:0. */
  icrLow: number;
  /** Offset 304H: bits 63:32 of the ICR in x2APIC form, where it is one 64-bit value at 300H. */
  icr64High: number;
  /** Offset 310H: interrupt command, bits 63:32, in xAPIC form. */
  icrHigh: number;
  /** Offset 320H. */
  lvtTimer: number;
  /** Offset 330H. */
  lvtThermal: number;
  /** Offset 340H. */
  lvtPerformance: number;
  /** Offset 350H. */
  lvtLint0: number;
  /** Offset 360H. */
  lvtLint1: number;
  /** Offset 370H. */
  lvtError: number;
  /** Offset 380H, initial count. */
  initialCount: number;
  /** Offset 390H, current count as last stored in the page. */
  currentCount: number;
  /** Offset 3E0H, divide configuration. */
  divideConfiguration: number;
  /**
   * Every other 32-bit word of the page that is not 0, as offset, value, offset, value, …, ascending by offset. Empty unless
   * software uses the page for more than registers.
   */
  other: number[];
}

/** Registers as after reset, software-disabled. SDM vol. 3A, "Local APIC State After Power-Up or Reset". */
export function resetRegisters(): ApicRegisters {
  return {
    id: 0,
    version: 0,
    tpr: 0,
    ppr: 0,
    eoi: 0,
    ldr: 0,
    dfr: 0xffff_ffff,
    svr: 0xff,
    isr: emptyBits256(),
    tmr: emptyBits256(),
    irr: emptyBits256(),
    esr: 0,
    lvtCmci: 0x1_0000,
    icrLow: 0,
    icr64High: 0,
    icrHigh: 0,
    lvtTimer: 0x1_0000,
    lvtThermal: 0x1_0000,
    lvtPerformance: 0x1_0000,
    lvtLint0: 0x1_0000,
    lvtLint1: 0x1_0000,
    lvtError: 0x1_0000,
    initialCount: 0,
    currentCount: 0,
    divideConfiguration: 0,
    other: [],
  };
}
