import { type ControlName, type ControlWordName, controlWords, maskOf, wordOf } from './control-words.js';
import type { U64 } from './virtual-processor.js';

/** Which settings of a 32-bit word of controls a processor allows. SDM vol. 3D, appendix A.2, "Reserved Controls". */
export interface AllowedSettings {
  /** The allowed 0-settings: a control whose bit is 1 here must be 1. */
  mustBeOne: number;
  /** The allowed 1-settings: a control whose bit is 0 here must be 0. */
  mayBeOne: number;
}

/**
 * What a processor's VMX capability MSRs report, as far as the VMCS and APIC virtualization need it. Plain data. SDM vol. 3D,
 * appendix A. `mustBeOne` holds the TRUE settings; the MSRs without TRUE add the default1 class to it.
 */
export interface Capabilities {
  pinBased: AllowedSettings;
  primary: AllowedSettings;
  secondary: AllowedSettings;
  exit: AllowedSettings;
  entry: AllowedSettings;
  /** IA32_VMX_PROCBASED_CTLS3: 64 allowed 1-settings, no allowed 0-settings. */
  tertiary: U64;
  /** IA32_VMX_EXIT_CTLS2: 64 allowed 1-settings. */
  secondaryExit: U64;
  /** IA32_VMX_VMFUNC: 64 allowed 1-settings. */
  vmFunction: U64;
  /** IA32_VMX_BASIC bits 30:0, the VMCS revision identifier. */
  vmcsRevision: number;
  /** IA32_VMX_BASIC[55]: 1 if the TRUE capability MSRs exist. */
  trueControls: number;
  /** IA32_VMX_BASIC[48]: 1 if addresses in the VMCS are limited to 32 bits. */
  addresses32Bit: number;
  /** IA32_VMX_BASIC[56]: 1 if a hardware exception can be injected with or without error code, whatever its vector. */
  anyErrorCode: number;
  /** IA32_VMX_BASIC[58]: 1 if nested exceptions are supported (bit 13 of the injected-event identification). */
  nestedException: number;
  /** IA32_VMX_MISC[8:6]: bit 0 HLT, bit 1 shutdown, bit 2 wait-for-SIPI are supported as activity states. */
  activityStates: number;
  /** IA32_VMX_MISC[29]: 1 if VMWRITE can write read-only fields too. */
  vmwriteReadOnly: number;
  /** IA32_VMX_MISC[30]: 1 if software events can be injected with instruction length 0. */
  zeroLengthInjection: number;
  /** IA32_VMX_MISC[27:25]: MSR areas should have at most 512 * (this + 1) entries. */
  msrListLimit: number;
  /** MAXPHYADDR, CPUID.80000008H:EAX[7:0], at most 52; less what memory encryption reserves for key identifiers. */
  physicalAddressWidth: number;
}

/** What {@link capabilitiesOf} lets one choose. */
export interface CapabilityOptions {
  /** Controls that this processor lacks; it has all others. Default: none. */
  readonly lacking?: readonly ControlName[];
  /** Default 1. Without TRUE controls every bit of the default1 class must be 1. */
  readonly trueControls?: number;
  /** Bits, 32-52. Default 46. */
  readonly physicalAddressWidth?: number;
  /** Default 0. */
  readonly addresses32Bit?: number;
  /** Default 1. */
  readonly anyErrorCode?: number;
  /** Default 0. */
  readonly nestedException?: number;
  /** Default 7: HLT, shutdown and wait-for-SIPI. */
  readonly activityStates?: number;
  /** Default 1. */
  readonly vmwriteReadOnly?: number;
  /** Default 1. */
  readonly zeroLengthInjection?: number;
}

/** The bits of the default1 class that stay 1 even with TRUE controls: those that no control has a name for. */
function mustBeOneOf(word: ControlWordName, trueControls: number): number {
  const { default1, bits } = controlWords[word];
  if (trueControls === 0) return default1;
  return Object.values(bits).reduce((left, mask) => (left & ~mask) >>> 0, default1);
}

