import { hasPrimary, hasSecondary, Primary, Secondary } from './controls.js';
import { evaluatePendingVirtualInterrupts } from './evaluation.js';
import { mark } from './mark.js';
import { completed, type Outcome } from './outcome.js';
import { pprVirtualization } from './ppr-virtualization.js';
import { tprBelowThresholdExit } from './tpr-virtualization.js';
import type { VirtualProcessor } from './virtual-processor.js';

/**
 * What VM entry does for APIC virtualization after it loaded the guest: PPR virtualization and evaluation with virtual-interrupt
 * delivery. RVI is trusted and not computed from VIRR. SDM vol. 3C, "Updating Non-Register State" and "VM Exits Induced by the
 * TPR Threshold".
 *
 * @returns `completed`, or the exit "TPR below threshold" right after the entry (and after any event it injected; it wakes HLT,
 * is not blocked by RFLAGS.IF or interruptibility, but does not come in shutdown or wait-for-SIPI).
 */
export function enterApicVirtualization(p: VirtualProcessor): Outcome {
  const { vmcs } = p;
  p.recognized = 0;
  if (hasSecondary(vmcs, Secondary.virtualInterruptDelivery)) {
    mark('11 VM entry');
    pprVirtualization(p);
    evaluatePendingVirtualInterrupts(p);
    return completed;
  }
  if (
    hasPrimary(vmcs, Primary.useTprShadow) &&
    hasSecondary(vmcs, Secondary.virtualizeApicAccesses) &&
    p.activity < 2 &&
    (vmcs.tprThreshold & 0xf) > ((p.page.tpr >>> 4) & 0xf)
  ) {
    mark('4 exit after entry');
    return tprBelowThresholdExit;
  }
  return completed;
}

/** What VM exit does: recognition of a pending virtual interrupt exists in VMX non-root operation only. */
export function leaveApicVirtualization(p: VirtualProcessor): void {
  p.recognized = 0;
}
