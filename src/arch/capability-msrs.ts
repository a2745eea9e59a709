import { type AllowedSettings, type Capabilities, isSupported } from './capabilities.js';
import { type ControlWord, type ControlWordName, controlWords } from './control-words.js';
import { Exit, Primary, Secondary } from './controls.js';
import { u64FromBigInt, u64ToBigInt } from './u64.js';
import type { U64 } from './virtual-processor.js';
import { vmcsFields } from './vmcs-fields.js';
import { hasVmcsField } from './vmread-vmwrite.js';

/** The VMX capability MSRs, by number. SDM vol. 3D, appendix A. */
export const capabilityMsrNames: Readonly<Record<number, string>> = {
  1152: 'IA32_VMX_BASIC',
  1153: 'IA32_VMX_PINBASED_CTLS',
  1154: 'IA32_VMX_PROCBASED_CTLS',
  1155: 'IA32_VMX_EXIT_CTLS',
  1156: 'IA32_VMX_ENTRY_CTLS',
  1157: 'IA32_VMX_MISC',
  1158: 'IA32_VMX_CR0_FIXED0',
  1159: 'IA32_VMX_CR0_FIXED1',
  1160: 'IA32_VMX_CR4_FIXED0',
  1161: 'IA32_VMX_CR4_FIXED1',
  1162: 'IA32_VMX_VMCS_ENUM',
  1163: 'IA32_VMX_PROCBASED_CTLS2',
  1164: 'IA32_VMX_EPT_VPID_CAP',
  1165: 'IA32_VMX_TRUE_PINBASED_CTLS',
  1166: 'IA32_VMX_TRUE_PROCBASED_CTLS',
  1167: 'IA32_VMX_TRUE_EXIT_CTLS',
  1168: 'IA32_VMX_TRUE_ENTRY_CTLS',
  1169: 'IA32_VMX_VMFUNC',
  1170: 'IA32_VMX_PROCBASED_CTLS3',
  1171: 'IA32_VMX_EXIT_CTLS2',
};

const words: readonly ControlWord[] = /* @__PURE__ */ Object.values(controlWords);

/**
 * RDMSR of a capability MSR.
 *
 * @param capabilities - the processor.
 * @param msr - 480H-493H.
 * @returns null if the processor does not have this MSR (RDMSR takes #GP), and for those about CR0, CR4 and EPT (486H-489H,
 *   48CH), which `Capabilities` does not cover.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { capabilitiesOf, readCapabilityMsr } from 'vmx-apic/arch';
 *
 * // IA32_VMX_PROCBASED_CTLS3 is a mask of the controls that may be 1, without an allowed-0 half.
 * assert.equal(((readCapabilityMsr(capabilitiesOf(), 0x492) ?? 0n) >> 4n) & 1n, 1n);
 * // Without tertiary controls there is no such MSR.
 * assert.equal(readCapabilityMsr(capabilitiesOf({ lacking: ['primary.activateTertiaryControls'] }), 0x492), null);
 * ```
 */
export function readCapabilityMsr(capabilities: Capabilities, msr: number): bigint | null {
  if (msr === 0x480) return basic(capabilities);
  if (msr === 0x485) return misc(capabilities);
  if (msr === 0x48a) return highestIndex(capabilities) << 1n;
  const word = words.find((candidate) => candidate.msr === msr || candidate.trueMsr === msr);
  if (word === undefined || msr === 0) return null;
  if (word.activatedBy !== null && !isSupported(capabilities, word.activatedBy)) return null;
  const settings = capabilities[word.name];
  if (Array.isArray(settings)) return u64ToBigInt(settings);
  if (msr === word.msr) return u64ToBigInt([(settings.mustBeOne | word.default1) >>> 0, settings.mayBeOne]);
  return capabilities.trueControls === 1 ? u64ToBigInt([settings.mustBeOne, settings.mayBeOne]) : null;
}

function basic(c: Capabilities): bigint {
  // Bits 44:32 and 53:50: a VMCS region of 4096 bytes in write-back memory.
  const high = 0x1000 | (c.addresses32Bit << 16) | (6 << 18) | (c.trueControls << 23) | (c.anyErrorCode << 24);
  return u64ToBigInt([c.vmcsRevision, (high | (c.nestedException << 26)) >>> 0]);
}

function misc(c: Capabilities): bigint {
  const low =
    (c.activityStates << 6) | (c.msrListLimit << 25) | (c.vmwriteReadOnly << 29) | (c.zeroLengthInjection << 30);
  return BigInt(low >>> 0);
}

function highestIndex(capabilities: Capabilities): bigint {
  const indices = vmcsFields.filter((field) => hasVmcsField(capabilities, field)).map(({ index }) => index);
  return BigInt(Math.max(...indices));
}

/**
 * The capabilities that a processor's MSRs report.
 *
 * @param read - RDMSR; not called for an MSR that, by what was read before, does not exist.
 * @param physicalAddressWidth - MAXPHYADDR in bits, which no capability MSR reports.
 */
export function capabilitiesFromMsrs(read: (msr: number) => bigint, physicalAddressWidth: number): Capabilities {
  const basicValue = read(0x480);
  const miscValue = read(0x485);
  const bits = (value: bigint, position: number, width: number) =>
    Number(BigInt.asUintN(width, value >> BigInt(position)));
  const trueControls = bits(basicValue, 55, 1);
  const word32 = (name: ControlWordName): AllowedSettings => {
    const { msr, trueMsr } = controlWords[name];
    const [mustBeOne, mayBeOne] = u64FromBigInt(read(trueControls === 1 && trueMsr !== 0 ? trueMsr : msr));
    return { mustBeOne, mayBeOne };
  };
  const word64 = (name: ControlWordName, activated: number): U64 =>
    activated === 0 ? [0, 0] : u64FromBigInt(read(controlWords[name].msr));

  const primary = word32('primary');
  const exit = word32('exit');
  const hasSecondaryWord = (primary.mayBeOne & Primary.activateSecondaryControls) !== 0;
  const secondary = hasSecondaryWord ? word32('secondary') : { mustBeOne: 0, mayBeOne: 0 };
  return {
    pinBased: word32('pinBased'),
    primary,
    secondary,
    exit,
    entry: word32('entry'),
    tertiary: word64('tertiary', primary.mayBeOne & Primary.activateTertiaryControls),
    secondaryExit: word64('secondaryExit', exit.mayBeOne & Exit.activateSecondaryControls),
    vmFunction: word64('vmFunction', secondary.mayBeOne & Secondary.enableVmFunctions),
    vmcsRevision: bits(basicValue, 0, 31),
    trueControls,
    addresses32Bit: bits(basicValue, 48, 1),
    anyErrorCode: bits(basicValue, 56, 1),
    nestedException: bits(basicValue, 58, 1),
    activityStates: bits(miscValue, 6, 3),
    vmwriteReadOnly: bits(miscValue, 29, 1),
    zeroLengthInjection: bits(miscValue, 30, 1),
    msrListLimit: bits(miscValue, 25, 3),
    physicalAddressWidth,
  };
}
