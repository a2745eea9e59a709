import { clearBit, highestBit } from './bits256.js';
import { evaluatePendingVirtualInterrupts } from './evaluation.js';
import { ExitReason } from './exit-reason.js';
import { setSvi, svi } from './guest-interrupt-status.js';
import { mark } from './mark.js';
import { completed, type Outcome } from './outcome.js';
import { pprVirtualization } from './ppr-virtualization.js';
import type { ApicVmcs, VirtualProcessor } from './virtual-processor.js';

/** True if the EOI-exit bitmaps have the bit of `vector` (0-255): bitmap n holds vectors 64n to 64n + 63. */
export function eoiExits(vmcs: ApicVmcs, vector: number): boolean {
  const bitmap =
    vector < 128
      ? vector < 64
        ? vmcs.eoiExitBitmap0
        : vmcs.eoiExitBitmap1
      : vector < 192
        ? vmcs.eoiExitBitmap2
        : vmcs.eoiExitBitmap3;
  return (((vector & 32 ? bitmap[1] : bitmap[0]) >>> (vector & 31)) & 1) === 1;
}

/**
 * EOI virtualization: what follows a virtualized write of VEOI with virtual-interrupt delivery. Takes SVI out of VISR, whether
 * or not anything is in service (then it is vector 0). SDM vol. 3C, "EOI Virtualization".
 *
 * @returns `completed`, or the trap-like exit "virtualized EOI" with the vector as qualification; that one does not evaluate.
 */
export function eoiVirtualization(p: VirtualProcessor): Outcome {
  const vector = svi(p.vmcs);
  const isr = p.page.isr;
  clearBit(isr, vector);
  const next = highestBit(isr);
  setSvi(p.vmcs, next < 0 ? 0 : next);
  mark(vector === 0 ? '6 nothing in service' : '6 EOI');
  pprVirtualization(p);
  if (eoiExits(p.vmcs, vector)) {
    mark('6 exit');
    return { kind: 'exit', reason: ExitReason.EoiInduced, qualification: vector, trapLike: true };
  }
  mark('6 evaluation');
  evaluatePendingVirtualInterrupts(p);
  return completed;
}
