import { describe, expect, it } from 'vitest';
import {
  ApicError,
  DeliveryMode,
  icrReservedLow,
  registerAt,
  registerMap,
  Shorthand,
  TimerMode,
  tscDeadlineMsr,
} from '../../../src/arch/index.js';
import { specApic } from '../spec-apic.js';

/** Bits of an LVT entry by the part that has them: writable, then read-only. */
const lvtParts: Readonly<Record<string, readonly [writable: number, readOnly: number]>> = {
  vector: [0xff, 0],
  deliveryMode: [0x700, 0],
  status: [0, 0x1000],
  polarity: [0x2000, 0],
  remoteIrr: [0, 0x4000],
  trigger: [0x8000, 0],
  mask: [0x1_0000, 0],
  timerMode: [0x6_0000, 0],
};

describe('the register map, against what was collected from the manual', () => {
  it('has every register, and no other', () => {
    const name = (text: string): string => text;
    expect(registerMap.map((register) => [register.offset, name(register.name)])).toEqual(
      specApic.registers.map((register) => [register.offset, register.name]),
    );
    for (const register of registerMap) expect(registerAt(register.offset)).toBe(register);
    const offsets = registerMap.map(({ offset }) => offset);
    for (let offset = 0; offset < 0x400; offset += 16)
      expect(registerAt(offset) !== undefined).toBe(offsets.includes(offset));
  });

  it.each(specApic.registers)('$name: access in both modes', (spec) => {
    const register = registerAt(spec.offset);
    expect(register?.xapic).toBe(spec.xapic ? spec.access : undefined);
    expect(register?.x2apic).toBe(spec.x2apicMsr === null ? undefined : spec.x2apicAccess);
    if (spec.x2apicMsr !== null) expect(Number(spec.x2apicMsr)).toBe(0x800 + spec.offset / 16);
  });

  it('has the writable bits', () => {
    for (const { offset, name, writableMask, writableMaskXapic } of specApic.registers) {
      const mask = writableMask ?? writableMaskXapic;
      if (mask === undefined) continue;
      const register = registerAt(offset);
      // The local APIC ID cannot be written since Nehalem: its bits are read-only.
      const bits = offset === 0x020 ? register?.readOnly : register?.writable;
      expect(`${name} ${bits?.toString(16)}`).toBe(`${name} ${Number(mask).toString(16)}`);
    }
    expect(~(registerAt(0x300)?.writable ?? 0) & ~0x1000).toBe(Number(specApic.icr.reservedMaskLow) | 0);
    expect(icrReservedLow).toBe(Number(specApic.icr.reservedMaskLow));
  });

  it.each(specApic.lvt.entries)('LVT $name: exactly its parts', ({ offset, has }) => {
    let writable = 0;
    let readOnly = 0;
    for (const part of has) {
      const bits = lvtParts[part];
      if (bits === undefined) throw new Error(`unknown part ${part}`);
      writable |= bits[0];
      readOnly |= bits[1];
    }
    expect(registerAt(Number(offset))).toMatchObject({ writable, readOnly });
  });
});

describe('the other names of the local APIC', () => {
  it('delivery modes and shorthands', () => {
    const used = Object.entries(specApic.icr.deliveryModes).filter(([mode]) => mode !== '3');
    expect(Object.values(DeliveryMode).sort()).toEqual(used.map(([mode]) => Number(mode)));
    expect(Object.values(Shorthand)).toEqual(Object.keys(specApic.icr.shorthand).map(Number));
  });

  it('errors', () => {
    expect(Object.values(ApicError)).toEqual(Object.keys(specApic.esr.bits).map((bit) => 1 << Number(bit)));
  });

  it('timer modes and the deadline MSR', () => {
    expect(Object.values(TimerMode)).toEqual([0, 1, 2]);
    expect(specApic.lvt.timerModes['3']).toBe('reserved');
    expect(tscDeadlineMsr).toBe(Number(specApic.timer.deadlineMsr));
  });
});
