import { ApicMode } from './apic-mode.js';
import type { ApicRegisters } from './apic-registers.js';
import { Shorthand } from './icr.js';

/** The parts of a local APIC that decide whether a message is meant for it. */
export interface Addressee {
  readonly mode: ApicMode;
  readonly registers: Pick<ApicRegisters, 'id' | 'ldr' | 'dfr'>;
}

/** The local APIC ID: 8 bits in xAPIC mode, 32 in x2APIC mode. */
export function apicId(apic: Addressee): number {
  return apic.mode === ApicMode.x2apic ? apic.registers.id : apic.registers.id >>> 24;
}

/** The logical x2APIC ID that hardware derives from an x2APIC ID: cluster in bits 31:16, one bit of 15:0. SDM vol. 3A, "Deriving Logical x2APIC ID from the Local x2APIC ID". */
export function x2apicLdr(id: number): number {
  return (((id >>> 4) << 16) | (1 << (id & 0xf))) >>> 0;
}

/** The destination that means all: FFH in xAPIC mode, FFFFFFFFH in x2APIC mode. */
export function broadcastDestination(mode: ApicMode): number {
  return mode === ApicMode.x2apic ? 0xffff_ffff : 0xff;
}

/** Physical destination mode: the ID is equal, or the destination is the broadcast of the mode. */
export function matchesPhysical(apic: Addressee, destination: number): boolean {
  return destination === broadcastDestination(apic.mode) || destination === apicId(apic);
}

/** x2APIC logical mode: same cluster and a common bit, or FFFFFFFFH. SDM vol. 3A, "Logical Destination Mode in x2APIC Mode". */
export function matchesX2apicCluster(ldr: number, destination: number): boolean {
  if (destination === 0xffff_ffff) return true;
  return destination >>> 16 === ldr >>> 16 && (destination & ldr & 0xffff) !== 0;
}

/** xAPIC flat model: a common bit. `ldr` is the register, with the ID in bits 31:24. */
export function matchesFlat(ldr: number, destination: number): boolean {
  return (destination & (ldr >>> 24)) !== 0;
}

/** xAPIC cluster model: same cluster (or cluster FH, all) and a common bit of 3:0. */
export function matchesCluster(ldr: number, destination: number): boolean {
  const cluster = (destination >>> 4) & 0xf;
  return (cluster === 0xf || cluster === ldr >>> 28) && (destination & (ldr >>> 24) & 0xf) !== 0;
}

/** Logical destination mode, by the model that the APIC's mode and DFR choose. A DFR of neither model (not 0 or FH in bits 31:28) matches nothing. */
export function matchesLogical(apic: Addressee, destination: number): boolean {
  const { ldr, dfr } = apic.registers;
  if (apic.mode === ApicMode.x2apic) return matchesX2apicCluster(ldr, destination);
  const model = dfr >>> 28;
  if (model === 0xf) return matchesFlat(ldr, destination);
  return model === 0 && matchesCluster(ldr, destination);
}

/**
 * True if an interrupt message is meant for `apic`. SDM vol. 3A, "Determining IPI Destination".
 *
 * @param destination - 8 bits in xAPIC mode, 32 in x2APIC mode.
 * @param destinationMode - 0 physical, 1 logical.
 */
export function matchesDestination(apic: Addressee, destination: number, destinationMode: number): boolean {
  if (apic.mode === ApicMode.disabled) return false;
  return destinationMode === 0 ? matchesPhysical(apic, destination) : matchesLogical(apic, destination);
}

/**
 * True if an IPI with this shorthand is meant for a processor; with `Shorthand.none` the destination decides.
 *
 * @param isSender - whether the processor is the one that sends.
 */
export function matchesShorthand(shorthand: number, isSender: boolean): boolean {
  if (shorthand === Shorthand.self) return isSender;
  if (shorthand === Shorthand.allExcludingSelf) return !isSender;
  return shorthand === Shorthand.allIncludingSelf;
}
