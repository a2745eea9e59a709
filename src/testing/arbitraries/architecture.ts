import { ApicMode } from '../../arch/apic-mode.js';
import type { ApicRegisters } from '../../arch/apic-registers.js';
import { resetRegisters } from '../../arch/apic-registers.js';
import { clearBit, highestBit, setBit } from '../../arch/bits256.js';
import { PinBased, Secondary, Tertiary } from '../../arch/controls.js';
import { createVirtualProcessor } from '../../arch/create-virtual-processor.js';
import { x2apicLdr } from '../../arch/destination.js';
import { icrReservedHighXapic, icrReservedLow } from '../../arch/icr.js';
import { createLocalApic, type LocalApic } from '../../arch/local-apic/local-apic.js';
import { updateProcessorPriority } from '../../arch/local-apic/priority.js';
import type { PostedInterruptDescriptor } from '../../arch/posted-interrupt-descriptor.js';
import type { ApicVmcs, VirtualProcessor } from '../../arch/virtual-processor.js';
import type { VmEntryContext } from '../../arch/vm-entry/failure.js';
import type { Vmcs } from '../../arch/vmcs.js';
import type { Arbitrary, Fc } from './fast-check.js';
import { validContext, validVmcs } from './valid-vmcs.js';
import { brokenBy, type VmEntryCase, vmEntryCases } from './vm-entry-cases.js';

/** What is right or wrong with a generated ICR value. */
export type IcrValidity = 'valid' | 'near-valid' | 'reserved';

/** A generated ICR value. */
export interface GeneratedIcr {
  /** Bits 31:0. */
  readonly low: number;
  /** Bits 63:32, in the form of the mode. */
  readonly high: number;
  /**
   * `valid`: a combination that the SDM defines, no reserved bit set. `near-valid`: no reserved bit either, but something that sends
   * nothing or other than it looks: a reserved delivery mode, a vector below 16, a level that is de-asserted, a shorthand with a mode
   * that it does not go with, in xAPIC mode the delivery-status bit. `reserved`: one or more reserved bits set.
   */
  readonly validity: IcrValidity;
}

interface IcrSetting {
  readonly mode?: 'xapic' | 'x2apic';
  readonly validity?: IcrValidity;
}

function destinations(fc: Fc, x2apic: boolean): Arbitrary<number> {
  if (!x2apic) {
    const id = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 255 }), fc.constant(0xff));
    return id.map((value) => (value << 24) >>> 0);
  }
  return fc.oneof(
    fc.integer({ min: 0, max: 7 }),
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.constantFrom(0xff, 0xffff_ffff),
  );
}

/** @internal */
export function icr(fc: Fc, setting: IcrSetting = {}): Arbitrary<GeneratedIcr> {
  const { mode = 'x2apic', validity } = setting;
  const x2apic = mode === 'x2apic';
  const vector = fc.integer({ min: 16, max: 255 });
  const high = destinations(fc, x2apic);
  const addressing = fc.constantFrom(0, 0x800);
  const fixed = fc
    .record({
      vector,
      addressing,
      shorthand: fc.constantFrom(0, 0x4_0000, 0x8_0000, 0xc_0000),
      level: fc.constantFrom(0x4000, 0),
    })
    .map((f) => f.level | f.shorthand | f.addressing | f.vector);
  const other = fc
    .record({
      vector,
      addressing,
      mode: fc.constantFrom(0x100, 0x200, 0x400, 0x500, 0x600),
      shorthand: fc.constantFrom(0, 0xc_0000),
    })
    .map((f) => 0x4000 | f.shorthand | f.mode | f.addressing | (f.mode === 0x200 || f.mode === 0x500 ? 0 : f.vector));
  const valid = fc.oneof({ weight: 3, arbitrary: fixed }, { weight: 1, arbitrary: other });
  const near = fc
    .record({ low: valid, twist: fc.integer({ min: 0, max: x2apic ? 3 : 4 }), bits: fc.integer({ min: 0, max: 15 }) })
    .map(({ low, twist, bits }) => {
      if (twist === 0) return (low & ~0x700) | ((bits & 1) === 0 ? 0x300 : 0x700);
      if (twist === 1) return (low & ~0x7ff) | bits;
      if (twist === 2) return (low & ~0x4000) | 0x8000;
      if (twist === 3) return (low & ~0xc_0700) | 0x4_0000 | ((bits & 1) === 0 ? 0x400 : 0x500);
      return low | 0x1000;
    });
  const reservedBits = fc
    .integer({ min: 1, max: 0xffff_ffff })
    .map((bits) => (bits & icrReservedLow) >>> 0)
    .filter((bits) => bits !== 0);
  const reserved = fc.record({ low: valid, bits: reservedBits }).map(({ low, bits }) => (low | bits) >>> 0);
  const kinds: Record<IcrValidity, Arbitrary<number>> = { valid, 'near-valid': near, reserved };
  const asked: IcrValidity[] = validity === undefined ? ['valid', 'near-valid', 'reserved'] : [validity];
  return fc.oneof(
    ...asked.map((kind) =>
      fc.record({ low: kinds[kind], high }).map(
        (value): GeneratedIcr => ({
          low: value.low >>> 0,
          high: x2apic ? value.high : (value.high & ~icrReservedHighXapic) >>> 0,
          validity: kind,
        }),
      ),
    ),
  );
}

