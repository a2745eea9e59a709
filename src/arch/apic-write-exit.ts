import { ExitReason } from './exit-reason.js';
import type { VmExit } from './outcome.js';

/** The exit "APIC write" for a write at page offset `offset`: trap-like, what was written is in the page. */
export function apicWriteExit(offset: number): VmExit {
  return { kind: 'exit', reason: ExitReason.ApicWrite, qualification: offset, trapLike: true };
}

/** The exit "APIC write" with qualification 300H, which every ICR write that is not virtualized ends in. */
export const icrWriteExit: VmExit = apicWriteExit(0x300);
