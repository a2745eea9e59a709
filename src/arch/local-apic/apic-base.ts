import { ApicMode } from '../apic-mode.js';
import { x2apicLdr } from '../destination.js';
import { completed, generalProtection, type Outcome } from '../outcome.js';
import { addressOf, toU64 } from '../physical-memory.js';
import type { U64 } from '../virtual-processor.js';
import { type LocalApic, resetState } from './local-apic.js';

/** IA32_APIC_BASE (MSR 1BH). */
export const apicBaseMsr = 0x1b;

/** Bits of the low half of IA32_APIC_BASE. SDM vol. 3A, "Relocating the Local APIC Registers" and "x2APIC Mode". */
export const ApicBase = {
  /** Bit 8, set on the bootstrap processor. */
  bsp: 0x100,
  /** Bit 10, x2APIC mode. */
  extd: 0x400,
  /** Bit 11, APIC global enable. */
  en: 0x800,
} as const;

/** What the processor supports, as far as IA32_APIC_BASE depends on it. */
export interface ApicBaseSupport {
  /** CPUID.1:ECX[21]. */
  readonly x2apic: boolean;
  /** MAXPHYADDR, 32-52. */
  readonly physicalAddressWidth: number;
}

/** The value of IA32_APIC_BASE. */
export function readApicBase(apic: LocalApic): U64 {
  const [low, high] = toU64(apic.base);
  const enable =
    apic.mode === ApicMode.disabled ? 0 : apic.mode === ApicMode.xapic ? ApicBase.en : ApicBase.en | ApicBase.extd;
  return [(low | enable | (apic.bsp !== 0 ? ApicBase.bsp : 0)) >>> 0, high];
}

/** The mode that a value of IA32_APIC_BASE asks for, or undefined for the invalid EN = 0, EXTD = 1. */
export function modeOfApicBase(low: number): ApicMode | undefined {
  if ((low & ApicBase.en) !== 0) return (low & ApicBase.extd) !== 0 ? ApicMode.x2apic : ApicMode.xapic;
  return (low & ApicBase.extd) !== 0 ? undefined : ApicMode.disabled;
}

/**
 * Whether software may go from one mode to the other: not from x2APIC to xAPIC, nor from disabled straight to x2APIC.
 * SDM vol. 3A, "x2APIC State Transitions".
 */
export function isModeTransitionAllowed(from: ApicMode, to: ApicMode): boolean {
  if (from === ApicMode.x2apic) return to !== ApicMode.xapic;
  return !(from === ApicMode.disabled && to === ApicMode.x2apic);
}

/**
 * WRMSR to IA32_APIC_BASE.
 *
 * @returns `completed`, or #GP(0) for reserved bits, the invalid pair EN = 0 and EXTD = 1, and transitions that do not exist.
 */
export function writeApicBase(apic: LocalApic, low: number, high: number, support: ApicBaseSupport): Outcome {
  const { x2apic, physicalAddressWidth } = support;
  const reserved = 0x2ff | (x2apic ? 0 : ApicBase.extd);
  const to = modeOfApicBase(low);
  if ((low & reserved) !== 0 || addressOf([low, high]) >= 2 ** physicalAddressWidth || to === undefined) {
    return generalProtection;
  }
  if (!isModeTransitionAllowed(apic.mode, to)) return generalProtection;
  const from = apic.mode;
  apic.base = addressOf([(low & 0xffff_f000) >>> 0, high]);
  apic.mode = to;
  if (from === to) return completed;
  if (to === ApicMode.x2apic) enterX2apicMode(apic);
  else resetState(apic);
  return completed;
}

/** From xAPIC to x2APIC mode registers keep their values, but for the two IDs and the upper half of the ICR. */
function enterX2apicMode(apic: LocalApic): void {
  const { registers, initialId } = apic;
  registers.id = initialId;
  registers.ldr = x2apicLdr(initialId);
  registers.icrHigh = 0;
  registers.icr64High = 0;
}
