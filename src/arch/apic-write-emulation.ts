import { apicWriteExit, icrWriteExit } from './apic-write-exit.js';
import { hasSecondary, hasTertiary, Secondary, Tertiary } from './controls.js';
import { eoiVirtualization } from './eoi-virtualization.js';
import { icrReservedLow } from './icr.js';
import { isEligibleForIpiVirtualization } from './ipi-virtualization.js';
import { mark } from './mark.js';
import { completed, type Outcome } from './outcome.js';
import { selfIpiVirtualization } from './self-ipi-virtualization.js';
import { tprVirtualization } from './tpr-virtualization.js';
import type { VirtualProcessor } from './virtual-processor.js';

/** Reserved bits, delivery status, shorthand, trigger mode and delivery mode; bits 11 (destination mode) and 14 (level) are free. */
const selfIpiMask = (icrReservedLow | 0x000c_9700) >>> 0;

/**
 * True if an ICR value with this low half, written at offset 300H, is for self-IPI virtualization: shorthand self, edge, fixed,
 * vector of 16 or above, delivery status and reserved bits 0. SDM vol. 3C, "APIC-Write Emulation".
 */
export function isEligibleForSelfIpiVirtualization(low: number): boolean {
  return (low & selfIpiMask) === 0x4_0000 && (low & 0xf0) !== 0;
}

/**
 * APIC-write emulation: what follows an operation that wrote the virtual-APIC page at `offset` through the APIC-access page.
 * Comes before SMI and INIT; RFLAGS.IF and blocking by STI or MOV SS do not hold it up. SDM vol. 3C, "APIC-Write Emulation".
 *
 * @param offset - page offset of the write.
 * @returns the outcome, or `'ipi-virtualization'` if the steps of IPI virtualization follow.
 */
export function emulateApicWrite(p: VirtualProcessor, offset: number): Outcome | 'ipi-virtualization' {
  const { vmcs, page } = p;
  switch (offset) {
    case 0x080:
      mark('9.4 080');
      page.tpr &= 0xff;
      return tprVirtualization(p);
    case 0x0b0:
      if (!hasSecondary(vmcs, Secondary.virtualInterruptDelivery)) break;
      mark('9.4 0B0');
      page.eoi = 0;
      return eoiVirtualization(p);
    case 0x300: {
      mark('9.4 300');
      const low = page.icrLow;
      if (isEligibleForSelfIpiVirtualization(low) && hasSecondary(vmcs, Secondary.virtualInterruptDelivery)) {
        mark('8.1.1');
        selfIpiVirtualization(p, low & 0xff);
        return completed;
      }
      if (isEligibleForIpiVirtualization(low) && hasTertiary(vmcs, Tertiary.ipiVirtualization)) {
        mark('8.1.2');
        return 'ipi-virtualization';
      }
      mark('8.1.3');
      return icrWriteExit;
    }
    case 0x310:
    case 0x311:
    case 0x312:
    case 0x313:
      mark('9.4 310');
      page.icrHigh = (page.icrHigh & 0xff00_0000) >>> 0;
      return completed;
  }
  mark('9.4 other');
  return apicWriteExit(offset);
}
