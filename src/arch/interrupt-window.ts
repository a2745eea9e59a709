import { hasPrimary, Primary } from './controls.js';
import { ExitReason } from './exit-reason.js';
import { mark } from './mark.js';
import type { Outcome, VmExit } from './outcome.js';
import { canDeliver, deliverVirtualInterrupt } from './virtual-interrupt-delivery.js';
import type { VirtualProcessor } from './virtual-processor.js';

const interruptWindowExit: VmExit = {
  kind: 'exit',
  reason: ExitReason.InterruptWindow,
  qualification: 0,
  trapLike: false,
};

/** True if RFLAGS.IF is 1 and neither STI nor MOV SS blocks. */
export function interruptWindowOpen(p: VirtualProcessor): boolean {
  return p.interruptFlag !== 0 && (p.interruptibility & 3) === 0;
}

/**
 * The place in the order of events that interrupt-window exits and virtual-interrupt delivery share (they exclude each other):
 * below NMI, above external interrupts. Both wake HLT, neither wakes shutdown or wait-for-SIPI. SDM vol. 3C, "Interrupt-Window
 * Exiting and Virtual-Interrupt Delivery".
 *
 * @returns the exit "interrupt window", `virtual-interrupt` after delivery, or undefined if neither is due.
 */
export function virtualInterruptBoundary(p: VirtualProcessor): Outcome | undefined {
  if (hasPrimary(p.vmcs, Primary.interruptWindowExiting)) {
    if (p.activity > 1 || !interruptWindowOpen(p)) return undefined;
    mark('11 interrupt-window exit');
    p.recognized = 0;
    return interruptWindowExit;
  }
  if (!canDeliver(p)) return undefined;
  return { kind: 'virtual-interrupt', vector: deliverVirtualInterrupt(p) };
}
