import type { Capabilities } from '../capabilities.js';
import type { VmcsFieldId } from '../vmcs-fields.js';
import type { MsrAreaEntry } from './msr-areas.js';

/** What VM entry depends on beside the VMCS. */
export interface VmEntryContext {
  readonly capabilities: Capabilities;
  /** VTPR, offset 080H of the virtual-APIC page, as it is at VM entry. */
  readonly virtualTpr: number;
  /** True if the processor is in system-management mode. Default: false. */
  readonly inSmm?: boolean;
  /** True if the processor supports SGX. Default: false. */
  readonly sgx?: boolean;
  /** The VM-entry MSR-load area, as far as its count reaches. Default: empty. */
  readonly msrLoad?: readonly MsrAreaEntry[];
}

/**
 * What a check is about, in the order in which failures take precedence: VMfailValid 7 for controls, VMfailValid 8 for host
 * state, VM-entry failure 33 for guest state, 34 for MSR loading.
 */
export type VmEntryArea = 'control' | 'host' | 'guest' | 'msr-load';

/** One requirement of VM entry that a VMCS does not meet. */
export interface VmEntryFailure {
  /** The rule's name, as in the table of rules: `E1` to `E11`, or words. */
  readonly rule: string;
  /** The section of SDM vol. 3C that states it (numbering of 2026, where chapter 29 is VM entries). */
  readonly section: string;
  readonly area: VmEntryArea;
  /** The VMCS fields at fault. */
  readonly fields: readonly VmcsFieldId[];
  /** What is wrong, for people. */
  readonly message: string;
  /** For MSR loading: the number of the entry, counted from 1. */
  readonly entry?: number;
}

/** Takes the failures that a group of checks finds. */
export type Report = (rule: string, fields: readonly VmcsFieldId[], message: string) => void;

/** A {@link Report} that adds to `failures` for one area and section. */
export function reporter(failures: VmEntryFailure[], area: VmEntryArea, section: string): Report {
  return (rule, fields, message) => {
    failures.push({ rule, section, area, fields, message });
  };
}
