import { highestBit } from '../../arch/bits256.js';
import { hasPin, hasSecondary, hasTertiary, PinBased, Secondary, Tertiary } from '../../arch/controls.js';
import { rvi, svi } from '../../arch/guest-interrupt-status.js';
import type { MsrBitmap } from '../../arch/msr-bitmap.js';
import { nestedMsrBitmap } from '../../arch/nested/nested-msr-bitmap.js';
import { postedInterruptProcessing } from '../../hardware/posted-interrupt-processing.js';
import { kvmSetOrClearApicvInhibit } from '../../kvm/apicv.js';
import { vmxDeliverInterrupt } from '../../kvm/deliver.js';
import { HostVector, type KvmMachine, type KvmVcpu, VcpuRequest, vmOf } from '../../kvm/machine.js';
import { isNestedContext } from '../../kvm/nested/guest-mode.js';
import type { NestedState } from '../../kvm/nested/nested-state.js';
import { controlChoiceOf, msrBitmapOf } from '../../kvm/set-up.js';
import type { StateInvariant } from './invariant.js';
import { ownThreadIn, place, somebodyIn } from './places.js';

const taking = [place(postedInterruptProcessing, 'acknowledge', 'set-rvi')] as const;
const requesting = place(vmxDeliverInterrupt, 'kvm_lapic_set_irr', 'kvm_make_request');
const telling = place(kvmSetOrClearApicvInhibit, 'set');

/** Looks at every virtual CPU that runs its guest now. */
function eachInGuest(machine: KvmMachine, test: (vcpu: KvmVcpu) => string | undefined): string | undefined {
  for (const { nonRoot, vcpu } of machine.processors) {
    if (nonRoot === 0) continue;
    const wrong = test(machine.vcpus[vcpu] as KvmVcpu);
    if (wrong !== undefined) return `virtual CPU ${vcpu}: ${wrong}`;
  }
  return undefined;
}

/**
 * True if somebody who found APICv inactive has put something into IRR since, and makes the virtual CPU look: it leaves its guest for that.
 */
function isTold(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return (vcpu.requests & VcpuRequest.event) !== 0 || somebodyIn(machine, requesting, 'target', vcpu.id);
}

/** Q5, for as long as the guest runs. */
export const interruptStatus: StateInvariant = {
  id: 'INV3-interrupt-status',
  group: 'INV3',
  statement:
    'While a guest runs with virtual-interrupt delivery, RVI is the highest vector in its IRR and SVI the highest in its ISR: L1\u2019s in L1, L2\u2019s in L2.',
  source: 'SDM vol. 3C, "Guest Interrupt Status"; Linux vmx_set_rvi, vmx_hwapic_isr_update',
  example: 'The guest runs with 43H in ISR, and SVI is 0.',
  check: (machine) =>
    eachInGuest(machine, (vcpu) => {
      const { vmcs, page } = vcpu;
      // AVIC has neither: the core looks at IRR and ISR themselves, when something tells it to.
      if (vcpu.apicvActive === 0 || vcpu.svm === 1) return undefined;
      const highest = Math.max(0, highestBit(page.irr));
      const rviFits = rvi(vmcs) === highest || (rvi(vmcs) < highest && isTold(machine, vcpu));
      const sviFits = svi(vmcs) === Math.max(0, highestBit(page.isr));
      if ((rviFits && sviFits) || ownThreadIn(machine, vcpu, taking)) return undefined;
      return rviFits ? `SVI is ${svi(vmcs)}, not the highest of ISR` : `RVI is ${rvi(vmcs)}, not the highest of IRR`;
    }),
};

/** PPR follows from TPR and ISR. */
export const processorPriority: StateInvariant = {
  id: 'INV3-processor-priority',
  group: 'INV3',
  statement:
    'While the guest runs with virtual-interrupt delivery, PPR is what TPR and the highest vector in service make it.',
  source: 'SDM vol. 3C, "PPR Virtualization"',
  example: '43H is in service, TPR is 0, and PPR is 0.',
  check: (machine) =>
    eachInGuest(machine, ({ apicvActive, page, svm }) => {
      if (apicvActive === 0 || svm === 1) return undefined;
      const inService = Math.max(0, highestBit(page.isr)) & 0xf0;
      const expected = (page.tpr & 0xf0) >= inService ? page.tpr & 0xff : inService;
      return page.ppr === expected ? undefined : `PPR is ${page.ppr}, and TPR and ISR make it ${expected}`;
    }),
};

/** The hint that spares a look at IRR. */
export const irrPending: StateInvariant = {
  id: 'INV12-irr-pending',
  group: 'INV12',
  statement: 'Where IRR holds something, irr_pending is 1; while APICv is active it always is.',
  source: 'Linux apic_find_highest_irr, kvm_apic_update_apicv',
  example: 'IRR holds 40H, and irr_pending is 0.',
  check: (machine) => {
    for (const { id, irrPending: hint, apicvActive, page } of machine.vcpus) {
      if (hint === 0 && (apicvActive === 1 || highestBit(page.irr) >= 0))
        return `virtual CPU ${id}: irr_pending is 0, and ${apicvActive === 1 ? 'APICv is active' : 'IRR holds a request'}`;
    }
    return undefined;
  },
};

