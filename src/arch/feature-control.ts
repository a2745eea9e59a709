import { completed, generalProtection, type Outcome } from './outcome.js';

/** Bits of IA32_FEATURE_CONTROL (MSR 3AH). SDM vol. 3C, "Enabling and Entering VMX Operation"; vol. 4, table of MSRs. */
export const FeatureControl = {
  /** Lock: while 0, VMXON takes #GP; once 1, the MSR can't be written until reset. */
  lock: 0x1,
  /** VMXON is allowed in SMX operation. */
  vmxInsideSmx: 0x2,
  /** VMXON is allowed outside SMX operation. */
  vmxOutsideSmx: 0x4,
  /** SENTER local function enables. */
  senterLocalFunctions: 0x7f00,
  /** SENTER global enable. */
  senterGlobal: 0x8000,
  /** SGX launch control. */
  sgxLaunchControl: 0x2_0000,
  /** SGX global enable. */
  sgxGlobal: 0x4_0000,
  /** Local machine-check exceptions may be enabled. */
  lmceOn: 0x10_0000,
} as const;

const defined = 0x16_ff07;

/** A processor's IA32_FEATURE_CONTROL. */
export interface FeatureControlState {
  featureControl: number;
}

/**
 * WRMSR to IA32_FEATURE_CONTROL.
 *
 * @param state - holds the MSR.
 * @param value - 64 bits.
 * @returns completed; #GP(0) if the MSR is locked or a reserved bit is set.
 */
export function writeFeatureControl(state: FeatureControlState, value: bigint): Outcome {
  if ((state.featureControl & FeatureControl.lock) !== 0) return generalProtection;
  if ((value & ~BigInt(defined)) !== 0n) return generalProtection;
  state.featureControl = Number(value);
  return completed;
}

/**
 * VMXON's test of IA32_FEATURE_CONTROL.
 *
 * @param state - holds the MSR.
 * @param inSmx - true in SMX operation (between GETSEC[SENTER] and GETSEC[SEXIT]).
 * @returns completed; #GP(0) if the MSR is not locked or forbids VMXON here.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { checkVmxon, FeatureControl, writeFeatureControl } from 'vmx-apic/arch';
 *
 * const processor = { featureControl: 0 };
 * assert.equal(checkVmxon(processor, false).kind, 'fault'); // firmware did not lock it
 * writeFeatureControl(processor, BigInt(FeatureControl.lock | FeatureControl.vmxOutsideSmx));
 * assert.equal(checkVmxon(processor, false).kind, 'completed');
 * ```
 */
export function checkVmxon(state: FeatureControlState, inSmx: boolean): Outcome {
  const enable = inSmx ? FeatureControl.vmxInsideSmx : FeatureControl.vmxOutsideSmx;
  const needed = FeatureControl.lock | enable;
  return (state.featureControl & needed) === needed ? completed : generalProtection;
}
