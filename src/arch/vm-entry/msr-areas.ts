import { mark } from '../mark.js';

/** One entry (16 bytes) of an MSR-load or MSR-store area. SDM vol. 3C, table "Format of an MSR Entry". */
export interface MsrAreaEntry {
  /** Bits 31:0. */
  readonly index: number;
  /** Bits 63:32, which must be 0. */
  readonly reserved: number;
  /** Bits 127:64. */
  readonly data: bigint;
}

const smmMonitorCtl = 0x9b;
const smbase = 0x9e;
const fsBase = 0xc000_0100;
const gsBase = 0xc000_0101;

/** True if the entry names one of the MSRs 800H-8FFH, of the local APIC in x2APIC mode, which MSR areas must not. */
export function isX2apicMsr(entry: MsrAreaEntry): boolean {
  return entry.index >>> 8 === 8;
}

function isLoadable(entry: MsrAreaEntry, inSmm: boolean): boolean {
  if (isX2apicMsr(entry)) {
    mark('E11');
    return false;
  }
  const loadable =
    entry.reserved === 0 &&
    entry.index !== fsBase &&
    entry.index !== gsBase &&
    (entry.index !== smmMonitorCtl || inSmm);
  if (!loadable) mark('MSR load');
  return loadable;
}

/**
 * The entries of the VM-entry MSR-load area that fail: as by the SDM, and not what is specific to a processor or would make
 * WRMSR fault. SDM vol. 3C, 29.4, "Loading MSRs".
 *
 * @returns their numbers, counted from 1. VM entry fails with reason 34 and the first of them as qualification.
 */
export function failingEntryMsrLoads(area: readonly MsrAreaEntry[], inSmm = false): number[] {
  return area.flatMap((entry, i) => (isLoadable(entry, inSmm) ? [] : [i + 1]));
}

/** A VMX abort: the VM exit could not be completed and the processor shuts down. */
export interface VmxAbort {
  /** VMX-abort indicator: 1 saving guest MSRs failed, 4 loading host MSRs failed. */
  readonly indicator: 1 | 4;
  /** The number of the entry that failed, counted from 1. */
  readonly entry: number;
}

/**
 * Storing guest MSRs and loading host MSRs at VM exit. SDM vol. 3C, "Saving MSRs", "Loading MSRs" and "VMX Aborts" in the
 * chapter on VM exits.
 *
 * @param store - the VM-exit MSR-store area.
 * @param load - the VM-exit MSR-load area.
 * @returns the abort that the first bad entry leads to (storing comes first), or null.
 */
export function exitMsrAreas(store: readonly MsrAreaEntry[], load: readonly MsrAreaEntry[]): VmxAbort | null {
  const stored = store.findIndex((entry) => isX2apicMsr(entry) || entry.reserved !== 0 || entry.index === smbase);
  if (stored >= 0) {
    mark('abort 1');
    return { indicator: 1, entry: stored + 1 };
  }
  const loaded = load.findIndex((entry) => !isLoadable(entry, false));
  if (loaded < 0) return null;
  mark('abort 4');
  return { indicator: 4, entry: loaded + 1 };
}