function vectors(fc: Fc, most: number): Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 16, max: 255 }), { maxLength: most });
}

/** @internal Registers of a local APIC that a guest could have brought about: what is in service nests, PPR fits. */
export function apicRegisters(
  fc: Fc,
  setting: { readonly mode?: 'xapic' | 'x2apic'; readonly id?: number } = {},
): Arbitrary<ApicRegisters> {
  const { mode = 'x2apic', id = 0 } = setting;
  return fc
    .record({
      requested: vectors(fc, 5),
      nested: vectors(fc, 3),
      level: vectors(fc, 3),
      tpr: fc.integer({ min: 0, max: 255 }),
      enabled: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      lvtTimer: fc.constantFrom(0x1_0000, 0x400ec, 0xec, 0x200ec),
    })
    .map(({ requested, nested, level, tpr, enabled, lvtTimer }) => {
      const registers = resetRegisters();
      registers.id = mode === 'x2apic' ? id : (id << 24) >>> 0;
      registers.ldr = mode === 'x2apic' ? x2apicLdr(id) : ((1 << (id & 7)) << 24) >>> 0;
      registers.svr = enabled ? 0x1ff : 0xff;
      registers.tpr = tpr;
      registers.lvtTimer = enabled ? lvtTimer : lvtTimer | 0x1_0000;
      for (const vector of requested) setBit(registers.irr, vector);
      // Only a higher class interrupts a handler: of each class one at most is in service.
      const classes = new Set<number>();
      for (const vector of nested) {
        if (classes.has(vector >> 4)) continue;
        classes.add(vector >> 4);
        setBit(registers.isr, vector);
      }
      for (const vector of level) setBit(registers.tmr, vector);
      updateProcessorPriority(registers);
      return registers;
    });
}

/** @internal A local APIC in xAPIC or x2APIC mode. */
export function localApic(
  fc: Fc,
  setting: { readonly mode?: 'xapic' | 'x2apic'; readonly id?: number } = {},
): Arbitrary<LocalApic> {
  const { mode = 'x2apic', id = 0 } = setting;
  return apicRegisters(fc, setting).map((registers) => ({
    ...createLocalApic(id, id === 0 ? 1 : 0),
    mode: mode === 'x2apic' ? ApicMode.x2apic : ApicMode.xapic,
    registers: { ...registers, version: createLocalApic(id).registers.version },
  }));
}

/** @internal A virtual CPU under these controls, its guest interrupt status as at a VM entry: RVI and SVI the highest of VIRR and VISR. */
export function virtualProcessor(fc: Fc, controls: Partial<ApicVmcs> = {}): Arbitrary<VirtualProcessor> {
  return fc
    .record({
      page: apicRegisters(fc),
      interruptFlag: fc.constantFrom(1, 0),
      shadow: fc.constantFrom(0, 0, 0, 1, 2),
      activity: fc.constantFrom(0, 0, 0, 1),
    })
    .map(({ page, interruptFlag, shadow, activity }) => {
      const rvi = Math.max(0, highestBit(page.irr));
      const svi = Math.max(0, highestBit(page.isr));
      const processor = createVirtualProcessor({ ...controls, guestInterruptStatus: rvi | (svi << 8) });
      // What the SDM's checks on guest state exclude: an STI shadow with interrupts off, HLT with a shadow.
      const blocking = activity === 1 || (shadow === 1 && interruptFlag === 0) ? 0 : shadow;
      return { ...processor, page, interruptFlag, interruptibility: blocking, activity };
    });
}

