import { ExitReason } from './exit-reason.js';
import { mark } from './mark.js';
import { checkMsrAreaAddress, checkMsrBitmapAddress } from './vm-entry/address-checks.js';
import { checkAllowedSettings } from './vm-entry/allowed-settings-checks.js';
import { checkApicControls } from './vm-entry/apic-checks.js';
import { checkEventInjection } from './vm-entry/event-injection-checks.js';
import { reporter, type VmEntryContext, type VmEntryFailure } from './vm-entry/failure.js';
import { checkGuestState } from './vm-entry/guest-state-checks.js';
import { checkHostState } from './vm-entry/host-state-checks.js';
import { failingEntryMsrLoads, isX2apicMsr, type MsrAreaEntry } from './vm-entry/msr-areas.js';
import { checkNmiControls, checkSmmControls } from './vm-entry/nmi-checks.js';
import type { Vmcs } from './vmcs.js';
import { type VmFailValid, VmInstructionError } from './vmread-vmwrite.js';

/**
 * The checks that VM entry makes on controls, host state, guest state and MSR loading, as far as they concern APIC
 * virtualization, interrupts and what goes with them. Hardware stops at the first; here all failures are reported.
 * SDM vol. 3C, chapter "VM Entries" (29).
 *
 * @param vmcs - the VMCS; nothing in it changes.
 * @param context - processor and memory.
 * @returns no failure: the VMCS passes.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { capabilitiesOf, checkVmEntry, createVmcs, Primary, Tertiary } from 'vmx-apic/arch';
 *
 * const vmcs = createVmcs();
 * vmcs.primaryControls = Primary.activateTertiaryControls;
 * vmcs.tertiaryControls = [Tertiary.ipiVirtualization, 0];
 * vmcs.pidPointerTableAddress = [0x1004, 0];
 * const failures = checkVmEntry(vmcs, { capabilities: capabilitiesOf(), virtualTpr: 0 });
 * const rules = failures.map(({ rule }) => rule);
 * assert.ok(rules.includes('E5')); // IPI virtualization needs the TPR shadow
 * assert.ok(rules.includes('E9')); // the table is not 8-byte aligned
 * ```
 */
export function checkVmEntry(vmcs: Vmcs, context: VmEntryContext): VmEntryFailure[] {
  const failures: VmEntryFailure[] = [];
  const { capabilities } = context;

  const execution = reporter(failures, 'control', '29.2.1.1');
  checkAllowedSettings(vmcs, capabilities, ['pinBased', 'primary', 'secondary', 'tertiary', 'vmFunction'], execution);
  checkMsrBitmapAddress(vmcs, context, execution);
  checkNmiControls(vmcs, execution);
  checkApicControls(vmcs, context, execution);

  const exit = reporter(failures, 'control', '29.2.1.2');
  checkAllowedSettings(vmcs, capabilities, ['exit', 'secondaryExit'], exit);
  checkMsrAreaAddress(vmcs, 'vmExitMsrStoreCount', 'vmExitMsrStoreAddress', context, exit);
  checkMsrAreaAddress(vmcs, 'vmExitMsrLoadCount', 'vmExitMsrLoadAddress', context, exit);

  const entry = reporter(failures, 'control', '29.2.1.3');
  checkAllowedSettings(vmcs, capabilities, ['entry'], entry);
  checkSmmControls(vmcs, context, entry);
  checkMsrAreaAddress(vmcs, 'vmEntryMsrLoadCount', 'vmEntryMsrLoadAddress', context, entry);
  checkEventInjection(vmcs, capabilities, entry);

  checkHostState(vmcs, reporter(failures, 'host', '29.2.3'));
  checkGuestState(vmcs, context, reporter(failures, 'guest', '29.3.1.4'), reporter(failures, 'guest', '29.3.1.5'));
  checkMsrLoad(context, failures);
  return failures;
}

function checkMsrLoad(context: VmEntryContext, failures: VmEntryFailure[]): void {
  const area = context.msrLoad ?? [];
  for (const entry of failingEntryMsrLoads(area, context.inSmm)) {
    const rule = isX2apicMsr(area[entry - 1] as MsrAreaEntry) ? 'E11' : 'MSR load';
    const message = `entry ${entry} of the VM-entry MSR-load area can't be loaded`;
    failures.push({ rule, section: '29.4', area: 'msr-load', fields: ['vmEntryMsrLoadAddress'], message, entry });
  }
}

/** VM entry succeeded. */
export interface VmEntered {
  readonly kind: 'entered';
}

/** VM entry failed after the state was loaded in part: a VM exit with bit 31 of the exit reason set. */
export interface VmEntryFailureExit {
  readonly kind: 'entry-failure';
  /** The basic exit reason: 33 invalid guest state, 34 MSR loading. */
  readonly reason: ExitReason;
  /** For reason 34: the number of the entry, counted from 1; else 0. */
  readonly qualification: number;
}

/** What VMLAUNCH or VMRESUME comes to. */
export type VmEntryOutcome = VmEntered | VmFailValid | VmEntryFailureExit;

/**
 * What failures lead to. Controls and host state fail the instruction (VMfailValid 7 and 8); guest state and MSR loading are
 * looked at later and fail with a VM exit. Between controls and host state the processor may choose; this one checks
 * controls first. SDM vol. 3C, 29.2, 29.3 and 29.8, "VM-Entry Failures During or After Loading Guest State".
 *
 * @param vmcs - takes the VM-instruction error, or exit reason and qualification.
 * @param failures - as from {@link checkVmEntry}.
 */
export function vmEntryOutcome(vmcs: Vmcs, failures: readonly VmEntryFailure[]): VmEntryOutcome {
  const has = (area: string) => failures.some((failure) => failure.area === area);
  if (has('control')) {
    mark('entry error 7');
    return failValid(vmcs, VmInstructionError.EntryInvalidControl);
  }
  if (has('host')) {
    mark('entry error 8');
    return failValid(vmcs, VmInstructionError.EntryInvalidHostState);
  }
  if (has('guest')) {
    mark('entry failure 33');
    return failureExit(vmcs, ExitReason.InvalidState, 0);
  }
  const load = failures[0];
  if (load !== undefined) {
    mark('entry failure 34');
    return failureExit(vmcs, ExitReason.MsrLoadFail, load.entry ?? 0);
  }
  return { kind: 'entered' };
}

function failValid(vmcs: Vmcs, error: 7 | 8): VmFailValid {
  vmcs.vmInstructionError = error;
  return { kind: 'vm-fail-valid', error };
}

function failureExit(vmcs: Vmcs, reason: ExitReason, qualification: number): VmEntryFailureExit {
  vmcs.exitReason = (0x8000_0000 | reason) >>> 0;
  vmcs.exitQualification = [qualification, 0];
  return { kind: 'entry-failure', reason, qualification };
}
