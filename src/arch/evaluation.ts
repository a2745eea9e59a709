import { hasPrimary, Primary } from './controls.js';
import { mark } from './mark.js';
import type { VirtualProcessor } from './virtual-processor.js';

/**
 * Evaluation of pending virtual interrupts: recognizes one if RVI's class is above VPPR's, and withdraws recognition
 * otherwise. SDM vol. 3C, "Evaluation of Pending Virtual Interrupts".
 *
 * Only VM entry, TPR, EOI and self-IPI virtualization, posted-interrupt processing and guest-timer events evaluate; the
 * functions for those call this one. (In SEAM non-root operation RVI below 31 would be cleared first; SEAM is not modelled.)
 */
export function evaluatePendingVirtualInterrupts(p: VirtualProcessor): void {
  const vmcs = p.vmcs;
  if (hasPrimary(vmcs, Primary.interruptWindowExiting)) {
    mark('11 interrupt-window exiting');
    p.recognized = 0;
  } else if ((vmcs.guestInterruptStatus & 0xf0) > (p.page.ppr & 0xf0)) {
    mark('11 recognize');
    p.recognized = 1;
  } else {
    mark('11 withdraw');
    p.recognized = 0;
  }
}
