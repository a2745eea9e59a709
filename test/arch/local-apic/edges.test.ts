import { describe, expect, it } from 'vitest';
import {
  ApicError,
  createLocalApic,
  currentCount,
  defaultApicBase,
  deliverMessage,
  encodeMsi,
  endOfInterrupt,
  expireTscDeadline,
  type InterruptMessage,
  type LocalApic,
  messageOfIcr,
  nextTimerExpiry,
  raiseLvt,
  readX2apic,
  resetRegisters,
  timerExpiries,
  writeApicBase,
  writeTscDeadline,
  writeX2apic,
  writeXapic,
} from '../../../src/arch/index.js';
import { vectorsOf } from '../guest.js';

// The last value on this side of a boundary, and the first on the other: where a wrong comparison would show.

function enabled(id = 0): LocalApic {
  const apic = createLocalApic(id);
  writeXapic(apic, 0x0f0, 0x1ff);
  return apic;
}

function x2apic(): LocalApic {
  const apic = enabled();
  writeApicBase(apic, 0xfee0_0c00, 0, { x2apic: true, physicalAddressWidth: 46 });
  writeX2apic(apic, 0x80f, 0x1ff, 0);
  return apic;
}

describe('IA32_APIC_BASE', () => {
  it('is inside the physical-address width', () => {
    const support = { x2apic: true, physicalAddressWidth: 36 };
    expect(writeApicBase(createLocalApic(0), 0xffff_f800, 0xf, support).kind).toBe('completed');
    const beyond = createLocalApic(0);
    expect(writeApicBase(beyond, 0, 0x10, support).kind).toBe('fault'); // 2^36 itself, disabled
    expect(beyond.base).toBe(defaultApicBase);
  });
});

describe('illegal vectors', () => {
  it('are those below 16, when sent with a mode that has a vector', () => {
    const errors = (icr: number) => {
      const apic = enabled();
      writeXapic(apic, 0x300, icr);
      return apic.errors;
    };
    expect(errors(0x000f)).toBe(ApicError.sendIllegalVector);
    expect(errors(0x0010)).toBe(0);
    expect(errors(0x010f)).toBe(ApicError.sendIllegalVector); // lowest priority
    expect(errors(0x0400)).toBe(0); // NMI
  });

  it('are those below 16 of SELF_IPI', () => {
    const apic = x2apic();
    writeX2apic(apic, 0x83f, 0x10, 0);
    expect(apic.errors).toBe(0);
    writeX2apic(apic, 0x83f, 0x0f, 0);
    expect(apic.errors).toBe(ApicError.sendIllegalVector);
  });

  it('are those below 16 of the LVT error entry', () => {
    const erring = (lvt: number) => {
      const apic = enabled();
      writeXapic(apic, 0x370, lvt);
      writeXapic(apic, 0x300, 0);
      return apic;
    };
    expect(vectorsOf(erring(16).registers.irr)).toEqual([16]);
    expect(erring(16).errors).toBe(ApicError.sendIllegalVector);
    expect(erring(15).errors).toBe(ApicError.sendIllegalVector | ApicError.receiveIllegalVector);
  });
});

describe('the ICR', () => {
  it('sends a level de-assert but for INIT', () => {
    expect(messageOfIcr(0x8031, 0, false)).toMatchObject({ vector: 0x31, deliveryMode: 0 });
    expect(messageOfIcr(0x8531, 0, false)).toBeUndefined();
  });

  it('keeps its high half in the form of the mode', () => {
    const apic = enabled();
    writeXapic(apic, 0x300, 0x31);
    expect(apic.registers.icr64High).toBe(0);
    apic.registers.icr64High = 7;
    writeXapic(apic, 0x310, 0x0200_0000);
    expect(writeXapic(apic, 0x300, 0x31)).toMatchObject({ kind: 'ipi', message: { destination: 2 } });
    expect(apic.registers.icr64High).toBe(7);
    const wide = x2apic();
    expect(writeX2apic(wide, 0x830, 0x31, 0x1_0002)).toMatchObject({ kind: 'ipi', message: { destination: 0x1_0002 } });
    expect(readX2apic(wide, 0x830)).toEqual({ kind: 'data', low: 0x31, high: 0x1_0002 });
    expect(readX2apic(wide, 0x808)).toEqual({ kind: 'data', low: 0, high: 0 });
  });
});

