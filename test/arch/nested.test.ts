import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ApicRegisters,
  adjustControls,
  capabilitiesOf,
  checkVmEntry,
  completeNestedPostedInterrupts,
  composeVmcs02,
  createVmcs,
  ExitReason,
  emptyDescriptor,
  emptyMsrBitmap,
  hasNestedInterrupt,
  hasPin,
  hasPrimary,
  hasSecondary,
  isNestedNotification,
  isSupported,
  type MsrBitmap,
  type NestedPages,
  nestedCapabilities,
  nestedExitOwner,
  nestedInterrupt,
  nestedMsrBitmap,
  PinBased,
  Primary,
  resetRegisters,
  rvi,
  Secondary,
  setBit,
  syncVmcs12,
  testBit,
  type Vmcs,
} from '../../src/arch/index.js';
import { validContext, validVmcs } from '../../src/testing/arbitraries/valid-vmcs.js';

const host = capabilitiesOf();
const seenByL1 = () => nestedCapabilities(host);

/** L1's VMCS for L2: as a hypervisor sets it up that uses all of APIC virtualization that it sees. */
function vmcs12With(secondary: number, pin = 0, primary = 0): Vmcs {
  const vmcs = validVmcs();
  vmcs.pinBasedControls = adjustControls('pinBased', ['pinBased.externalInterruptExiting'], [], seenByL1())[0] | pin;
  const [base] = adjustControls(
    'primary',
    ['primary.activateSecondaryControls', 'primary.useTprShadow'],
    [],
    seenByL1(),
  );
  vmcs.primaryControls = (base | primary) >>> 0;
  vmcs.secondaryControls = secondary;
  vmcs.tertiaryControls = [0, 0];
  vmcs.postedInterruptNotificationVector = 0x77;
  vmcs.guestInterruptStatus = 0x0031;
  vmcs.eoiExitBitmap0 = [0, 0x10];
  vmcs.eoiExitBitmap1 = [0x10, 0x20];
  vmcs.eoiExitBitmap2 = [0x30, 0x40];
  vmcs.eoiExitBitmap3 = [0x50, 0x60];
  return vmcs;
}

const x2apic =
  Secondary.virtualizeX2apicMode | Secondary.apicRegisterVirtualization | Secondary.virtualInterruptDelivery;
const pages: NestedPages = {
  virtualApic: [0x10_5000, 0],
  apicAccess: [0x10_6000, 0],
  descriptor: [0x10_8040, 0],
  msrBitmap: true,
};

describe('what L1 sees', () => {
  it('is APIC virtualization with posted interrupts, but no tertiary control', () => {
    for (const control of [
      'primary.useTprShadow',
      'secondary.virtualizeApicAccesses',
      'secondary.virtualizeX2apicMode',
      'secondary.apicRegisterVirtualization',
      'secondary.virtualInterruptDelivery',
      'pinBased.processPostedInterrupts',
      'exit.acknowledgeInterruptOnExit',
    ] as const) {
      expect([control, isSupported(seenByL1(), control)]).toEqual([control, true]);
    }
    expect(isSupported(seenByL1(), 'primary.activateTertiaryControls')).toBe(false);
    expect(seenByL1().tertiary).toEqual([0, 0]);
  });

  it('has posted interrupts only with enable_apicv, and APIC accesses only with flexpriority', () => {
    const off = nestedCapabilities(host, { enableApicv: false, flexpriority: false });
    expect(isSupported(off, 'pinBased.processPostedInterrupts')).toBe(false);
    expect(isSupported(off, 'secondary.virtualizeApicAccesses')).toBe(false);
    expect(isSupported(off, 'secondary.virtualInterruptDelivery')).toBe(true);
  });

  it('has no more of APIC virtualization than the host', () => {
    const older = capabilitiesOf({ lacking: ['secondary.virtualInterruptDelivery', 'primary.useTprShadow'] });
    const seen = nestedCapabilities(older);
    expect(isSupported(seen, 'secondary.virtualInterruptDelivery')).toBe(false);
    expect(isSupported(seen, 'pinBased.processPostedInterrupts')).toBe(false); // KVM itself does without APICv
    expect(isSupported(seen, 'secondary.virtualizeApicAccesses')).toBe(false);
    expect(isSupported(seen, 'primary.useMsrBitmaps')).toBe(true);
  });

  it('shows what KVM emulates whatever the host has', () => {
    const none = nestedCapabilities(
      capabilitiesOf({
        lacking: [
          'pinBased.activateVmxPreemptionTimer',
          'secondary.vmcsShadowing',
          'secondary.enableEpt',
          'secondary.enablePml',
        ],
      }),
    );
    expect(isSupported(none, 'pinBased.activateVmxPreemptionTimer')).toBe(true);
    expect(isSupported(none, 'secondary.vmcsShadowing')).toBe(true);
    expect(isSupported(none, 'secondary.enablePml')).toBe(false);
    expect(isSupported(seenByL1(), 'secondary.enablePml')).toBe(true);
  });

  it('lets CR3 and debug controls be 0, knows HLT and wait-for-SIPI, and keeps the address width', () => {
    expect(seenByL1().primary.mustBeOne).toBe(0x0400_6172);
    expect(seenByL1().exit.mustBeOne).toBe(0x3_6dfb);
    expect(seenByL1().entry.mustBeOne).toBe(0x11fb);
    expect(seenByL1().activityStates).toBe(0b101);
    expect(nestedCapabilities(capabilitiesOf({ physicalAddressWidth: 52 })).physicalAddressWidth).toBe(52);
    expect([seenByL1().zeroLengthInjection, seenByL1().anyErrorCode]).toEqual([0, 0]);
  });
});

