import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ApicMode,
  createLocalApic,
  type LocalApic,
  readX2apic,
  readXapic,
  registerMap,
  setBit,
  testBit,
  writeApicBase,
  writeX2apic,
  writeXapic,
} from '../../../src/arch/index.js';
import { setOf, vectorsOf } from '../guest.js';

const fault = { kind: 'fault', vector: 13, errorCode: 0 };
const done = { kind: 'completed' };

function xapic(): LocalApic {
  const apic = createLocalApic(3);
  writeXapic(apic, 0x0f0, 0x1ff);
  return apic;
}

function x2apic(): LocalApic {
  const apic = xapic();
  writeApicBase(apic, 0xfee0_0c00, 0, { x2apic: true, physicalAddressWidth: 46 });
  return apic;
}

function read(apic: LocalApic, offset: number): number {
  const outcome = readXapic(apic, offset);
  if (outcome.kind !== 'data') throw new Error(outcome.kind);
  return outcome.low;
}

describe('memory-mapped access', () => {
  it('ignores writes of read-only registers and reserved bits', () => {
    const apic = xapic();
    for (const offset of [0x020, 0x030, 0x090, 0x0a0, 0x0c0, 0x100, 0x180, 0x200, 0x390]) {
      const before = read(apic, offset);
      expect(writeXapic(apic, offset, 0xffff_ffff)).toEqual(done);
      expect(read(apic, offset)).toBe(before);
    }
    for (const [offset, expected] of [
      [0x080, 0xff],
      [0x0d0, 0xff00_0000],
      [0x0e0, 0xffff_ffff],
      [0x310, 0xff00_0000],
      [0x320, 0x7_00ff],
      [0x350, 0x1_a7ff],
      [0x370, 0x1_00ff],
      [0x3e0, 0xb],
      [0x0f0, 0x13ff],
    ] as const) {
      writeXapic(apic, offset, 0xffff_ffff);
      expect(read(apic, offset)).toBe(expected);
    }
    writeXapic(apic, 0x0e0, 0);
    expect(read(apic, 0x0e0)).toBe(0x0fff_ffff);
  });

  it('records an error where no register is, shown by the next write of the ESR', () => {
    const apic = xapic();
    expect(readXapic(apic, 0x040)).toEqual({ kind: 'undefined-data' });
    expect(read(apic, 0x280)).toBe(0);
    expect(writeXapic(apic, 0x280, 0)).toEqual(done);
    expect(read(apic, 0x280)).toBe(0x80);
    writeXapic(apic, 0x280, 0);
    expect(read(apic, 0x280)).toBe(0);
    for (const offset of [0x3f0, 0x400, 0xff0]) {
      expect(writeXapic(apic, offset, 0)).toEqual(done);
      writeXapic(apic, 0x280, 0xffff_ffff);
      expect(read(apic, 0x280)).toBe(0x80);
    }
  });

  it('is ordinary memory in the other modes', () => {
    const disabled = xapic();
    disabled.mode = ApicMode.disabled;
    for (const apic of [x2apic(), disabled]) {
      const before = structuredClone(apic);
      expect(readXapic(apic, 0x080)).toEqual({ kind: 'passthrough' });
      expect(writeXapic(apic, 0x080, 0x50)).toEqual({ kind: 'passthrough' });
      expect(apic).toEqual(before);
    }
  });

  it('reads the EOI register as 0, and APR from the other priorities', () => {
    const apic = xapic();
    apic.registers.eoi = 5;
    setBit(apic.registers.irr, 0x83);
    expect(read(apic, 0x0b0)).toBe(0);
    expect(read(apic, 0x090)).toBe(0x80);
  });
});

