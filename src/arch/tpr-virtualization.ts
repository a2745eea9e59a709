import { hasSecondary, Secondary } from './controls.js';
import { evaluatePendingVirtualInterrupts } from './evaluation.js';
import { ExitReason } from './exit-reason.js';
import { mark } from './mark.js';
import { completed, type Outcome, type VmExit } from './outcome.js';
import { pprVirtualization } from './ppr-virtualization.js';
import type { VirtualProcessor } from './virtual-processor.js';

/** The trap-like VM exit "TPR below threshold". */
export const tprBelowThresholdExit: VmExit = {
  kind: 'exit',
  reason: ExitReason.TprBelowThreshold,
  qualification: 0,
  trapLike: true,
};

/**
 * TPR virtualization: what follows a virtualized write of VTPR (MOV to CR8, offset 080H, MSR 808H).
 * SDM vol. 3C, "TPR Virtualization".
 *
 * @returns `completed`, or the exit "TPR below threshold", which only exists without virtual-interrupt delivery.
 */
export function tprVirtualization(p: VirtualProcessor): Outcome {
  if (hasSecondary(p.vmcs, Secondary.virtualInterruptDelivery)) {
    mark('4 step 2');
    pprVirtualization(p);
    evaluatePendingVirtualInterrupts(p);
    return completed;
  }
  // The new value alone counts: it exits also where the TPR was raised.
  if (((p.page.tpr >>> 4) & 0xf) < (p.vmcs.tprThreshold & 0xf)) {
    mark('4 step 1');
    return tprBelowThresholdExit;
  }
  return completed;
}
