import { hasPrimary, Primary } from './controls.js';
import { ExitReason } from './exit-reason.js';
import { mark } from './mark.js';
import { generalProtection, type Outcome, passthrough } from './outcome.js';
import { tprVirtualization } from './tpr-virtualization.js';
import type { VirtualProcessor } from './virtual-processor.js';

/** Qualification of a control-register access exit for CR8: bits 3:0 the register, bit 4 MOV from CR, bits 11:8 the operand. */
function cr8Qualification(from: 0 | 1, register: number): number {
  return 8 | (from << 4) | (register << 8);
}

/**
 * MOV from CR8 in VMX non-root operation, 64-bit mode, CPL 0. SDM vol. 3C, "Virtualizing CR8-Based TPR Accesses".
 *
 * @param register - the operand, as in the qualification: 0 RAX … 15 R15.
 * @returns `data` (VTPR bits 7:4), the fault-like exit for "CR8-store exiting", or `passthrough` to the physical TPR.
 */
export function movFromCr8(p: VirtualProcessor, register = 0): Outcome {
  if (hasPrimary(p.vmcs, Primary.cr8StoreExiting)) {
    mark('4 CR8-store exiting');
    const qualification = cr8Qualification(1, register);
    return { kind: 'exit', reason: ExitReason.CrAccess, qualification, trapLike: false };
  }
  if (!hasPrimary(p.vmcs, Primary.useTprShadow)) {
    mark('4 CR8 physical');
    return passthrough;
  }
  mark('4 MOV from CR8');
  return { kind: 'data', low: (p.page.tpr >>> 4) & 0xf, high: 0 };
}

/**
 * MOV to CR8 in VMX non-root operation, 64-bit mode, CPL 0. SDM vol. 3C, "Virtualizing CR8-Based TPR Accesses".
 *
 * @param low - bits 31:0 of the operand.
 * @param high - bits 63:32 of the operand.
 * @param register - the operand, as in the qualification: 0 RAX … 15 R15.
 * @returns what TPR virtualization comes to, the fault-like exit for "CR8-load exiting", #GP(0) if a bit above 3 is set, or
 * `passthrough` to the physical TPR.
 */
export function movToCr8(p: VirtualProcessor, low: number, high: number, register = 0): Outcome {
  if (hasPrimary(p.vmcs, Primary.cr8LoadExiting)) {
    mark('4 CR8-load exiting');
    const qualification = cr8Qualification(0, register);
    return { kind: 'exit', reason: ExitReason.CrAccess, qualification, trapLike: false };
  }
  if (high !== 0 || low > 0xf) {
    mark('4 CR8 fault');
    return generalProtection;
  }
  if (!hasPrimary(p.vmcs, Primary.useTprShadow)) {
    mark('4 CR8 physical');
    return passthrough;
  }
  mark('4 MOV to CR8');
  p.page.tpr = low << 4;
  return tprVirtualization(p);
}