const bitmaps = new Map<number, MsrBitmap>();

function expectedBitmap(machine: KvmMachine, vcpu: KvmVcpu): MsrBitmap {
  const choice = controlChoiceOf(machine, vcpu);
  const key =
    8 * vcpu.apicMode + 4 * vcpu.apicvActive + (choice.ipiVirtualization ? 2 : 0) + (choice.tprShadow ? 1 : 0);
  const known = bitmaps.get(key);
  if (known !== undefined) return known;
  const made = msrBitmapOf(choice);
  bitmaps.set(key, made);
  return made;
}

function sameBits(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What is wrong with the controls with which an L2 runs, by what L1 asked for, or undefined. */
function wrongInVmcs02(machine: KvmMachine, { vmcs, nested, msrBitmap }: KvmVcpu): string | undefined {
  const { vmcs12, msrBitmap12 } = machine.nested[nested] as NestedState;
  if (
    hasSecondary(vmcs, Secondary.virtualInterruptDelivery) !==
      hasSecondary(vmcs12, Secondary.virtualInterruptDelivery) ||
    hasPin(vmcs, PinBased.processPostedInterrupts) !== hasPin(vmcs12, PinBased.processPostedInterrupts) ||
    hasTertiary(vmcs, Tertiary.ipiVirtualization) ||
    vmcs.postedInterruptNotificationVector !== HostVector.postedInterruptNested
  )
    return 'its controls are not those that L1 asked for';
  const wanted = nestedMsrBitmap(vmcs12, msrBitmap12) ?? msrBitmap;
  if (!sameBits(wanted.read, msrBitmap.read) || !sameBits(wanted.write, msrBitmap.write))
    return 'its MSR bitmap is not the one that L0 and L1 together ask for';
  return undefined;
}

/** One decision drives controls and MSR bitmap. */
export const accessControls: StateInvariant = {
  id: 'INV13-access-controls',
  group: 'INV13',
  statement:
    'While the guest runs, the controls that virtualize the APIC and the MSR bitmap fit each other and whether APICv is active: no access reaches the processor\u2019s own APIC.',
  source:
    'SDM vol. 3C, "Virtualizing MSR-Based APIC Accesses"; Linux vmx_refresh_apicv_exec_ctrl, vmx_update_msr_bitmap_x2apic',
  example: 'APICv was inhibited, the controls are off, and the MSR bitmap still lets WRMSR of EOI through.',
  check: (machine) =>
    eachInGuest(machine, (vcpu) => {
      // On an AMD host the VMCB says it, and intercepts go with AVIC's own bit.
      if (vcpu.svm === 1) return undefined;
      const { vmcs } = vcpu;
      if (isNestedContext(machine, vcpu)) return wrongInVmcs02(machine, vcpu);
      const ipiVirtualization = vmOf(machine, vcpu).ipiVirtualization === 1;
      const active = vcpu.apicvActive === 1;
      if (
        hasPin(vmcs, PinBased.processPostedInterrupts) !== active ||
        hasSecondary(vmcs, Secondary.virtualInterruptDelivery) !== active ||
        hasSecondary(vmcs, Secondary.apicRegisterVirtualization) !== active ||
        hasTertiary(vmcs, Tertiary.ipiVirtualization) !== (active && ipiVirtualization)
      )
        return 'its controls are not those that APICv asks for';
      const { read, write } = expectedBitmap(machine, vcpu);
      if (!sameBits(read, vcpu.msrBitmap.read) || !sameBits(write, vcpu.msrBitmap.write))
        return 'its MSR bitmap is not the one that its controls ask for';
      return undefined;
    }),
};

/** Nobody goes on with APICv after an inhibit. */
export const inhibitFollowed: StateInvariant = {
  id: 'INV12-inhibit-followed',
  group: 'INV12',
  statement: 'A guest runs with APICv as its VM\u2019s inhibits say, unless it has been asked to look and is about to.',
  source: 'Linux __kvm_set_or_clear_apicv_inhibit, __kvm_vcpu_update_apicv',
  example: 'The VM has an inhibit, APICv is active on a virtual CPU, and no request to look is pending there.',
  check: (machine) =>
    eachInGuest(machine, (vcpu) => {
      // L1 decides for its own guest.
      if (isNestedContext(machine, vcpu)) return undefined;
      const vm = vmOf(machine, vcpu);
      const wanted = vm.apicv === 1 && vm.apicvInhibits === 0 && vcpu.apicMode !== 0;
      if (wanted === (vcpu.apicvActive === 1) || (vcpu.requests & VcpuRequest.apicvUpdate) !== 0) return undefined;
      return somebodyIn(machine, telling) ? undefined : 'APICv is not what the inhibits say, and nobody tells it';
    }),
};
