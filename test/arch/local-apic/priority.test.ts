import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acknowledgeInterrupt,
  arbitrationPriority,
  decodeLvt,
  dispensableInterrupt,
  encodeLvt,
  endOfInterrupt,
  highestBit,
  resetRegisters,
  spuriousVector,
  updateProcessorPriority,
} from '../../../src/arch/index.js';
import { setOf, vectorsOf } from '../guest.js';

const vector = fc.integer({ min: 16, max: 255 });
const vectors = fc.array(vector, { maxLength: 6 });
const tpr = fc.integer({ min: 0, max: 255 });

function registers(irr: number[], isr: number[], task: number) {
  const made = { ...resetRegisters(), irr: setOf(...irr), isr: setOf(...isr), tpr: task };
  updateProcessorPriority(made);
  return made;
}

describe('priorities of the local APIC', () => {
  it('PPR is never below the class of TPR nor that of the highest vector in service', () => {
    fc.assert(
      fc.property(vectors, tpr, (isr, task) => {
        const { ppr } = registers([], isr, task);
        const service = Math.max(0, ...isr) & 0xf0;
        expect(ppr & 0xf0).toBe(Math.max(task & 0xf0, service));
        expect(ppr & 0x0f).toBe((task & 0xf0) >= service ? task & 0x0f : 0);
      }),
    );
  });

  it('dispenses the highest vector, if its class is above PPR', () => {
    fc.assert(
      fc.property(vectors, vectors, tpr, (irr, isr, task) => {
        const made = registers(irr, isr, task);
        const before = structuredClone(made);
        const taken = acknowledgeInterrupt(made);
        const highest = Math.max(-1, ...irr);
        if (highest >> 4 > before.ppr >> 4) {
          expect(taken).toBe(highest);
          expect(vectorsOf(made.isr)).toContain(taken);
          expect(vectorsOf(made.irr)).not.toContain(taken);
          expect(made.ppr & 0xf0).toBe(taken & 0xf0);
        } else {
          expect(taken).toBe(-1);
          expect(made).toEqual(before);
        }
      }),
    );
  });

  it('EOI after that restores PPR', () => {
    fc.assert(
      fc.property(vectors, vectors, tpr, (irr, isr, task) => {
        const made = registers(irr, isr, task);
        const { ppr } = made;
        if (acknowledgeInterrupt(made) < 0) return;
        endOfInterrupt(made);
        expect(made.ppr).toBe(ppr);
        expect(highestBit(made.isr)).toBe(Math.max(-1, ...isr));
      }),
    );
  });

  it('equal classes wait', () => {
    expect(dispensableInterrupt(registers([0x4f], [0x41], 0))).toBe(-1);
    expect(dispensableInterrupt(registers([0x50], [0x4f], 0))).toBe(0x50);
    expect(dispensableInterrupt(registers([0x50], [], 0x5f))).toBe(-1);
    expect(spuriousVector(resetRegisters())).toBe(0xff);
    expect(spuriousVector({ ...resetRegisters(), svr: 0x1ee })).toBe(0xee);
  });

  it('the arbitration priority also counts what is requested', () => {
    expect(arbitrationPriority(registers([], [], 0x57))).toBe(0x57);
    expect(arbitrationPriority(registers([0x52], [], 0x57))).toBe(0x57);
    expect(arbitrationPriority(registers([0x62], [], 0x57))).toBe(0x60);
    expect(arbitrationPriority(registers([], [0x52], 0x57))).toBe(0x50);
    expect(arbitrationPriority(registers([0x31], [0x73], 0x57))).toBe(0x50);
  });

  it('LVT entries survive a round trip', () => {
    const bits = (width: number) => fc.integer({ min: 0, max: 2 ** width - 1 });
    const entry = fc.record({
      vector: bits(8),
      deliveryMode: bits(3),
      deliveryStatus: bits(1),
      polarity: bits(1),
      remoteIrr: bits(1),
      triggerMode: bits(1),
      masked: bits(1),
      timerMode: bits(2),
    });
    fc.assert(
      fc.property(entry, (value) => {
        expect(decodeLvt(encodeLvt(value))).toEqual(value);
      }),
    );
    expect(encodeLvt(decodeLvt(0xffff_ffff))).toBe(0x7_f7ff);
    expect(decodeLvt(0x3_00ec)).toMatchObject({ vector: 0xec, masked: 1, timerMode: 1 });
  });
});