describe('MSR access', () => {
  it.each(registerMap)('$name: faults by the access that it has', ({ offset, x2apic: access }) => {
    const msr = 0x800 + offset / 16;
    const readable = access === 'RW' || access === 'RO';
    const writable = access === 'RW' || access === 'WO';
    expect(readX2apic(x2apic(), msr).kind).toBe(readable ? 'data' : 'fault');
    const apic = x2apic();
    expect(writeX2apic(apic, msr, offset === 0x300 ? 0x41 : 0, 0).kind === 'fault').toBe(!writable);
  });

  it('faults for every MSR without a register', () => {
    const msrs = registerMap
      .filter((register) => register.x2apic !== undefined)
      .map(({ offset }) => 0x800 + offset / 16);
    for (let msr = 0x800; msr < 0xc00; msr++) {
      if (msrs.includes(msr)) continue;
      expect(readX2apic(x2apic(), msr)).toEqual(fault);
      expect(writeX2apic(x2apic(), msr, 0, 0)).toEqual(fault);
    }
  });

  it('faults outside x2APIC mode', () => {
    expect(readX2apic(xapic(), 0x808)).toEqual(fault);
    expect(writeX2apic(xapic(), 0x808, 0, 0)).toEqual(fault);
  });

  it('faults on each reserved bit and changes nothing then', () => {
    const msr = fc.integer({ min: 0x800, max: 0x83f });
    const bit = fc.integer({ min: 0, max: 63 });
    fc.assert(
      fc.property(msr, bit, (index, at) => {
        const apic = x2apic();
        const [low, high] = at < 32 ? [(1 << at) >>> 0, 0] : [0, (1 << (at - 32)) >>> 0];
        const register = registerMap.find(({ offset }) => offset === (index - 0x800) * 16);
        const before = structuredClone(apic);
        const outcome = writeX2apic(apic, index, low, high);
        const writable = register?.x2apic === 'RW' || register?.x2apic === 'WO';
        const allowed =
          at < 32 ? (low & ((register?.writable ?? 0) | (register?.readOnly ?? 0))) !== 0 : index === 0x830;
        expect(outcome.kind === 'fault').toBe(!(writable && allowed));
        if (outcome.kind === 'fault') expect(apic).toEqual(before);
      }),
      { numRuns: 3000 },
    );
  });

  it('has the ICR as one 64-bit register', () => {
    const apic = x2apic();
    expect(writeX2apic(apic, 0x830, 0x40f2, 0x1_0002)).toEqual({
      kind: 'ipi',
      message: {
        vector: 0xf2,
        deliveryMode: 0,
        destinationMode: 0,
        destination: 0x1_0002,
        shorthand: 0,
        triggerMode: 0,
      },
    });
    expect(readX2apic(apic, 0x830)).toEqual({ kind: 'data', low: 0x40f2, high: 0x1_0002 });
    expect(writeX2apic(apic, 0x830, 0x50f2, 0)).toMatchObject({ kind: 'ipi' });
    expect(readX2apic(apic, 0x830)).toEqual({ kind: 'data', low: 0x40f2, high: 0 }); // Bit 12 is not there.
  });

  it('sends to itself with one write', () => {
    const self = { deliveryMode: 0, destinationMode: 0, destination: 0, shorthand: 1, triggerMode: 0 };
    expect(writeX2apic(x2apic(), 0x83f, 0x41, 0)).toEqual({ kind: 'ipi', message: { vector: 0x41, ...self } });
    const apic = x2apic();
    writeX2apic(apic, 0x83f, 0x0f, 0);
    expect(apic.errors).toBe(0x20);
  });
});

describe('software enable', () => {
  it('masks the LVT when it is taken away, and holds it masked', () => {
    const apic = xapic();
    writeXapic(apic, 0x320, 0xec);
    expect(read(apic, 0x320)).toBe(0xec);
    writeXapic(apic, 0x0f0, 0x0ff);
    expect(read(apic, 0x320)).toBe(0x1_00ec);
    expect(read(apic, 0x2f0)).toBe(0x1_0000);
    writeXapic(apic, 0x320, 0xed);
    writeXapic(apic, 0x350, 0x700);
    expect([read(apic, 0x320), read(apic, 0x350)]).toEqual([0x1_00ed, 0x1_0700]);
    writeXapic(apic, 0x0f0, 0x1ff);
    expect(read(apic, 0x320)).toBe(0x1_00ed);
    writeXapic(apic, 0x320, 0xed);
    expect(read(apic, 0x320)).toBe(0xed);
  });
});

describe('TPR, EOI and remote IRR', () => {
  it('TPR moves PPR', () => {
    const apic = xapic();
    apic.registers.isr = setOf(0x45);
    writeXapic(apic, 0x080, 0x37);
    expect(read(apic, 0x0a0)).toBe(0x40);
    writeXapic(apic, 0x080, 0x47);
    expect(read(apic, 0x0a0)).toBe(0x47);
  });

  it('EOI ends the highest interrupt and broadcasts level-triggered ones', () => {
    const apic = xapic();
    apic.registers.isr = setOf(0x31, 0x45, 0x52);
    apic.registers.tmr = setOf(0x45);
    expect(writeXapic(apic, 0x0b0, 0)).toEqual(done);
    expect(writeXapic(apic, 0x0b0, 0xffff_ffff)).toEqual({ kind: 'eoi-broadcast', vector: 0x45 });
    expect(vectorsOf(apic.registers.isr)).toEqual([0x31]);
    expect(testBit(apic.registers.tmr, 0x45)).toBe(true);
    expect(read(apic, 0x0a0)).toBe(0x30);
    writeXapic(apic, 0x0b0, 0);
    expect(writeXapic(apic, 0x0b0, 0)).toEqual(done);
  });

  it('EOI does not broadcast if SVR suppresses it', () => {
    const apic = xapic();
    writeXapic(apic, 0x0f0, 0x11ff);
    apic.registers.isr = setOf(0x45);
    apic.registers.tmr = setOf(0x45);
    expect(writeXapic(apic, 0x0b0, 0)).toEqual(done);
    expect(vectorsOf(apic.registers.isr)).toEqual([]);
  });

  it('EOI of the interrupt of LINT0 clears its remote IRR', () => {
    const apic = xapic();
    apic.registers.lvtLint0 = 0xc045;
    apic.registers.isr = setOf(0x44, 0x45);
    apic.registers.tmr = setOf(0x44, 0x45);
    writeXapic(apic, 0x0b0, 0);
    expect(apic.registers.lvtLint0).toBe(0x8045);
    apic.registers.lvtLint0 = 0xc045;
    writeXapic(apic, 0x0b0, 0); // 44H
    expect(apic.registers.lvtLint0).toBe(0xc045);
    // Software cannot write it.
    writeXapic(apic, 0x350, 0x8045);
    expect(apic.registers.lvtLint0).toBe(0xc045);
  });
});
