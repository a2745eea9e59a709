import { type Capabilities, capabilitiesOf, isSupported } from '../capabilities.js';
import { type ControlName, controlWordNames, controlWords } from '../control-words.js';

/** How the host's KVM is set up, as far as it decides what a guest hypervisor (L1) sees. */
export interface NestedOptions {
  /** KVM's `enable_apicv`. Default: true if the host has what APICv needs. */
  readonly enableApicv?: boolean;
  /** KVM's `flexpriority`. Default: true if the host has the TPR shadow and "virtualize APIC accesses". */
  readonly flexpriority?: boolean;
}

/** Shown to L1 if the host has them. */
const ifHostHas: readonly ControlName[] = [
  'pinBased.externalInterruptExiting',
  'pinBased.nmiExiting',
  'pinBased.virtualNmis',
  'primary.interruptWindowExiting',
  'primary.nmiWindowExiting',
  'primary.useTscOffsetting',
  'primary.hltExiting',
  'primary.invlpgExiting',
  'primary.mwaitExiting',
  'primary.cr3LoadExiting',
  'primary.cr3StoreExiting',
  'primary.cr8LoadExiting',
  'primary.cr8StoreExiting',
  'primary.movDrExiting',
  'primary.unconditionalIOExiting',
  'primary.useIOBitmaps',
  'primary.monitorTrapFlag',
  'primary.monitorExiting',
  'primary.rdpmcExiting',
  'primary.rdtscExiting',
  'primary.pauseExiting',
  'primary.useTprShadow',
  'primary.activateSecondaryControls',
  'secondary.descriptorTableExiting',
  'secondary.enableRdtscp',
  'secondary.virtualizeX2apicMode',
  'secondary.wbinvdExiting',
  'secondary.apicRegisterVirtualization',
  'secondary.virtualInterruptDelivery',
  'secondary.rdrandExiting',
  'secondary.enableInvpcid',
  'secondary.rdseedExiting',
  'secondary.enableXsavesXrstors',
  'secondary.useTscScaling',
  'secondary.enableUserWaitAndPause',
  'secondary.enableEpt',
  'secondary.enableVmFunctions',
  'secondary.enableVpid',
  'secondary.unrestrictedGuest',
  'secondary.enableEnclsExiting',
  'exit.hostAddressSpaceSize',
  'exit.loadIa32Pat',
  'exit.saveIa32Pat',
  'exit.clearIa32Bndcfgs',
  'exit.loadIa32PerfGlobalCtrl',
  'entry.ia32eModeGuest',
  'entry.loadIa32Pat',
  'entry.loadIa32Bndcfgs',
  'entry.loadIa32PerfGlobalCtrl',
  'vmFunction.eptpSwitching',
];

/** Shown to L1 whatever the host has: KVM emulates them. */
const emulated: readonly ControlName[] = [
  'pinBased.activateVmxPreemptionTimer',
  'primary.useMsrBitmaps',
  'secondary.vmcsShadowing',
  'exit.saveDebugControls',
  'exit.loadIa32Efer',
  'exit.saveIa32Efer',
  'exit.saveVmxPreemptionTimerValue',
  'exit.acknowledgeInterruptOnExit',
  'entry.loadDebugControls',
  'entry.loadIa32Efer',
];

const needsForApicv: readonly ControlName[] = [
  'secondary.apicRegisterVirtualization',
  'secondary.virtualInterruptDelivery',
  'pinBased.processPostedInterrupts',
];

/**
 * The capabilities that KVM's virtual processor shows to a guest hypervisor (L1): Linux 6.12 `nested_vmx_setup_ctls_msrs`.
 *
 * Of APIC virtualization L1 sees the TPR shadow, "virtualize x2APIC mode", APIC-register virtualization and virtual-interrupt
 * delivery if the host has them, "virtualize APIC accesses" with flexpriority, and posted interrupts only with `enable_apicv`.
 * It sees no tertiary controls, so neither IPI virtualization nor APIC-timer virtualization.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { capabilitiesOf, isSupported, nestedCapabilities } from 'vmx-apic/arch';
 *
 * const seenByL1 = nestedCapabilities(capabilitiesOf());
 * assert.equal(isSupported(seenByL1, 'pinBased.processPostedInterrupts'), true);
 * assert.equal(isSupported(seenByL1, 'tertiary.ipiVirtualization'), false);
 * ```
 */
export function nestedCapabilities(host: Capabilities, options: NestedOptions = {}): Capabilities {
  const has = (control: ControlName) => isSupported(host, control);
  const apicv = options.enableApicv ?? needsForApicv.every(has);
  const flexpriority = options.flexpriority ?? (has('primary.useTprShadow') && has('secondary.virtualizeApicAccesses'));
  const visible = new Set<ControlName>([...ifHostHas.filter(has), ...emulated]);
  if (apicv) visible.add('pinBased.processPostedInterrupts');
  if (flexpriority) visible.add('secondary.virtualizeApicAccesses');
  // PML is emulated on top of EPT with accessed and dirty flags, which every processor of this corner has.
  if (visible.has('secondary.enableEpt')) visible.add('secondary.enablePml');
  const lacking = controlWordNames
    .flatMap((word) => Object.keys(controlWords[word].bits).map((name) => `${word}.${name}` as ControlName))
    .filter((control) => !visible.has(control));
  return capabilitiesOf({
    lacking,
    physicalAddressWidth: host.physicalAddressWidth,
    anyErrorCode: 0,
    activityStates: 0b101, // HLT and wait-for-SIPI
    zeroLengthInjection: 0,
  });
}
