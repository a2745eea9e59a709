import { Exit, PinBased, Primary, Secondary, Tertiary } from './controls.js';
import { mark } from './mark.js';
import type { ApicVmcs } from './virtual-processor.js';

/**
 * The controls of APIC virtualization as they take effect: a control in a word that is not activated counts as 0. SDM
 * vol. 3C, "VM-Execution Control Fields".
 */
export interface ApicControls {
  readonly externalInterruptExiting: boolean;
  readonly processPostedInterrupts: boolean;
  readonly interruptWindowExiting: boolean;
  readonly cr8LoadExiting: boolean;
  readonly cr8StoreExiting: boolean;
  readonly useTprShadow: boolean;
  readonly useMsrBitmaps: boolean;
  readonly virtualizeApicAccesses: boolean;
  readonly virtualizeX2apicMode: boolean;
  readonly apicRegisterVirtualization: boolean;
  readonly virtualInterruptDelivery: boolean;
  readonly ipiVirtualization: boolean;
  readonly apicTimerVirtualization: boolean;
  readonly acknowledgeInterruptOnExit: boolean;
}

function control(rule: string, word: number, mask: number): boolean {
  if ((word & mask) === 0) return false;
  mark(rule);
  return true;
}

/**
 * Reads the controls of APIC virtualization out of their words. The tertiary word needs primary bit 17 only, not bit 31.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { apicControls, createVmcs, Secondary } from 'vmx-apic/arch';
 *
 * const vmcs = createVmcs();
 * vmcs.secondaryControls = Secondary.virtualInterruptDelivery;
 * assert.equal(apicControls(vmcs).virtualInterruptDelivery, false); // primary bit 31 is 0
 * ```
 */
export function apicControls(vmcs: ApicVmcs): ApicControls {
  const { pinBasedControls: pin, primaryControls: primary, exitControls: exit } = vmcs;
  let secondary = vmcs.secondaryControls;
  if ((primary & Primary.activateSecondaryControls) === 0) {
    mark('1 secondary not activated');
    secondary = 0;
  }
  let tertiary = vmcs.tertiaryControls[0];
  if ((primary & Primary.activateTertiaryControls) === 0) {
    mark('1 tertiary not activated');
    tertiary = 0;
  }
  return {
    externalInterruptExiting: control('1 EIE', pin, PinBased.externalInterruptExiting),
    processPostedInterrupts: control('1 PPI', pin, PinBased.processPostedInterrupts),
    interruptWindowExiting: control('1 IWE', primary, Primary.interruptWindowExiting),
    cr8LoadExiting: control('1 CR8-load exiting', primary, Primary.cr8LoadExiting),
    cr8StoreExiting: control('1 CR8-store exiting', primary, Primary.cr8StoreExiting),
    useTprShadow: control('1 TPRS', primary, Primary.useTprShadow),
    useMsrBitmaps: control('1 use MSR bitmaps', primary, Primary.useMsrBitmaps),
    virtualizeApicAccesses: control('1 VAA', secondary, Secondary.virtualizeApicAccesses),
    virtualizeX2apicMode: control('1 VX2', secondary, Secondary.virtualizeX2apicMode),
    apicRegisterVirtualization: control('1 ARV', secondary, Secondary.apicRegisterVirtualization),
    virtualInterruptDelivery: control('1 VID', secondary, Secondary.virtualInterruptDelivery),
    ipiVirtualization: control('1 IPIV', tertiary, Tertiary.ipiVirtualization),
    apicTimerVirtualization: control('1 APIC-timer virtualization', tertiary, Tertiary.apicTimerVirtualization),
    acknowledgeInterruptOnExit: control('1 acknowledge interrupt on exit', exit, Exit.acknowledgeInterruptOnExit),
  };
}
