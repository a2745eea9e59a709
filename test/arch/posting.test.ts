import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  apicIdOfNdst,
  decodeDescriptor,
  decodePidPointer,
  emptyDescriptor,
  encodeDescriptor,
  encodePidPointer,
  pidPointerTable,
  postInterrupt,
  postInterruptBySoftware,
  postingSteps,
  softwarePostingSteps,
  x2apicNdst,
  xapicNdst,
} from '../../src/arch/index.js';
import { descriptor, memoryOf, setOf, vectorsOf } from './guest.js';
import { rule } from './rules/rule.js';

const silent = { kind: 'posted', notify: false };
const notification = { kind: 'posted', notify: true, vector: 0xf2, destination: 16 };

describe('the posted-interrupt descriptor', () => {
  rule('13 layout', () => {
    const words = encodeDescriptor({ pir: setOf(0, 0x41, 0xff), on: 1, sn: 1, nv: 0xf2, ndst: 0x0102_0304 });
    expect(words).toEqual([1, 0, 2, 0, 0, 0, 0, 0x8000_0000, 0x00f2_0003, 0x0102_0304, 0, 0, 0, 0, 0, 0]);
    // Reserved bits are not part of any field.
    expect(decodeDescriptor([0, 0, 0, 0, 0, 0, 0, 0, 0xff00_fffc, 0, 1, 1, 1, 1, 1, 1])).toEqual(emptyDescriptor());
    expect(decodeDescriptor([])).toEqual(emptyDescriptor());
  });

  rule('13 NDST x2APIC', () => {
    expect(apicIdOfNdst(0x0102_0304, true)).toBe(0x0102_0304);
    expect(x2apicNdst(0x0102_0304)).toBe(0x0102_0304);
  });

  rule('13 NDST xAPIC', () => {
    expect(apicIdOfNdst(0xffff_03ff, false)).toBe(3);
    expect(xapicNdst(0x103)).toBe(0x0300);
  });

  it('survives a round trip', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const any = fc.record({
      pir: fc.array(word, { minLength: 8, maxLength: 8 }),
      on: fc.integer({ min: 0, max: 1 }),
      sn: fc.integer({ min: 0, max: 1 }),
      nv: fc.integer({ min: 0, max: 255 }),
      ndst: word,
    });
    fc.assert(
      fc.property(any, (value) => {
        expect(decodeDescriptor(encodeDescriptor(value))).toEqual(value);
      }),
    );
  });
});

describe('the PID-pointer table', () => {
  it('survives a round trip', () => {
    const pointer = fc.record({
      valid: fc.boolean(),
      address: fc.integer({ min: 0, max: 2 ** 46 - 1 }).map((index) => 64 * index),
    });
    fc.assert(
      fc.property(pointer, (value) => {
        expect(decodePidPointer(encodePidPointer(value))).toEqual(value);
      }),
    );
  });

  it('takes only addresses that a descriptor can have', () => {
    for (const address of [32, -64, 2 ** 52, 0.5, Number.NaN]) {
      expect(() => encodePidPointer({ valid: true, address })).toThrow(RangeError);
    }
    expect(decodePidPointer(0x1_003f)).toEqual({ valid: true, address: 0x1_0000 });
    expect(pidPointerTable(8, [0x40, undefined]).entries).toEqual([0x41, 0]);
  });
});

describe('posting', () => {
  rule('13 poster PIR', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).on = 1;
    postInterrupt(memory, 1, 0x41);
    expect(vectorsOf(descriptor(memory, 1).pir)).toEqual([0x41]);
    for (const steps of [postingSteps, softwarePostingSteps]) {
      expect(steps.map(({ name }) => name)).toEqual(['set-pir', 'set-on', 'notify']);
    }
  });

  rule('13 poster ON', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).on = 1;
    expect(postInterrupt(memory, 1, 0x41)).toMatchObject(silent);
    expect(postInterrupt(memory, 1, 0x41, 1)).toMatchObject(silent);
  });

  rule('13 poster SN', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).sn = 1;
    expect(postInterrupt(memory, 1, 0x41)).toMatchObject(silent);
    expect(descriptor(memory, 1)).toMatchObject({ on: 0, sn: 1 });
  });

  rule('13 poster URG', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).sn = 1;
    expect(postInterrupt(memory, 1, 0x41, 1)).toEqual(notification);
    expect(descriptor(memory, 1)).toMatchObject({ on: 1, sn: 1 });
  });

  rule('13 poster notification', () => {
    const memory = memoryOf(2);
    expect(postInterrupt(memory, 1, 0x41)).toEqual(notification);
    expect(descriptor(memory, 1).on).toBe(1);
    // Hardware posts again for a bit that is already set.
    descriptor(memory, 1).on = 0;
    expect(postInterrupt(memory, 1, 0x41)).toEqual(notification);
  });

  rule('13 software PIR already set', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).pir = setOf(0x41);
    expect(postInterruptBySoftware(memory, 1, 0x41)).toMatchObject(silent);
    expect(descriptor(memory, 1).on).toBe(0);
  });

  rule('13 software ignores SN', () => {
    const memory = memoryOf(2);
    descriptor(memory, 1).sn = 1;
    expect(postInterruptBySoftware(memory, 1, 0x41)).toEqual(notification);
    expect(vectorsOf(descriptor(memory, 1).pir)).toEqual([0x41]);
    expect(postInterruptBySoftware(memory, 1, 0x42)).toMatchObject(silent);
  });

  it('into memory without a descriptor does nothing', () => {
    const memory = memoryOf(2);
    expect(postInterrupt(memory, -1, 0x41)).toMatchObject(silent);
    expect(postInterruptBySoftware(memory, 7, 0x41)).toMatchObject(silent);
    expect(memory).toEqual(memoryOf(2));
  });
});
