import type { ApicMemory } from '../apic-memory.js';
import { icrWriteExit } from '../apic-write-exit.js';
import { hasPrimary, hasSecondary, hasTertiary, Primary, Secondary, Tertiary } from '../controls.js';
import { ipiOf, ipiVirtualization } from '../ipi-virtualization.js';
import { mark } from '../mark.js';
import { completed, generalProtection, type Outcome } from '../outcome.js';
import { addressOf } from '../physical-memory.js';
import type { U64, VirtualProcessor } from '../virtual-processor.js';
import { emptyUpid, type Upid, type UserInterruptMemory } from './user-interrupt-memory.js';

/** The descriptor at an address; where none is, memory that reads as 0 and forgets what is stored. */
function upidAt(memory: UserInterruptMemory, address: U64): Upid {
  return memory.upids[(addressOf(address) - memory.upidBase) / 64] ?? emptyUpid();
}

function setPir(upid: Upid, vector: number): void {
  const half = vector < 32 ? 0 : 1;
  upid.pir[half] = (upid.pir[half] | (1 << (vector & 31))) >>> 0;
}

/**
 * The first part of SENDUIPI: posts the user interrupt, atomically with the decision whether to notify. SDM vol. 2B, "SENDUIPI".
 *
 * @param index - the operand.
 * @returns #GP(0) with nothing changed; `completed` if no notification is due; else the descriptor to notify about.
 */
export function postUserInterrupt(memory: UserInterruptMemory, index: number): Outcome | Upid {
  const entry = index <= memory.uittSize ? memory.uitt[index] : undefined;
  if (entry === undefined || entry.valid === 0 || entry.reserved !== 0) {
    mark('8.3 UITT fault');
    return generalProtection;
  }
  const upid = upidAt(memory, entry.upidAddress);
  if (upid.reserved !== 0) {
    mark('8.3 UPID fault');
    return generalProtection;
  }
  setPir(upid, entry.vector);
  if (upid.on !== 0 || upid.sn !== 0) {
    mark('8.3 no notification');
    return completed;
  }
  upid.on = 1;
  return upid;
}

/**
 * The last part of SENDUIPI in VMX non-root operation: sends the notification as a virtual IPI, or (without "use TPR shadow") as
 * a physical one. It is x2APIC form exactly if "virtualize APIC accesses" is 0. SDM vol. 3C, "Virtualizing SENDUIPI".
 *
 * @returns `posted` for a physical IPI; the trap-like exit "APIC write" with qualification 300H; or `'ipi-virtualization'`: the
 * caller goes on with the steps of IPI virtualization for the IPI that `ipiOf` reads from VICR ({@link userIpiForm}).
 */
export function sendUserNotification(p: VirtualProcessor, upid: Upid): Outcome | 'ipi-virtualization' {
  const { vmcs, page } = p;
  if (!hasPrimary(vmcs, Primary.useTprShadow)) {
    mark('8.3 physical');
    return { kind: 'posted', notify: true, vector: upid.nv, destination: upid.ndst };
  }
  page.icrLow = upid.nv;
  if (userIpiForm(p) === 'x2apic') {
    mark('8.3 x2APIC');
    page.icr64High = upid.ndst;
  } else {
    mark('8.3 xAPIC');
    page.icrHigh = ((upid.ndst & 0xff00) << 16) >>> 0;
  }
  if (hasTertiary(vmcs, Tertiary.ipiVirtualization)) {
    mark('8.3 IPI virtualization');
    return 'ipi-virtualization';
  }
  mark('8.3 exit');
  return icrWriteExit;
}

/** Which form of VICR a virtualized SENDUIPI writes. */
export function userIpiForm(p: VirtualProcessor): 'xapic' | 'x2apic' {
  return hasSecondary(p.vmcs, Secondary.virtualizeApicAccesses) ? 'xapic' : 'x2apic';
}

/** SENDUIPI in VMX non-root operation at once: posting, notification and, where it comes to that, IPI virtualization. */
export function senduipi(
  p: VirtualProcessor,
  memory: ApicMemory,
  userMemory: UserInterruptMemory,
  index: number,
): Outcome {
  const posted = postUserInterrupt(userMemory, index);
  if ('kind' in posted) return posted;
  const outcome = sendUserNotification(p, posted);
  if (outcome !== 'ipi-virtualization') return outcome;
  const { vector, destination } = ipiOf(p.page, userIpiForm(p) === 'x2apic');
  return ipiVirtualization(p, memory, vector, destination);
}
