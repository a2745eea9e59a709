import type { ApicMemory } from './apic-memory.js';
import { apicWriteExit, icrWriteExit } from './apic-write-exit.js';
import { hasSecondary, hasTertiary, Secondary, Tertiary } from './controls.js';
import { eoiVirtualization } from './eoi-virtualization.js';
import { icrReservedLow } from './icr.js';
import { ipiOf, ipiVirtualization, isEligibleForIpiVirtualization } from './ipi-virtualization.js';
import { mark } from './mark.js';
import { completed, generalProtection, type Outcome, passthrough, type VmExit } from './outcome.js';
import { selfIpiVirtualization } from './self-ipi-virtualization.js';
import { tprVirtualization } from './tpr-virtualization.js';
import { loadWord, storeWord } from './virtual-apic-page.js';
import type { VirtualProcessor } from './virtual-processor.js';

const selfIpiWriteExit: VmExit = apicWriteExit(0x3f0);

/**
 * RDMSR in VMX non-root operation, after the MSR bitmaps let it pass. SDM vol. 3C, "Virtualizing MSR-Based APIC Accesses".
 *
 * @param msr - ECX.
 * @returns `data` (EAX and EDX), or `passthrough` if the physical MSR is read. With APIC-register virtualization no MSR of
 * 800H-8FFH faults, whether or not it exists.
 */
export function virtualizeRdmsr(p: VirtualProcessor, msr: number): Outcome {
  if (msr < 0x800 || msr > 0x8ff || !hasSecondary(p.vmcs, Secondary.virtualizeX2apicMode)) return passthrough;
  if (hasSecondary(p.vmcs, Secondary.apicRegisterVirtualization)) mark('10 RDMSR register virtualization');
  else if (msr === 0x808) mark('10 RDMSR 808');
  else {
    mark('10 RDMSR other');
    return passthrough;
  }
  const offset = (msr & 0xff) << 4;
  return { kind: 'data', low: loadWord(p.page, offset), high: loadWord(p.page, offset + 4) };
}

/**
 * WRMSR in VMX non-root operation, after the MSR bitmaps let it pass, up to IPI virtualization.
 *
 * @param msr - ECX.
 * @param low - EAX.
 * @param high - EDX.
 * @returns the outcome, or `'ipi-virtualization'`: VICR is stored and eligible, and the caller goes on with the steps of IPI
 * virtualization for the IPI that `ipiOf(p.page, true)` reads from it.
 */
export function beginWrmsr(
  p: VirtualProcessor,
  msr: number,
  low: number,
  high: number,
): Outcome | 'ipi-virtualization' {
  const { vmcs, page } = p;
  if (msr < 0x800 || msr > 0x8ff || !hasSecondary(vmcs, Secondary.virtualizeX2apicMode)) return passthrough;
  switch (msr) {
    case 0x830:
      if (!hasTertiary(vmcs, Tertiary.ipiVirtualization)) {
        // Not even an APIC-write exit: it is the physical ICR that would be written.
        mark('8.2 without IPI virtualization');
        return passthrough;
      }
      if ((low & icrReservedLow) !== 0) {
        mark('8.2 fault');
        return generalProtection;
      }
      mark('8.2 store');
      page.icrLow = low;
      page.icr64High = high;
      if (isEligibleForIpiVirtualization(low)) {
        mark('8.2 eligible');
        return 'ipi-virtualization';
      }
      if ((low & 0x1000) !== 0) mark('8.2 bit 12');
      if ((low & 0xc_0000) === 0x4_0000) mark('8.2 self shorthand');
      mark('8.2 exit');
      return icrWriteExit;
    case 0x808:
      if (high !== 0 || low > 0xff) {
        mark('10 WRMSR 808 fault');
        return generalProtection;
      }
      mark('10 WRMSR 808');
      page.tpr = low;
      if (page.other.length > 0) storeWord(page, 0x84, 0);
      return tprVirtualization(p);
    case 0x80b:
      if (!hasSecondary(vmcs, Secondary.virtualInterruptDelivery)) break;
      if (high !== 0 || low !== 0) {
        mark('10 WRMSR 80B fault');
        return generalProtection;
      }
      mark('10 WRMSR 80B');
      page.eoi = 0;
      if (page.other.length > 0) storeWord(page, 0xb4, 0);
      return eoiVirtualization(p);
    case 0x83f:
      if (!hasSecondary(vmcs, Secondary.virtualInterruptDelivery)) break;
      if (high !== 0 || low > 0xff) {
        mark('10 WRMSR 83F fault');
        return generalProtection;
      }
      mark('10 WRMSR 83F');
      storeWord(page, 0x3f0, low);
      storeWord(page, 0x3f4, 0);
      if (low < 16) {
        mark('10 WRMSR 83F exit');
        return selfIpiWriteExit;
      }
      selfIpiVirtualization(p, low);
      return completed;
  }
  mark('10 WRMSR other');
  return passthrough;
}

/**
 * WRMSR in VMX non-root operation at once: {@link beginWrmsr} and, where it comes to that, IPI virtualization.
 */
export function virtualizeWrmsr(
  p: VirtualProcessor,
  memory: ApicMemory,
  msr: number,
  low: number,
  high: number,
): Outcome {
  const outcome = beginWrmsr(p, msr, low, high);
  if (outcome !== 'ipi-virtualization') return outcome;
  const { vector, destination } = ipiOf(p.page, true);
  return ipiVirtualization(p, memory, vector, destination);
}
