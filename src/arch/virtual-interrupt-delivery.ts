import { clearBit, highestBit, setBit } from './bits256.js';
import { hasPrimary, Primary } from './controls.js';
import { rvi } from './guest-interrupt-status.js';
import { mark } from './mark.js';
import type { VirtualProcessor } from './virtual-processor.js';

/** Blocking by STI and by MOV SS, bits 0 and 1 of the interruptibility state. */
const blockedByStiOrMovSs = 3;

/**
 * True if a virtual interrupt is delivered at this instruction boundary: one is recognized, RFLAGS.IF is 1, nothing blocks, no
 * interrupt-window exiting, and the processor is active or in HLT (shutdown and wait-for-SIPI are not left for it).
 * SDM vol. 3C, "Virtual-Interrupt Delivery".
 */
export function canDeliver(p: VirtualProcessor): boolean {
  if (p.recognized === 0) return false;
  if (p.interruptFlag === 0) {
    mark('11 IF');
    return false;
  }
  if ((p.interruptibility & blockedByStiOrMovSs) !== 0) {
    mark('11 STI and MOV SS');
    return false;
  }
  if (p.activity > 1) {
    mark('11 activity');
    return false;
  }
  // Recognition and this control exclude each other, unless the control was set after the last evaluation.
  if (hasPrimary(p.vmcs, Primary.interruptWindowExiting)) {
    mark('11 delivery without interrupt-window exiting');
    return false;
  }
  return true;
}

/**
 * Virtual-interrupt delivery, up to the vector that goes through the guest IDT: moves RVI from VIRR to VISR, raises VPPR, ends
 * recognition and leaves HLT. To be called only if {@link canDeliver}. SDM vol. 3C, "Virtual-Interrupt Delivery".
 *
 * @returns the vector, 16-255.
 */
export function deliverVirtualInterrupt(p: VirtualProcessor): number {
  mark('11 delivery');
  const { page, vmcs } = p;
  const vector = rvi(vmcs);
  setBit(page.isr, vector);
  page.ppr = vector & 0xf0;
  clearBit(page.irr, vector);
  const next = highestBit(page.irr);
  vmcs.guestInterruptStatus = (vector << 8) | (next < 0 ? 0 : next);
  p.recognized = 0;
  if (p.activity === 1) {
    mark('11 wake');
    p.activity = 0;
  }
  return vector;
}
