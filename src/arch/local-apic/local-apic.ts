import { ApicMode } from '../apic-mode.js';
import { type ApicRegisters, resetRegisters } from '../apic-registers.js';
import { x2apicLdr } from '../destination.js';
import type { U64 } from '../virtual-processor.js';

/** A local APIC: its registers and what it remembers beside them. */
export interface LocalApic {
  mode: ApicMode;
  /** The APIC ID that hardware assigned, 32 bits; xAPIC mode shows its low 8 bits. */
  initialId: number;
  /** 1 for the bootstrap processor. */
  bsp: number;
  /** Physical address of the register page in IA32_APIC_BASE, a multiple of 4096. */
  base: number;
  registers: ApicRegisters;
  /** Errors detected since the ESR was last written ({@link ApicError}). */
  errors: number;
  /** Time, in ticks of the timer's undivided input clock, at which the count was `timerCount`. */
  timerStart: number;
  /** The current count at `timerStart`; 0 if the timer does not count. */
  timerCount: number;
  /** IA32_TSC_DEADLINE; 0 while disarmed. */
  tscDeadline: U64;
}

/** Version register: version 14H, 7 LVT entries (maximum entry 6), suppression of EOI broadcasts supported. */
const version = 0x0106_0014;

/** The address of the register page after reset. */
export const defaultApicBase = 0xfee0_0000;

/** Whether the APIC is enabled by software, SVR bit 8. */
export function isSoftwareEnabled(apic: LocalApic): boolean {
  return (apic.registers.svr & 0x100) !== 0;
}

/** The registers as after power-up, with the ID, version and logical ID that the mode shows. */
function registersFor(mode: ApicMode, initialId: number): ApicRegisters {
  const registers = resetRegisters();
  registers.version = version;
  if (mode === ApicMode.x2apic) {
    registers.id = initialId;
    registers.ldr = x2apicLdr(initialId);
  } else {
    registers.id = (initialId << 24) >>> 0;
  }
  return registers;
}

/**
 * A local APIC in xAPIC mode, as after power-up or reset. SDM vol. 3A, "Local APIC State After Power-Up or Reset".
 *
 * @param initialId - the APIC ID, 32 bits.
 * @param bsp - 1 for the bootstrap processor.
 */
export function createLocalApic(initialId: number, bsp = 0): LocalApic {
  return {
    mode: ApicMode.xapic,
    initialId,
    bsp,
    base: defaultApicBase,
    registers: registersFor(ApicMode.xapic, initialId),
    errors: 0,
    timerStart: 0,
    timerCount: 0,
    tscDeadline: [0, 0],
  };
}

/** Sets everything but mode, IDs and base to the power-up state. */
export function resetState(apic: LocalApic): void {
  apic.registers = registersFor(apic.mode, apic.initialId);
  apic.errors = 0;
  apic.timerStart = 0;
  apic.timerCount = 0;
  apic.tscDeadline = [0, 0];
}

/** Reset (RESET pin): xAPIC mode from any mode, everything else as after power-up. */
export function resetLocalApic(apic: LocalApic): void {
  apic.mode = ApicMode.xapic;
  apic.base = defaultApicBase;
  resetState(apic);
}

/**
 * INIT: as reset, but the mode stays (a disabled APIC stays disabled, x2APIC mode stays) and with it the APIC ID. SDM vol. 3A,
 * "Local APIC State After an INIT Reset" and "x2APIC After INIT".
 */
export function initLocalApic(apic: LocalApic): void {
  const { id } = apic.registers;
  resetState(apic);
  apic.registers.id = id;
}