describe('the LVT', () => {
  const entries = [0x320, 0x330, 0x340, 0x350, 0x360, 0x370];

  it('is masked as long as the APIC is disabled by software, and nothing else is', () => {
    const apic = createLocalApic(0);
    for (const offset of entries) writeXapic(apic, offset, 0x31);
    const { lvtTimer, lvtThermal, lvtPerformance, lvtLint0, lvtLint1, lvtError } = apic.registers;
    expect([lvtTimer, lvtThermal, lvtPerformance, lvtLint0, lvtLint1, lvtError]).toEqual(entries.map(() => 0x1_0031));
    writeXapic(apic, 0x2f0, 0x32);
    expect(apic.registers.lvtCmci).toBe(0x1_0032);
    writeXapic(apic, 0x0d0, 0x0100_0000);
    writeXapic(apic, 0x310, 0x0300_0000);
    expect([apic.registers.ldr, apic.registers.icrHigh]).toEqual([0x0100_0000, 0x0300_0000]);
  });

  it('keeps its masks when the spurious vector changes while enabled, and gets them when disabled', () => {
    const apic = enabled();
    writeXapic(apic, 0x350, 0x31);
    writeXapic(apic, 0x0f0, 0x1fe);
    expect(apic.registers.lvtLint0).toBe(0x31);
    writeXapic(apic, 0x0f0, 0xfe);
    expect(apic.registers.lvtLint0).toBe(0x1_0031);
  });

  it('masks the performance entry when that fires, and no other source does', () => {
    const apic = enabled();
    writeXapic(apic, 0x340, 0x40);
    writeXapic(apic, 0x330, 0x41);
    raiseLvt(apic, 'lvtThermal');
    expect(apic.registers.lvtPerformance).toBe(0x40);
    raiseLvt(apic, 'lvtPerformance');
    expect(apic.registers.lvtPerformance).toBe(0x1_0040);
  });
});

describe('messages', () => {
  const message: InterruptMessage = {
    vector: 0x31,
    deliveryMode: 1,
    destinationMode: 0,
    destination: 0xff,
    shorthand: 0,
    triggerMode: 0,
  };

  it('of lowest priority reach the first APIC too', () => {
    const apics = [enabled(0), enabled(1)];
    expect(deliverMessage(apics, -1, message).map(({ receiver }) => receiver)).toEqual([0]);
    expect(vectorsOf((apics[0] as LocalApic).registers.irr)).toEqual([0x31]);
  });

  it('as MSI hold as much of the destination as their format, and say how much that is', () => {
    const wide = { ...message, destination: 0x7fff };
    expect(encodeMsi(wide, 'extended-id').addressHigh).toBe(0);
    expect(encodeMsi(wide, 'high-address').addressHigh).toBe(0x7f00);
    expect(() => encodeMsi(wide)).toThrow('destination 32767: above 255');
    expect(() => encodeMsi({ ...message, destination: 0x8000 }, 'extended-id')).toThrow('above 32767');
  });
});

describe('an EOI with nothing in service', () => {
  it('changes nothing', () => {
    const registers = resetRegisters();
    expect(endOfInterrupt(registers)).toBe(-1);
    expect(registers).toStrictEqual(resetRegisters());
    expect(Object.keys(registers.isr)).toEqual(Object.keys(resetRegisters().isr));
  });
});

describe('the timer', () => {
  const oneShot = 0xec;
  const periodic = 0x2_00ec;
  const deadline = 0x4_00ec;

  function timer(lvt: number, count: number, divide = 0xb): LocalApic {
    const apic = enabled();
    writeXapic(apic, 0x320, lvt);
    writeXapic(apic, 0x3e0, divide);
    writeXapic(apic, 0x380, count);
    return apic;
  }

  it('stays at 0 when it has run out once and then becomes periodic', () => {
    const apic = timer(oneShot, 3);
    writeXapic(apic, 0x320, periodic, 10);
    expect([10, 11, 20].map((now) => currentCount(apic, now))).toEqual([0, 0, 0]);
    expect(timerExpiries(apic, 10, 100)).toBe(0);
    expect(nextTimerExpiry(apic, 20)).toBe(-1);
  });

  it('keeps its phase when its LVT entry is written without another mode', () => {
    const apic = timer(oneShot, 4, 0); // by 2
    writeXapic(apic, 0x320, oneShot + 1, 3);
    expect(nextTimerExpiry(apic, 3)).toBe(8);
    expect(apic.timerStart).toBe(0);
  });

  it('forgets its count when it changes to TSC-deadline mode', () => {
    const apic = timer(oneShot, 100);
    writeXapic(apic, 0x320, deadline, 10);
    expect([apic.registers.initialCount, apic.timerCount]).toEqual([0, 0]);
    writeTscDeadline(apic, 5, 1);
    expect(apic.tscDeadline).toEqual([5, 1]);
    expect(expireTscDeadline(apic)).toBe('irr');
    expect(apic.tscDeadline).toEqual([0, 0]);
  });
});
