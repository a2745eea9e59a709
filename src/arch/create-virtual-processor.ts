import { emptyPage } from './virtual-apic-page.js';
import type { ApicVmcs, VirtualProcessor } from './virtual-processor.js';

/** The fields of a VMCS that APIC virtualization uses, all 0. */
export function emptyApicVmcs(): ApicVmcs {
  return {
    pinBasedControls: 0,
    primaryControls: 0,
    secondaryControls: 0,
    tertiaryControls: [0, 0],
    exitControls: 0,
    tprThreshold: 0,
    guestInterruptStatus: 0,
    eoiExitBitmap0: [0, 0],
    eoiExitBitmap1: [0, 0],
    eoiExitBitmap2: [0, 0],
    eoiExitBitmap3: [0, 0],
    postedInterruptNotificationVector: 0,
    postedInterruptDescriptorAddress: [0, 0],
    pidPointerTableAddress: [0, 0],
    lastPidPointerIndex: 0,
  };
}

/**
 * A virtual processor that runs (active, nothing blocked, RFLAGS.IF = 1) with `vmcs` and an empty virtual-APIC page.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createVirtualProcessor, movToCr8, Primary } from 'vmx-apic/arch';
 *
 * const p = createVirtualProcessor({ primaryControls: Primary.useTprShadow, tprThreshold: 4 });
 * const outcome = movToCr8(p, 3, 0);
 * assert.equal(outcome.kind, 'exit'); // TPR below threshold
 * assert.equal(p.page.tpr, 0x30); // trap-like: VTPR has the new value
 * ```
 */
export function createVirtualProcessor(vmcs: Partial<ApicVmcs> = {}): VirtualProcessor {
  return {
    vmcs: { ...emptyApicVmcs(), ...vmcs },
    page: emptyPage(),
    recognized: 0,
    interruptFlag: 1,
    interruptibility: 0,
    activity: 0,
  };
}
