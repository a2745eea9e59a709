import { type Capabilities, removeControl } from './capabilities.js';
import { type ControlName, type ControlWordName, controlsIn, controlWordNames, controlWords } from './control-words.js';
import type { Vmcs } from './vmcs.js';
import type { VmcsFieldId } from './vmcs-fields.js';

/**
 * The controls that need fields which version 1 of Hyper-V's enlightened VMCS lacks, or that it has no bit for: a hypervisor
 * that uses an enlightened VMCS must not use them. All tertiary controls are among them, so there is no IPI virtualization.
 * Linux `arch/x86/kvm/vmx/hyperv_evmcs.h` (`EVMCS1_SUPPORTED_*`; there as the lists of what is left).
 */
export const controlsWithoutEnlightenedField: readonly ControlName[] = [
  'pinBased.activateVmxPreemptionTimer',
  'pinBased.processPostedInterrupts',
  'primary.activateTertiaryControls',
  'secondary.virtualizeApicAccesses',
  'secondary.apicRegisterVirtualization',
  'secondary.virtualInterruptDelivery',
  'secondary.pauseLoopExiting',
  'secondary.enableVmFunctions',
  'secondary.vmcsShadowing',
  'secondary.enablePml',
  'secondary.eptViolationVe',
  'secondary.pasidTranslation',
  'secondary.modeBasedExecuteControlForEpt',
  'secondary.subPageWritePermissionsForEpt',
  'secondary.enablePconfig',
  'secondary.enableEnclvExiting',
  'tertiary.loadiwkeyExiting',
  'tertiary.enableHlat',
  'tertiary.eptPagingWriteControl',
  'tertiary.guestPagingVerification',
  'tertiary.ipiVirtualization',
  'tertiary.seamGuestPhysicalAddressWidth',
  'tertiary.enableMsrListInstructions',
  'tertiary.virtualizeIa32SpecCtrl',
  'tertiary.apicTimerVirtualization',
  'tertiary.enablePbndkb',
  'tertiary.pebsUsesGuestPhysicalAddresses',
  'exit.saveVmxPreemptionTimerValue',
  'exit.clearIa32LbrCtl',
  'exit.clearUinv',
  'exit.loadCetState',
  'exit.loadPkrs',
  'exit.saveIa32PerfGlobalCtl',
  'exit.activateSecondaryControls',
  'secondaryExit.saveFred',
  'secondaryExit.loadFred',
  'secondaryExit.loadIa32SpecCtrl',
  'secondaryExit.prematurelyBusyShadowStack',
  'entry.entryToSmm',
  'entry.deactivateDualMonitorTreatment',
  'entry.loadUinv',
  'entry.loadCetState',
  'entry.loadGuestIa32LbrCtl',
  'entry.loadPkrs',
  'entry.loadFred',
  'entry.loadIa32SpecCtrl',
  'entry.allowSeamGuestTelemetry',
  'vmFunction.eptpSwitching',
];

/** The fields of this corner of VMX that version 1 of the enlightened VMCS lacks. Linux `hyperv_evmcs.c`, by omission. */
export const apicFieldsWithoutEnlightenedField: readonly VmcsFieldId[] = [
  'postedInterruptNotificationVector',
  'lastPidPointerIndex',
  'virtualTimerVector',
  'guestInterruptStatus',
  'apicAccessAddress',
  'postedInterruptDescriptorAddress',
  'eoiExitBitmap0',
  'eoiExitBitmap1',
  'eoiExitBitmap2',
  'eoiExitBitmap3',
  'tertiaryControls',
  'pidPointerTableAddress',
  'guestDeadlineShadow',
  'guestDeadline',
];

/**
 * What is left of a processor's capabilities for a hypervisor that runs on Hyper-V and uses the enlightened VMCS, version 1:
 * KVM's `evmcs_sanitize_exec_ctrls`. What KVM as Hyper-V's host lets an enlightened guest see
 * (`nested_evmcs_filter_control_msr`) lacks "use TSC scaling" too.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { capabilitiesOf, filterForEnlightenedVmcs, isSupported } from 'vmx-apic/arch';
 *
 * const filtered = filterForEnlightenedVmcs(capabilitiesOf());
 * assert.deepEqual(filtered.tertiary, [0, 0]);
 * assert.equal(isSupported(filtered, 'secondary.virtualizeX2apicMode'), true);
 * assert.equal(isSupported(filtered, 'secondary.virtualInterruptDelivery'), false);
 * ```
 */
export function filterForEnlightenedVmcs(capabilities: Capabilities): Capabilities {
  const filtered = JSON.parse(JSON.stringify(capabilities)) as Capabilities;
  for (const control of controlsWithoutEnlightenedField) removeControl(filtered, control);
  return filtered;
}

/**
 * The controls set in a VMCS that the enlightened VMCS can't express: KVM's `nested_evmcs_check_controls` fails a VM entry if
 * there are any. Words that are not activated are tested as well, as KVM does.
 */
export function enlightenedVmcsViolations(vmcs: Vmcs): ControlName[] {
  const lacking = new Set<ControlName>(controlsWithoutEnlightenedField);
  return controlWordNames.flatMap((word) => controlsIn(word, lowOf(vmcs, word)).filter((name) => lacking.has(name)));
}

function lowOf(vmcs: Vmcs, word: ControlWordName): number {
  const value = vmcs[controlWords[word].field];
  return typeof value === 'number' ? value : value[0];
}