describe('vmcs02', () => {
  const vmcs01 = validVmcs();
  const compose = (vmcs12: Vmcs, where: NestedPages = pages) => {
    const merged = composeVmcs02(vmcs01, vmcs12, where);
    if (merged === null) throw new Error('not composed');
    return merged;
  };

  it('has only what L1 asks for of what L2 sees, though L0 uses more for L1', () => {
    const merged = compose(vmcs12With(Secondary.virtualizeApicAccesses));
    expect(hasSecondary(merged, Secondary.virtualizeApicAccesses)).toBe(true);
    expect(hasSecondary(merged, x2apic)).toBe(false);
    expect(hasPin(merged, PinBased.processPostedInterrupts)).toBe(false);
    expect(merged.guestInterruptStatus).toBe(0);
    expect(merged.tertiaryControls).toEqual([0, 0]);
  });

  it('takes posted interrupts for L2 to the descriptor of L1 with a vector of the host', () => {
    const merged = compose(vmcs12With(x2apic, PinBased.processPostedInterrupts));
    expect(hasPin(merged, PinBased.processPostedInterrupts)).toBe(true);
    expect(merged.postedInterruptNotificationVector).toBe(0xf0);
    expect(merged.postedInterruptDescriptorAddress).toEqual([0x10_8040, 0]);
    expect(merged.virtualApicAddress).toEqual([0x10_5000, 0]);
    expect(merged.guestInterruptStatus).toBe(0x0031);
    for (const bitmap of ['eoiExitBitmap0', 'eoiExitBitmap1', 'eoiExitBitmap2', 'eoiExitBitmap3'] as const) {
      expect(merged[bitmap]).toEqual(vmcs12With(x2apic)[bitmap]);
    }
    expect(merged.pidPointerTableAddress).toEqual([0, 0]);
    expect(merged.lastPidPointerIndex).toBe(0);
  });

  it('does without posted interrupts if the descriptor is not in memory', () => {
    const merged = compose(vmcs12With(x2apic, PinBased.processPostedInterrupts), { ...pages, descriptor: null });
    expect(hasPin(merged, PinBased.processPostedInterrupts)).toBe(false);
    expect(merged.postedInterruptDescriptorAddress).toEqual([0, 0]);
  });

  it('is not made without the APIC-access page', () => {
    const vmcs12 = vmcs12With(Secondary.virtualizeApicAccesses);
    expect(composeVmcs02(vmcs01, vmcs12, { ...pages, apicAccess: null })).toBeNull();
    expect(compose(vmcs12With(x2apic), { ...pages, apicAccess: null }).apicAccessAddress).toEqual([0, 0]);
    expect(compose(vmcs12).apicAccessAddress).toEqual([0x10_6000, 0]);
  });

  it('gets an impossible virtual-APIC address without the page, unless nothing would look into it', () => {
    const without: NestedPages = { ...pages, virtualApic: null };
    expect(compose(vmcs12With(0), without).virtualApicAddress).toEqual([0xffff_ffff, 0xffff_ffff]);
    expect(hasPrimary(compose(vmcs12With(0), without), Primary.useTprShadow)).toBe(true);
    const cr8 = Primary.cr8LoadExiting | Primary.cr8StoreExiting;
    expect(hasPrimary(compose(vmcs12With(0, 0, cr8), without), Primary.useTprShadow)).toBe(false);
    expect(hasPrimary(compose(vmcs12With(0, 0, Primary.cr8LoadExiting), without), Primary.useTprShadow)).toBe(true);
    expect(hasPrimary(compose(vmcs12With(0, 0, Primary.cr8StoreExiting), without), Primary.useTprShadow)).toBe(true);
    const accesses = vmcs12With(Secondary.virtualizeApicAccesses, 0, cr8);
    expect(hasPrimary(compose(accesses, without), Primary.useTprShadow)).toBe(true);
    expect(hasPrimary(compose(vmcs12With(0, 0, cr8)), Primary.useTprShadow)).toBe(true);
  });

  it('makes CR8 exit without a TPR shadow, so that it never reaches the host', () => {
    const vmcs12 = vmcs12With(0);
    vmcs12.primaryControls = (vmcs12.primaryControls & ~Primary.useTprShadow) >>> 0;
    vmcs12.tprThreshold = 5;
    const merged = compose(vmcs12);
    expect(hasPrimary(merged, Primary.useTprShadow)).toBe(false);
    expect(hasPrimary(merged, Primary.cr8LoadExiting) && hasPrimary(merged, Primary.cr8StoreExiting)).toBe(true);
    expect(merged.tprThreshold).toBe(0);
    expect(merged.virtualApicAddress).toEqual([0, 0]);
    const shadow = vmcs12With(0);
    shadow.tprThreshold = 5;
    expect(compose(shadow).tprThreshold).toBe(5);
    expect(hasPrimary(compose(shadow), Primary.cr8LoadExiting)).toBe(false);
  });

  it('is a union where it protects the host, less what belongs to L1 alone or is emulated', () => {
    const l0 = validVmcs();
    l0.pinBasedControls |= PinBased.activateVmxPreemptionTimer;
    l0.primaryControls = (l0.primaryControls | Primary.interruptWindowExiting | Primary.hltExiting) >>> 0;
    l0.secondaryControls |=
      Secondary.enablePml |
      Secondary.enableEpt |
      Secondary.unrestrictedGuest |
      Secondary.enableRdtscp |
      Secondary.vmcsShadowing;
    const merged = composeVmcs02(l0, vmcs12With(0, 0, Primary.useIOBitmaps), pages) as Vmcs;
    expect(hasPin(merged, PinBased.activateVmxPreemptionTimer)).toBe(true);
    expect(hasPrimary(merged, Primary.hltExiting)).toBe(true);
    expect(hasPrimary(merged, Primary.unconditionalIOExiting)).toBe(true);
    expect(hasPrimary(merged, Primary.interruptWindowExiting)).toBe(false);
    expect(hasPrimary(merged, Primary.useIOBitmaps)).toBe(false);
    expect(hasSecondary(merged, Secondary.enableEpt)).toBe(true);
    expect(hasSecondary(merged, Secondary.enablePml | Secondary.unrestrictedGuest)).toBe(false);
    expect(hasSecondary(merged, Secondary.enableRdtscp | Secondary.vmcsShadowing)).toBe(false);
    const timer = composeVmcs02(vmcs01, vmcs12With(0, PinBased.activateVmxPreemptionTimer), pages) as Vmcs;
    expect(hasPin(timer, PinBased.activateVmxPreemptionTimer)).toBe(false); // L2's timer is emulated
    const unrestricted = composeVmcs02(l0, vmcs12With(Secondary.unrestrictedGuest), pages) as Vmcs;
    expect(hasSecondary(unrestricted, Secondary.unrestrictedGuest)).toBe(true);
  });

  it("ignores L1's secondary controls while L1 has not activated them", () => {
    const vmcs12 = vmcs12With(x2apic);
    vmcs12.primaryControls = (vmcs12.primaryControls & ~Primary.activateSecondaryControls) >>> 0;
    const merged = compose(vmcs12);
    expect(merged.secondaryControls & x2apic).toBe(0);
    expect(merged.guestInterruptStatus).toBe(0);
  });

  it('uses MSR bitmaps only if they could be merged', () => {
    expect(hasPrimary(compose(vmcs12With(0)), Primary.useMsrBitmaps)).toBe(true);
    expect(hasPrimary(compose(vmcs12With(0), { ...pages, msrBitmap: false }), Primary.useMsrBitmaps)).toBe(false);
  });

  it('passes the checks of the processor whenever vmcs12 passes those that L1 sees', () => {
    const flags = (masks: readonly number[]) =>
      fc.subarray([...masks]).map((chosen) => chosen.reduce((word, mask) => (word | mask) >>> 0, 0));
    const secondaryMasks = [
      Secondary.virtualizeApicAccesses,
      Secondary.virtualizeX2apicMode,
      Secondary.apicRegisterVirtualization,
      Secondary.virtualInterruptDelivery,
    ];
    const primaryMasks = [
      Primary.useTprShadow,
      Primary.useMsrBitmaps,
      Primary.cr8LoadExiting,
      Primary.activateSecondaryControls,
    ];
    let valid = 0;
    fc.assert(
      fc.property(
        flags([PinBased.externalInterruptExiting, PinBased.processPostedInterrupts]),
        flags(primaryMasks),
        flags(secondaryMasks),
        fc.nat(15),
        fc.nat(255),
        (pin, primary, secondary, threshold, virtualTpr) => {
          const vmcs12 = vmcs12With(secondary);
          vmcs12.pinBasedControls = seenByL1().pinBased.mustBeOne | pin;
          vmcs12.primaryControls = (seenByL1().primary.mustBeOne | primary) >>> 0;
          vmcs12.tprThreshold = threshold;
          fc.pre(checkVmEntry(vmcs12, { capabilities: seenByL1(), virtualTpr }).length === 0);
          valid++;
          const merged = { ...createVmcs(), ...validVmcs(), ...compose(vmcs12) };
          expect(checkVmEntry(merged, { ...validContext(host), virtualTpr })).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
    expect(valid).toBeGreaterThan(100);
  });

  it('shares no pair with what it was made of', () => {
    const vmcs12 = vmcs12With(x2apic, PinBased.processPostedInterrupts);
    const merged = compose(vmcs12);
    merged.eoiExitBitmap1[0] = 0xff;
    merged.virtualApicAddress[0] = 0;
    expect(vmcs12.eoiExitBitmap1).toEqual([0x10, 0x20]);
    expect(pages.virtualApic).toEqual([0x10_5000, 0]);
  });

  it('gives RVI and SVI back to L1, if L1 delivers virtual interrupts', () => {
    const vmcs12 = vmcs12With(x2apic);
    const merged = compose(vmcs12);
    merged.guestInterruptStatus = 0x3141;
    syncVmcs12(merged, vmcs12);
    expect(vmcs12.guestInterruptStatus).toBe(0x3141);
    const without = vmcs12With(0);
    syncVmcs12(merged, without);
    expect(without.guestInterruptStatus).toBe(0x0031);
  });
});

describe("L2's MSR bitmap", () => {
  const open = emptyMsrBitmap();
  const passed = (bitmap: MsrBitmap | null, access: 'read' | 'write') =>
    Array.from({ length: 256 }, (_, msr) => msr).filter((msr) => bitmap !== null && !testBit(bitmap[access], msr));
  const merge = (secondary: number, bitmap12 = open) =>
    nestedMsrBitmap(vmcs12With(secondary, 0, Primary.useMsrBitmaps), bitmap12);

  it('is not used if L1 uses none', () => {
    expect(nestedMsrBitmap(vmcs12With(x2apic), open)).toBeNull();
  });

  it('lets nothing through without "virtualize x2APIC mode", which would reach the host\'s APIC', () => {
    expect(passed(merge(Secondary.apicRegisterVirtualization), 'read')).toEqual([]);
    expect(passed(merge(Secondary.virtualInterruptDelivery), 'write')).toEqual([]);
  });

  it('lets through what the processor virtualizes', () => {
    expect(passed(merge(Secondary.virtualizeX2apicMode), 'read')).toEqual([0x08]);
    expect(passed(merge(Secondary.virtualizeX2apicMode), 'write')).toEqual([0x08]);
    expect(passed(merge(x2apic), 'read')).toHaveLength(256);
    expect(passed(merge(x2apic), 'write')).toEqual([0x08, 0x0b, 0x3f]); // never the ICR, 830H
  });

  it('keeps what L1 wants to see', () => {
    const closed = emptyMsrBitmap();
    for (const msr of [0x08, 0x0b, 0x39]) {
      setBit(closed.read, msr);
      setBit(closed.write, msr);
    }
    expect(passed(merge(x2apic, closed), 'write')).toEqual([0x3f]);
    expect(passed(merge(x2apic, closed), 'read')).not.toContain(0x39);
    expect(passed(merge(Secondary.virtualizeX2apicMode, closed), 'read')).toEqual([]);
    setBit(closed.write, 0x3f);
    expect(passed(merge(x2apic, closed), 'write')).toEqual([]);
  });
});

describe('an interrupt for L1 while L2 runs', () => {
  const posted = vmcs12With(x2apic, PinBased.processPostedInterrupts);

  it('is a notification if it has the vector that L1 chose', () => {
    expect(isNestedNotification(posted, 0x77)).toBe(true);
    expect(isNestedNotification(posted, 0x78)).toBe(false);
    expect(isNestedNotification(vmcs12With(x2apic), 0x77)).toBe(false);
    expect(nestedInterrupt(posted, 0x77)).toEqual({ kind: 'nested-notification' });
  });

  it('makes L2 exit to L1 otherwise, acknowledged if L1 wants that', () => {
    expect(nestedInterrupt(posted, 0xec)).toEqual({ kind: 'exit-to-l1', interruptionInformation: 0x8000_00ec });
    const unacknowledged = { ...vmcs12With(x2apic), exitControls: 0 };
    expect(nestedInterrupt(unacknowledged, 0xec)).toEqual({ kind: 'exit-to-l1', interruptionInformation: 0 });
  });

  it('goes to L2 itself if L1 does not exit on external interrupts', () => {
    const vmcs12 = vmcs12With(0);
    vmcs12.pinBasedControls = 0x16;
    expect(nestedInterrupt(vmcs12, 0xec)).toEqual({ kind: 'inject-into-l2' });
  });
});

describe('posted interrupts for L2 that no processor took', () => {
  const posted = (on: number, ...vectors: number[]) => {
    const descriptor = { ...emptyDescriptor(), on };
    for (const vector of vectors) setBit(descriptor.pir, vector);
    return descriptor;
  };

  it('are moved into its page and raise RVI', () => {
    const vmcs02 = vmcs12With(x2apic);
    vmcs02.guestInterruptStatus = 0x2035;
    const page = resetRegisters();
    const descriptor = posted(1, 0x31, 0x91);
    expect(completeNestedPostedInterrupts(vmcs02, page, descriptor)).toBe(true);
    expect(descriptor).toEqual(emptyDescriptor());
    expect(testBit(page.irr, 0x31) && testBit(page.irr, 0x91)).toBe(true);
    expect(vmcs02.guestInterruptStatus).toBe(0x2091);
  });

  it('keep a higher RVI', () => {
    const vmcs02 = vmcs12With(x2apic);
    vmcs02.guestInterruptStatus = 0xa0;
    completeNestedPostedInterrupts(vmcs02, resetRegisters(), posted(1, 0x31));
    expect(rvi(vmcs02)).toBe(0xa0);
  });

  it('move even vector 0', () => {
    const page = resetRegisters();
    completeNestedPostedInterrupts(vmcs12With(x2apic), page, posted(1, 0));
    expect(testBit(page.irr, 0)).toBe(true);
  });

  it('leave RVI alone if there are none, though it is stale', () => {
    const vmcs02 = vmcs12With(x2apic);
    const page = resetRegisters();
    setBit(page.irr, 0x91);
    completeNestedPostedInterrupts(vmcs02, page, posted(1));
    expect(rvi(vmcs02)).toBe(0x31);
    completeNestedPostedInterrupts(vmcs02, page, posted(1, 0x41));
    expect(rvi(vmcs02)).toBe(0x91);
  });

  it('stay where they are while ON is 0, and may be none', () => {
    const vmcs02 = vmcs12With(x2apic);
    const page: ApicRegisters = resetRegisters();
    const quiet = posted(0, 0x31);
    expect(completeNestedPostedInterrupts(vmcs02, page, quiet)).toBe(false);
    expect(quiet).toEqual(posted(0, 0x31));
    expect(completeNestedPostedInterrupts(vmcs02, page, posted(1))).toBe(true);
    expect(page).toEqual(resetRegisters());
    expect(rvi(vmcs02)).toBe(0x31);
  });
});

describe('a halted L2', () => {
  const vmcs12 = vmcs12With(x2apic);
  const page = (ppr: number): ApicRegisters => ({ ...resetRegisters(), ppr });
  const pending = (status: number, ppr: number, vector = -1, notified = true, on = 1) => {
    const descriptor = { ...emptyDescriptor(), on };
    if (vector >= 0) setBit(descriptor.pir, vector);
    return hasNestedInterrupt({ ...vmcs12, guestInterruptStatus: status }, vmcs12, page(ppr), descriptor, notified);
  };

  it('wakes for RVI of a class above VPPR', () => {
    expect(pending(0x31, 0x20)).toBe(true);
    expect(pending(0x3f, 0x30)).toBe(false);
    expect(pending(0, 0)).toBe(false);
  });

  it('wakes for what is posted, if a notification is open and ON is set', () => {
    expect(pending(0, 0x20, 0x31)).toBe(true);
    expect(pending(0, 0x30, 0x31)).toBe(false);
    expect(pending(0, 0, 0x31, false)).toBe(false);
    expect(pending(0, 0, 0x31, true, 0)).toBe(false);
    expect(hasNestedInterrupt({ ...vmcs12, guestInterruptStatus: 0 }, vmcs12, page(0), null, true)).toBe(false);
  });

  it('is left to L1 without virtual-interrupt delivery', () => {
    const plain = vmcs12With(0);
    expect(hasNestedInterrupt(plain, plain, page(0), null, false)).toBe(false);
  });
});

describe('whose exit it is', () => {
  const owner = (reason: ExitReason, primary = 0, tprShadow = true) => {
    const vmcs12 = vmcs12With(x2apic, 0, primary);
    if (!tprShadow) vmcs12.primaryControls = (vmcs12.primaryControls & ~Primary.useTprShadow) >>> 0;
    return nestedExitOwner(vmcs12, reason);
  };

  it('is by who asked for it', () => {
    expect(owner(ExitReason.ExternalInterrupt)).toBe('L0');
    expect(owner(ExitReason.ExternalInterrupt, Primary.interruptWindowExiting)).toBe('L0');
    expect(owner(ExitReason.InterruptWindow)).toBe('L0');
    expect(owner(ExitReason.InterruptWindow, Primary.interruptWindowExiting)).toBe('L1');
    expect(owner(ExitReason.Hlt)).toBe('L0');
    expect(owner(ExitReason.Hlt, Primary.hltExiting)).toBe('L1');
    expect(owner(ExitReason.TprBelowThreshold)).toBe('L1');
    expect(owner(ExitReason.TprBelowThreshold, 0, false)).toBe('L0');
    const own = [ExitReason.ApicAccess, ExitReason.ApicWrite, ExitReason.EoiInduced].map((reason) => owner(reason));
    expect(own).toEqual(['L1', 'L1', 'L1']);
    expect(owner(ExitReason.Cpuid)).toBeNull();
  });
});
