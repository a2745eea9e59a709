import { ApicMode } from './apic-mode.js';
import { broadcastDestination } from './destination.js';
import { icrDestinationMode, icrShorthand, Shorthand } from './icr.js';

/** An entry of the physical APIC ID table. AMD64 Architecture Programmer's Manual (APM) vol. 2, 15.29.4, "AVIC Physical APIC ID Table". */
export interface AvicPhysicalEntry {
  /** Bit 63: there is such a virtual APIC. */
  valid: number;
  /** Bit 62: its virtual CPU is loaded on a processor, to which a doorbell can go. */
  isRunning: number;
  /** Bits 11:0: physical APIC ID of that processor. */
  hostApicId: number;
  /** Bits 51:12, as the number of the virtual CPU whose backing page it is. */
  backingPage: number;
}

/** An entry of the logical APIC ID table, for xAPIC's flat and cluster models. APM vol. 2, "AVIC Logical APIC ID Table". */
export interface AvicLogicalEntry {
  /** Bit 31. */
  valid: number;
  /** Bits 7:0: the guest's physical APIC ID, an index into the physical table. */
  guestId: number;
}

/** The tables that all virtual processors of a guest share. */
export interface AvicTables {
  physical: AvicPhysicalEntry[];
  logical: AvicLogicalEntry[];
}

/** The highest index of the physical table: one below xAPIC's broadcast, or 9 bits with x2AVIC. */
export const avicMaxIndex = { avic: 0xfe, x2avic: 0x1ff } as const;

/** Where an ICR value sends to: indices into the physical table, or the table entry that is not valid. */
export interface AvicDestinations {
  readonly targets: readonly number[];
  /** Index of the first invalid entry that is addressed, -1 for none. */
  readonly invalid: number;
}

function valid(tables: AvicTables, index: number): boolean {
  return tables.physical[index]?.valid === 1;
}

/** All that are valid, in order of their IDs; an invalid entry is no error here, because nothing addressed it. */
function everyone(tables: AvicTables, but = -1): AvicDestinations {
  const targets: number[] = [];
  tables.physical.forEach((entry, index) => {
    if (entry.valid === 1 && index !== but) targets.push(index);
  });
  return { targets, invalid: -1 };
}

function addressed(tables: AvicTables, indices: readonly number[]): AvicDestinations {
  const invalid = indices.find((index) => !valid(tables, index));
  return { targets: indices, invalid: invalid ?? -1 };
}

/** Logical x2APIC IDs are derived from the IDs, so that the physical table serves: cluster × 16 + number of the bit. */
function x2apicLogical(tables: AvicTables, destination: number): AvicDestinations {
  const indices: number[] = [];
  for (let bit = 0; bit < 16; bit++) {
    if (((destination >>> bit) & 1) === 1) indices.push((destination >>> 16) * 16 + bit);
  }
  return addressed(tables, indices);
}

/** xAPIC's logical destinations go through the logical table: 8 entries in the flat model, 4 for each cluster. */
function xapicLogical(tables: AvicTables, destination: number, flat: boolean): AvicDestinations {
  const cluster = destination >>> 4;
  if (!flat && cluster === 0xf) return everyone(tables);
  const first = flat ? 0 : cluster * 4;
  const bits = flat ? 8 : 4;
  const indices: number[] = [];
  for (let bit = 0; bit < bits; bit++) {
    if (((destination >>> bit) & 1) === 0) continue;
    const entry = tables.logical[first + bit];
    if (entry === undefined || entry.valid === 0) return { targets: [], invalid: first + bit };
    indices.push(entry.guestId);
  }
  return addressed(tables, indices);
}

/** What an ICR value is looked up with. */
export interface AvicSource {
  readonly mode: ApicMode;
  /** The sender's index in the physical table. */
  readonly index: number;
  /** Its DFR, which says how it means logical destinations in xAPIC mode. */
  readonly dfr: number;
}

/**
 * The virtual APICs that an ICR value addresses. APM vol. 2, 15.29.6, "IPI Virtualization".
 *
 * @param low - bits 31:0 of the ICR
 * @param destination - 32 bits in x2APIC mode, 8 in xAPIC mode
 */
export function avicDestinations(
  tables: AvicTables,
  source: AvicSource,
  low: number,
  destination: number,
): AvicDestinations {
  const shorthand = icrShorthand(low);
  if (shorthand === Shorthand.self) return addressed(tables, [source.index]);
  if (shorthand !== Shorthand.none)
    return everyone(tables, shorthand === Shorthand.allExcludingSelf ? source.index : -1);
  const x2apic = source.mode === ApicMode.x2apic;
  if (destination === broadcastDestination(source.mode)) return everyone(tables);
  if (icrDestinationMode(low) === 0) return addressed(tables, [destination]);
  return x2apic ? x2apicLogical(tables, destination) : xapicLogical(tables, destination, source.dfr >>> 28 === 0xf);
}
