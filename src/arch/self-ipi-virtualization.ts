import { setBit } from './bits256.js';
import { evaluatePendingVirtualInterrupts } from './evaluation.js';
import { rvi, setRvi } from './guest-interrupt-status.js';
import { mark } from './mark.js';
import type { VirtualProcessor } from './virtual-processor.js';

/**
 * Self-IPI virtualization: requests `vector` (16-255) on the processor's own virtual APIC. VTMR is left alone: software owns
 * it. SDM vol. 3C, "Self-IPI Virtualization".
 */
export function selfIpiVirtualization(p: VirtualProcessor, vector: number): void {
  mark('7 self-IPI');
  setBit(p.page.irr, vector);
  if (vector > rvi(p.vmcs)) setRvi(p.vmcs, vector);
  evaluatePendingVirtualInterrupts(p);
}