/** @internal A posted-interrupt descriptor: any, or one that a protocol which keeps its promises can leave at rest. */
export function descriptor(
  fc: Fc,
  setting: { readonly consistent?: boolean } = {},
): Arbitrary<PostedInterruptDescriptor> {
  const { consistent = true } = setting;
  return fc
    .record({
      posted: vectors(fc, 4),
      on: fc.constantFrom(0, 1),
      sn: fc.constantFrom(0, 0, 1),
      nv: fc.constantFrom(0xf2, 0xf1, 0xf0),
      ndst: fc.integer({ min: 0, max: 7 }),
    })
    .map(({ posted, on, sn, nv, ndst }) => {
      const pir = [0, 0, 0, 0, 0, 0, 0, 0];
      for (const vector of posted) setBit(pir, vector);
      // With nothing suppressed, a request is announced.
      return { pir, on: consistent && posted.length > 0 && sn === 0 ? 1 : on, sn, nv, ndst };
    });
}

/** A VMCS and what its VM entry depends on beside it. */
export interface GeneratedVmcs {
  readonly vmcs: Vmcs;
  readonly context: VmEntryContext;
}

/** A VMCS that breaks one rule of VM entry. */
export interface GeneratedBrokenVmcs extends GeneratedVmcs {
  /** The one rule that `checkVmEntry` reports. */
  readonly rule: string;
  readonly area: VmEntryCase['area'];
  /** How it is broken, in words. */
  readonly title: string;
}

const aligned = (bits: number) => (value: number) => ((value >>> bits) << bits) >>> 0;

/** @internal A VMCS that passes every check: controls of APIC virtualization off or on as they may be together, any addresses. */
export function vmcs(fc: Fc): Arbitrary<GeneratedVmcs> {
  const low = fc.integer({ min: 0, max: 0xffff_ffff });
  return fc
    .record({
      page: low.map(aligned(12)),
      access: low.map(aligned(12)),
      bitmap: low.map(aligned(12)),
      descriptorAt: low.map(aligned(6)),
      table: low.map(aligned(3)),
      last: fc.integer({ min: 0, max: 0xffff }),
      nv: fc.integer({ min: 0, max: 255 }),
      timer: fc.integer({ min: 0, max: 255 }),
      xapic: fc.boolean(),
      ipiVirtualization: fc.boolean(),
      posted: fc.boolean(),
      timerVirtualization: fc.boolean(),
      status: fc.integer({ min: 0, max: 0xffff }),
    })
    .map((f) => {
      const context = validContext();
      const made = validVmcs(context.capabilities);
      made.virtualApicAddress = [f.page, 0];
      made.apicAccessAddress = [f.access, 0];
      made.addressOfMsrBitmaps = [f.bitmap, 0];
      made.postedInterruptDescriptorAddress = [f.descriptorAt, 0];
      made.pidPointerTableAddress = [f.table, 1];
      made.lastPidPointerIndex = f.last;
      made.postedInterruptNotificationVector = f.nv;
      made.virtualTimerVector = f.timer;
      made.guestInterruptStatus = f.status;
      // Of the two forms of the APIC's registers, one.
      if (f.xapic) made.secondaryControls ^= Secondary.virtualizeX2apicMode | Secondary.virtualizeApicAccesses;
      if (!f.posted) made.pinBasedControls &= ~PinBased.processPostedInterrupts;
      const ipi = f.ipiVirtualization ? Tertiary.ipiVirtualization : 0;
      made.tertiaryControls = [ipi | (f.timerVirtualization ? Tertiary.apicTimerVirtualization : 0), 0];
      return { vmcs: made, context };
    });
}

/** @internal A VMCS that breaks exactly one rule. */
export function brokenVmcs(fc: Fc): Arbitrary<GeneratedBrokenVmcs> {
  return fc.constantFrom<VmEntryCase>(...vmEntryCases).map((broken) => {
    const [made, context] = brokenBy(broken);
    return { vmcs: made, context, rule: broken.rule, area: broken.area, title: broken.title };
  });
}

/** @internal A set of vectors as 256 bits, with some cleared again: what a register page holds. */
export function vectorSet(fc: Fc): Arbitrary<number[]> {
  return fc.record({ set: vectors(fc, 8), cleared: vectors(fc, 2) }).map(({ set, cleared }) => {
    const bits = [0, 0, 0, 0, 0, 0, 0, 0];
    for (const vector of set) setBit(bits, vector);
    for (const vector of cleared) clearBit(bits, vector);
    return bits;
  });
}
