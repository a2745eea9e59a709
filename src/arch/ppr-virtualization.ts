import { svi } from './guest-interrupt-status.js';
import { mark } from './mark.js';
import type { VirtualProcessor } from './virtual-processor.js';

/**
 * PPR virtualization: VPPR from VTPR and SVI. Done at VM entry with virtual-interrupt delivery, and by TPR and EOI
 * virtualization. SDM vol. 3C, "PPR Virtualization".
 */
export function pprVirtualization(p: VirtualProcessor): void {
  const tpr = p.page.tpr & 0xff;
  const service = svi(p.vmcs) & 0xf0;
  if ((tpr & 0xf0) >= service) {
    mark('5 VTPR');
    p.page.ppr = tpr;
  } else {
    mark('5 SVI');
    p.page.ppr = service;
  }
}
