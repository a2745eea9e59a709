import { hasPin, hasPrimary, hasSecondary, PinBased, Primary, Secondary } from '../controls.js';
import type { ApicVmcs, U64 } from '../virtual-processor.js';
import type { Vmcs } from '../vmcs.js';

/** The fields of APIC virtualization with the addresses that the processor itself uses. */
export type Vmcs02 = ApicVmcs & Pick<Vmcs, 'virtualApicAddress' | 'apicAccessAddress'>;

/**
 * Where in host-physical memory the pages are that L1 named in vmcs12 by addresses of its own; null if nothing backs one.
 */
export interface NestedPages {
  readonly virtualApic: U64 | null;
  readonly apicAccess: U64 | null;
  /** The posted-interrupt descriptor itself, with its offset in the page. */
  readonly descriptor: U64 | null;
  /** True if a merged MSR bitmap could be made; see `nestedMsrBitmap`. */
  readonly msrBitmap: boolean;
}

/** Host vector that notifies a processor in L2: Linux `POSTED_INTR_NESTED_VECTOR`. */
export const postedInterruptNestedVector = 0xf0;

const nowhere: U64 = [0xffff_ffff, 0xffff_ffff];

/** Secondary controls that vmcs02 has only if L1 asks for them, whatever L0 uses for L1. */
const secondaryFromVmcs12 =
  Secondary.virtualizeApicAccesses |
  Secondary.virtualizeX2apicMode |
  Secondary.enableInvpcid |
  Secondary.enableRdtscp |
  Secondary.enableXsavesXrstors |
  Secondary.enableUserWaitAndPause |
  Secondary.virtualInterruptDelivery |
  Secondary.apicRegisterVirtualization |
  Secondary.enableVmFunctions |
  Secondary.descriptorTableExiting;

/**
 * The VMCS with which KVM (L0) runs L2, as far as APIC virtualization goes, put together from the VMCS for L1 and from the one
 * that L1 made for L2: Linux 6.12 `prepare_vmcs02_early`, `prepare_vmcs02_rare` and `nested_get_vmcs12_pages`.
 *
 * The rule: what protects the host is the union of both; what L2 can see of its APIC is what L1 asked for, and nothing that L0
 * uses for L1. The notification vector is the host's own, so that L1 can't have any vector of the host taken for a
 * notification; L1's vector is recognised in software (`isNestedNotification`). Tertiary controls are not used for L2.
 *
 * @param vmcs01 - L0's VMCS for L1.
 * @param vmcs12 - L1's VMCS for L2; it has passed the checks of VM entry.
 * @param pages - where vmcs12's addresses lead.
 * @returns null if the APIC-access page is not backed by memory: KVM gives up with an internal error.
 */
export function composeVmcs02(vmcs01: ApicVmcs, vmcs12: ApicVmcs, pages: NestedPages): Vmcs02 | null {
  const apicAccesses = hasSecondary(vmcs12, Secondary.virtualizeApicAccesses);
  if (apicAccesses && pages.apicAccess === null) return null;
  const posted = hasPin(vmcs12, PinBased.processPostedInterrupts) && pages.descriptor !== null;
  return {
    pinBasedControls: pinBased(vmcs01, vmcs12, posted),
    primaryControls: primary(vmcs01, vmcs12, pages),
    secondaryControls: secondary(vmcs01, vmcs12),
    tertiaryControls: [0, 0],
    exitControls: vmcs01.exitControls,
    tprThreshold: hasPrimary(vmcs12, Primary.useTprShadow) ? vmcs12.tprThreshold : 0,
    guestInterruptStatus: hasSecondary(vmcs12, Secondary.virtualInterruptDelivery) ? vmcs12.guestInterruptStatus : 0,
    eoiExitBitmap0: [...vmcs12.eoiExitBitmap0],
    eoiExitBitmap1: [...vmcs12.eoiExitBitmap1],
    eoiExitBitmap2: [...vmcs12.eoiExitBitmap2],
    eoiExitBitmap3: [...vmcs12.eoiExitBitmap3],
    postedInterruptNotificationVector: postedInterruptNestedVector,
    postedInterruptDescriptorAddress: posted ? copy(pages.descriptor) : [0, 0],
    pidPointerTableAddress: [0, 0],
    lastPidPointerIndex: 0,
    // An address that the processor refuses: without the page the entry to L2 must not succeed.
    virtualApicAddress: copy(hasPrimary(vmcs12, Primary.useTprShadow) ? pages.virtualApic : [0, 0]),
    apicAccessAddress: copy(apicAccesses ? pages.apicAccess : [0, 0]),
  };
}

function copy(address: U64 | null): U64 {
  const [low, high] = address ?? nowhere;
  return [low, high];
}

function pinBased(vmcs01: ApicVmcs, vmcs12: ApicVmcs, posted: boolean): number {
  // The preemption timer of L2 is emulated.
  const union = vmcs01.pinBasedControls | (vmcs12.pinBasedControls & ~PinBased.activateVmxPreemptionTimer);
  return (posted ? union : union & ~PinBased.processPostedInterrupts) >>> 0;
}

function primary(vmcs01: ApicVmcs, vmcs12: ApicVmcs, pages: NestedPages): number {
  const windows = Primary.interruptWindowExiting | Primary.nmiWindowExiting;
  let word = (vmcs01.primaryControls & ~(windows | Primary.useTprShadow)) | vmcs12.primaryControls;
  if ((word & Primary.useTprShadow) === 0) {
    // Without a shadow, CR8 would reach the host's TPR.
    word |= Primary.cr8LoadExiting | Primary.cr8StoreExiting;
  } else if (pages.virtualApic === null && canDoWithoutVirtualApic(vmcs12)) {
    word &= ~Primary.useTprShadow;
  }
  word = (word | Primary.unconditionalIOExiting) & ~(Primary.useIOBitmaps | Primary.useMsrBitmaps);
  return (pages.msrBitmap ? word | Primary.useMsrBitmaps : word) >>> 0;
}

/** If every use of CR8 exits and APIC accesses are not virtualized, nothing would look into the page. */
function canDoWithoutVirtualApic(vmcs12: ApicVmcs): boolean {
  return (
    hasPrimary(vmcs12, Primary.cr8LoadExiting) &&
    hasPrimary(vmcs12, Primary.cr8StoreExiting) &&
    !hasSecondary(vmcs12, Secondary.virtualizeApicAccesses)
  );
}

function secondary(vmcs01: ApicVmcs, vmcs12: ApicVmcs): number {
  const active12 = hasPrimary(vmcs12, Primary.activateSecondaryControls);
  let word = vmcs01.secondaryControls & ~secondaryFromVmcs12;
  if (active12) word |= vmcs12.secondaryControls;
  // Both are emulated for L2.
  word &= ~(Secondary.enablePml | Secondary.vmcsShadowing);
  if (!hasSecondary(vmcs12, Secondary.unrestrictedGuest)) word &= ~Secondary.unrestrictedGuest;
  return word >>> 0;
}

/**
 * What L1 can see of L2's interrupts after L2 exited: RVI and SVI, if L1 uses virtual-interrupt delivery. Linux
 * `sync_vmcs02_to_vmcs12`.
 */
export function syncVmcs12(vmcs02: ApicVmcs, vmcs12: ApicVmcs): void {
  if (hasSecondary(vmcs12, Secondary.virtualInterruptDelivery)) {
    vmcs12.guestInterruptStatus = vmcs02.guestInterruptStatus;
  }
}
