import { describe, expect, it } from 'vitest';
import {
  type Acceptance,
  ApicError,
  acceptInterrupt,
  createLocalApic,
  DeliveryMode,
  deliverMessage,
  type InterruptMessage,
  type LocalApic,
  lowestPriorityReceiver,
  messageOfIcr,
  raiseLvt,
  receiversOf,
  Shorthand,
  writeXapic,
} from '../../../src/arch/index.js';
import { setOf, vectorsOf } from '../guest.js';

function bus(count: number): LocalApic[] {
  return Array.from({ length: count }, (_, id) => {
    const apic = createLocalApic(id);
    writeXapic(apic, 0x0f0, 0x1ff);
    writeXapic(apic, 0x0d0, (1 << (24 + id)) >>> 0);
    return apic;
  });
}

const fixed: InterruptMessage = {
  vector: 0x41,
  deliveryMode: DeliveryMode.fixed,
  destinationMode: 0,
  destination: 1,
  shorthand: Shorthand.none,
  triggerMode: 0,
};

describe('interrupt messages', () => {
  it('reach those that match, in ascending order', () => {
    const apics = bus(4);
    expect(receiversOf(apics, 0, fixed)).toEqual([1]);
    expect(receiversOf(apics, 0, { ...fixed, destination: 0xff })).toEqual([0, 1, 2, 3]);
    expect(receiversOf(apics, 0, { ...fixed, destination: 0x0a, destinationMode: 1 })).toEqual([1, 3]);
    expect(receiversOf(apics, 2, { ...fixed, shorthand: Shorthand.self })).toEqual([2]);
    expect(receiversOf(apics, 2, { ...fixed, shorthand: Shorthand.allExcludingSelf })).toEqual([0, 1, 3]);
    expect(receiversOf(apics, 2, { ...fixed, shorthand: Shorthand.allIncludingSelf })).toEqual([0, 1, 2, 3]);
    (apics[3] as LocalApic).mode = 0;
    expect(receiversOf(apics, 2, { ...fixed, shorthand: Shorthand.allIncludingSelf })).toEqual([0, 1, 2]);
  });

  it('are accepted into IRR, with the trigger mode in TMR', () => {
    const apics = bus(2);
    expect(deliverMessage(apics, -1, { ...fixed, triggerMode: 1 })).toEqual([{ receiver: 1, acceptance: 'irr' }]);
    const { irr, tmr } = (apics[1] as LocalApic).registers;
    expect([vectorsOf(irr), vectorsOf(tmr)]).toEqual([[0x41], [0x41]]);
    deliverMessage(apics, -1, fixed);
    expect([vectorsOf(irr), vectorsOf(tmr)]).toEqual([[0x41], []]);
  });

  it('other than fixed ones go to the core, also of a software-disabled APIC', () => {
    const accepted = (apic: LocalApic): Acceptance[] =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((mode) => acceptInterrupt(apic, 0x41, mode, 0));
    expect(accepted(createLocalApic(0))).toEqual(['none', 'none', 'smi', 'none', 'nmi', 'init', 'sipi', 'extint']);
    const [enabled] = bus(1) as [LocalApic];
    expect(accepted(enabled).slice(0, 2)).toEqual(['irr', 'irr']);
  });

  it('with vectors below 16 are an error at the receiver', () => {
    const [apic] = bus(1) as [LocalApic];
    expect(acceptInterrupt(apic, 15, DeliveryMode.fixed, 0)).toBe('none');
    expect(apic.errors).toBe(ApicError.receiveIllegalVector);
    expect(vectorsOf(apic.registers.irr)).toEqual([]);
    expect(acceptInterrupt(apic, 16, DeliveryMode.fixed, 0)).toBe('irr');
    expect(acceptInterrupt(apic, 0, DeliveryMode.nmi, 0)).toBe('nmi');
  });

  it('for the lowest priority go to one: the lowest TPR, the first of equals, enabled ones only', () => {
    const apics = bus(4);
    const message = { ...fixed, deliveryMode: DeliveryMode.lowestPriority, destination: 0xff, destinationMode: 1 };
    const tprs = [0x50, 0x30, 0x30, 0x10];
    apics.forEach((apic, i) => {
      writeXapic(apic, 0x080, tprs[i] ?? 0);
    });
    expect(receiversOf(apics, -1, message)).toEqual([3]);
    writeXapic(apics[3] as LocalApic, 0x0f0, 0xff);
    expect(receiversOf(apics, -1, message)).toEqual([1]);
    expect(deliverMessage(apics, -1, message)).toEqual([{ receiver: 1, acceptance: 'irr' }]);
    expect(lowestPriorityReceiver(apics, [0, 2])).toBe(2);
    expect(receiversOf(apics, -1, { ...message, destination: 0x08 })).toEqual([]);
  });
});