function allowed(word: ControlWordName, trueControls: number): AllowedSettings {
  const { default1, bits } = controlWords[word];
  const mayBeOne = Object.values(bits).reduce<number>((mask, bit) => (mask | bit) >>> 0, default1);
  return { mustBeOne: mustBeOneOf(word, trueControls), mayBeOne };
}

function allowed64(word: ControlWordName): U64 {
  return [Object.values(controlWords[word].bits).reduce((mask, bit) => (mask | bit) >>> 0, 0), 0];
}

/**
 * The capabilities of a processor that has every control except some. A word whose activating control is lacking has no
 * control at all (its MSR does not exist).
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { capabilitiesOf, isSupported } from 'vmx-apic/arch';
 *
 * const capabilities = capabilitiesOf({ lacking: ['primary.activateTertiaryControls'] });
 * assert.equal(isSupported(capabilities, 'secondary.virtualInterruptDelivery'), true);
 * assert.equal(isSupported(capabilities, 'tertiary.ipiVirtualization'), false);
 * ```
 */
export function capabilitiesOf(options: CapabilityOptions = {}): Capabilities {
  const trueControls = options.trueControls ?? 1;
  const capabilities: Capabilities = {
    pinBased: allowed('pinBased', trueControls),
    primary: allowed('primary', trueControls),
    secondary: allowed('secondary', trueControls),
    exit: allowed('exit', trueControls),
    entry: allowed('entry', trueControls),
    tertiary: allowed64('tertiary'),
    secondaryExit: allowed64('secondaryExit'),
    vmFunction: allowed64('vmFunction'),
    vmcsRevision: 1,
    trueControls,
    addresses32Bit: options.addresses32Bit ?? 0,
    anyErrorCode: options.anyErrorCode ?? 1,
    nestedException: options.nestedException ?? 0,
    activityStates: options.activityStates ?? 7,
    vmwriteReadOnly: options.vmwriteReadOnly ?? 1,
    zeroLengthInjection: options.zeroLengthInjection ?? 1,
    msrListLimit: 0,
    physicalAddressWidth: options.physicalAddressWidth ?? 46,
  };
  for (const control of options.lacking ?? []) removeControl(capabilities, control);
  return capabilities;
}

/**
 * Takes a control away; one that activates a word takes the whole word with it. A processor that lacks a control of the
 * default1 class has the bit as a reserved one, which must be 1.
 */
export function removeControl(capabilities: Capabilities, control: ControlName): void {
  const mask = maskOf(control);
  const settings = capabilities[wordOf(control).name];
  if (Array.isArray(settings)) settings[0] = (settings[0] & ~mask) >>> 0;
  else if ((wordOf(control).default1 & mask) !== 0) settings.mustBeOne |= mask;
  else settings.mayBeOne = (settings.mayBeOne & ~mask) >>> 0;
  for (const { name, bits, activatedBy } of Object.values(controlWords)) {
    if (activatedBy !== control) continue;
    for (const bit of Object.keys(bits)) removeControl(capabilities, `${name}.${bit}` as ControlName);
  }
}

/** The allowed 1-settings of bits 31:0 of a word. */
export function mayBeOneOf(capabilities: Capabilities, word: ControlWordName): number {
  const settings = capabilities[word];
  return Array.isArray(settings) ? settings[0] : settings.mayBeOne;
}

/** True if the processor supports the 1-setting of `control`. */
export function isSupported(capabilities: Capabilities, control: ControlName): boolean {
  return (mayBeOneOf(capabilities, wordOf(control).name) & maskOf(control)) !== 0;
}

/** Address bits that the processor looks at in VMCS fields: the physical-address width, or 32. */
export function addressWidth(capabilities: Capabilities): number {
  return capabilities.addresses32Bit === 1 ? 32 : capabilities.physicalAddressWidth;
}
