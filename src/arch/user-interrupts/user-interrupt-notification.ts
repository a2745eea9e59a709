import { clearBit, highestBit } from '../bits256.js';
import { setSvi } from '../guest-interrupt-status.js';
import { mark } from '../mark.js';
import { pprVirtualization } from '../ppr-virtualization.js';
import { deliverVirtualInterrupt } from '../virtual-interrupt-delivery.js';
import type { U64, VirtualProcessor } from '../virtual-processor.js';
import type { Upid } from './user-interrupt-memory.js';

/** The user-interrupt state of a processor. SDM vol. 3A, "User-Interrupt State". */
export interface UserInterruptState {
  /** CR4.UINTR and IA32_EFER.LMA both 1. */
  enabled: number;
  /** UINV, the vector that is a user-interrupt notification. */
  uinv: number;
  /** UIRR, user-interrupt requests: vector `v` is bit `v`. */
  uirr: U64;
}

/**
 * Virtual-interrupt delivery where user interrupts are enabled: a vector equal to UINV does not go through the IDT but is
 * identified as a user-interrupt notification. That ends the interrupt as EOI virtualization would, but the EOI-exit bitmap
 * is not asked and nothing is evaluated; then the requests of `upid` are taken. In HLT the processor returns to HLT. SDM vol. 3C,
 * "Virtualizing User-Interrupt Notifications".
 *
 * @param upid - the descriptor at UPIDADDR.
 * @returns the vector for the IDT, or -1 if it was a notification.
 */
export function deliverWithUserInterrupts(p: VirtualProcessor, user: UserInterruptState, upid: Upid): number {
  const { activity } = p;
  const vector = deliverVirtualInterrupt(p);
  if (user.enabled === 0 || vector !== user.uinv) return vector;
  mark('11 user-interrupt notification');
  clearBit(p.page.isr, vector);
  const next = highestBit(p.page.isr);
  setSvi(p.vmcs, next < 0 ? 0 : next);
  pprVirtualization(p);
  p.activity = activity;
  processUserInterruptNotification(user, upid);
  return -1;
}

/** User-interrupt notification processing: ON is cleared, then PIR moves to UIRR. SDM vol. 3A, section of that name. */
export function processUserInterruptNotification(user: UserInterruptState, upid: Upid): void {
  upid.on = 0;
  user.uirr = [(user.uirr[0] | upid.pir[0]) >>> 0, (user.uirr[1] | upid.pir[1]) >>> 0];
  upid.pir = [0, 0];
}