describe('what the ICR sends', () => {
  it('its message, as edge', () => {
    expect(messageOfIcr(0xc8f2, 0x0300_0000, false)).toEqual({
      ...fixed,
      vector: 0xf2,
      destinationMode: 1,
      destination: 3,
    });
    expect(messageOfIcr(0x40f2, 0x1_0003, true)).toMatchObject({ destination: 0x1_0003 });
  });

  it('nothing for reserved modes, INIT level de-assert, and shorthands that include the sender with other than fixed', () => {
    for (const low of [0x341, 0x741, 0x8500, 0x4_0441, 0x8_0441, 0x8_0141])
      expect(messageOfIcr(low, 0, false)).toBeUndefined();
    for (const low of [0xc500, 0x500, 0x4_0041, 0x8_0041, 0xc_0441, 0xc_0141])
      expect(messageOfIcr(low, 0, false)).toBeDefined();
    const apic = createLocalApic(0);
    expect(writeXapic(apic, 0x300, 0x341)).toEqual({ kind: 'completed' });
    expect(apic.registers.icrLow).toBe(0x341);
  });

  it('also what nobody accepts: an illegal vector is an error at both ends', () => {
    const apics = bus(2);
    const [sender, receiver] = apics as [LocalApic, LocalApic];
    writeXapic(sender, 0x310, 0x0100_0000);
    const outcome = writeXapic(sender, 0x300, 0x0f);
    if (outcome.kind !== 'ipi') throw new Error(outcome.kind);
    expect(deliverMessage(apics, 0, outcome.message)).toEqual([{ receiver: 1, acceptance: 'none' }]);
    expect([sender.errors, receiver.errors]).toEqual([ApicError.sendIllegalVector, ApicError.receiveIllegalVector]);
    // NMI has no vector.
    writeXapic(sender, 0x280, 0);
    writeXapic(sender, 0x300, 0x400);
    writeXapic(sender, 0x300, 0x601);
    expect(sender.errors).toBe(0);
  });
});

describe('local sources', () => {
  it('do what their LVT entry says', () => {
    const [apic] = bus(1) as [LocalApic];
    expect(raiseLvt(apic, 'lvtTimer')).toBe('none'); // masked
    writeXapic(apic, 0x320, 0xec);
    expect(raiseLvt(apic, 'lvtTimer')).toBe('irr');
    expect(vectorsOf(apic.registers.irr)).toEqual([0xec]);
    writeXapic(apic, 0x360, 0x400);
    expect(raiseLvt(apic, 'lvtLint1')).toBe('nmi');
    writeXapic(apic, 0x350, 0x700);
    expect(raiseLvt(apic, 'lvtLint0')).toBe('extint');
  });

  it('a performance-counter interrupt masks its entry', () => {
    const [apic] = bus(1) as [LocalApic];
    writeXapic(apic, 0x340, 0x400);
    expect([raiseLvt(apic, 'lvtPerformance'), raiseLvt(apic, 'lvtPerformance')]).toEqual(['nmi', 'none']);
    expect(apic.registers.lvtPerformance).toBe(0x1_0400);
  });

  it('a level-triggered pin interrupts once until its EOI', () => {
    const [apic] = bus(1) as [LocalApic];
    writeXapic(apic, 0x350, 0x8045);
    expect([raiseLvt(apic, 'lvtLint0'), raiseLvt(apic, 'lvtLint0')]).toEqual(['irr', 'none']);
    expect(apic.registers.lvtLint0).toBe(0xc045);
    expect(vectorsOf(apic.registers.tmr)).toEqual([0x45]);
    // LINT1 and modes other than fixed are edge-triggered whatever the entry says.
    writeXapic(apic, 0x360, 0x8046);
    expect([raiseLvt(apic, 'lvtLint1'), raiseLvt(apic, 'lvtLint1')]).toEqual(['irr', 'irr']);
    writeXapic(apic, 0x350, 0x8700);
    expect([raiseLvt(apic, 'lvtLint0'), raiseLvt(apic, 'lvtLint0')]).toEqual(['extint', 'extint']);
    expect(vectorsOf(apic.registers.tmr)).toEqual([0x45]);
  });

  it('an error raises the error entry, and an illegal vector there is an error too', () => {
    const [apic] = bus(1) as [LocalApic];
    writeXapic(apic, 0x370, 0xfe);
    writeXapic(apic, 0x010, 0);
    expect(vectorsOf(apic.registers.irr)).toEqual([0xfe]);
    expect(apic.errors).toBe(ApicError.illegalRegisterAddress);
    apic.registers.irr = setOf();
    writeXapic(apic, 0x370, 0x0f);
    writeXapic(apic, 0x010, 0);
    expect(vectorsOf(apic.registers.irr)).toEqual([]);
    expect(apic.errors).toBe(ApicError.illegalRegisterAddress | ApicError.receiveIllegalVector);
    const disabled = createLocalApic(0);
    disabled.registers.lvtError = 0xfe;
    writeXapic(disabled, 0x010, 0);
    expect(vectorsOf(disabled.registers.irr)).toEqual([]);
  });
});
