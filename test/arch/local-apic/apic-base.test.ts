import { describe, expect, it } from 'vitest';
import {
  ApicMode,
  apicBaseMsr,
  createLocalApic,
  defaultApicBase,
  initLocalApic,
  type LocalApic,
  modeOfApicBase,
  readApicBase,
  resetLocalApic,
  setBit,
  writeApicBase,
  x2apicLdr,
} from '../../../src/arch/index.js';
import { specApic } from '../spec-apic.js';

const support = { x2apic: true, physicalAddressWidth: 46 };
const fault = { kind: 'fault', vector: 13, errorCode: 0 };
const base = 0xfee0_0000;
const bits: Readonly<Record<string, number>> = { disabled: 0, xAPIC: 0x800, x2APIC: 0xc00, 'EN=0,EXTD=1': 0x400 };
const modes: Readonly<Record<string, ApicMode>> = {
  disabled: ApicMode.disabled,
  xAPIC: ApicMode.xapic,
  x2APIC: ApicMode.x2apic,
};

/** A local APIC brought to a mode by the transitions that exist. */
function inMode(name: string, id = 0x21): LocalApic {
  const apic = createLocalApic(id);
  if (name === 'disabled') writeApicBase(apic, base, 0, support);
  if (name === 'x2APIC') writeApicBase(apic, (base | 0xc00) >>> 0, 0, support);
  expect(apic.mode).toBe(modes[name]);
  return apic;
}

describe('IA32_APIC_BASE', () => {
  it('shows base, mode and the bootstrap processor', () => {
    expect(Number(specApic.apicBaseMsr.msr)).toBe(apicBaseMsr);
    expect(readApicBase(createLocalApic(0, 1))).toEqual([0xfee0_0900, 0]);
    expect(readApicBase(createLocalApic(1))).toEqual([0xfee0_0800, 0]);
    expect(readApicBase(inMode('x2APIC'))).toEqual([0xfee0_0c00, 0]);
    expect(readApicBase(inMode('disabled'))).toEqual([0xfee0_0000, 0]);
  });

  it.each(specApic.apicBaseMsr.transitions)('from $frm to $to', ({ frm, to, ok }) => {
    for (const from of frm === 'any' ? ['disabled', 'xAPIC', 'x2APIC'] : [frm]) {
      const apic = inMode(from);
      const before = structuredClone(apic);
      const outcome = writeApicBase(apic, (base | (bits[to] ?? 0)) >>> 0, 0, support);
      expect(outcome).toEqual(ok ? { kind: 'completed' } : fault);
      if (ok) expect(apic.mode).toBe(modes[to]);
      else expect(apic).toEqual(before);
    }
  });

  it('the mode can be written again', () => {
    for (const name of ['disabled', 'xAPIC', 'x2APIC']) {
      const apic = inMode(name);
      apic.registers.tpr = 0x30;
      expect(writeApicBase(apic, (base | (bits[name] ?? 0)) >>> 0, 0, support)).toEqual({ kind: 'completed' });
      expect(apic.registers.tpr).toBe(0x30);
    }
    expect(modeOfApicBase(0x400)).toBeUndefined();
  });

  it('moves the page', () => {
    const apic = createLocalApic(0);
    expect(writeApicBase(apic, 0x1234_5800, 0x2f, support)).toEqual({ kind: 'completed' });
    expect(apic.base).toBe(0x2f_1234_5000);
    expect(readApicBase(apic)).toEqual([0x1234_5800, 0x2f]);
  });

  it('faults on reserved bits', () => {
    const apic = createLocalApic(0);
    for (const bit of [0, 1, 2, 3, 4, 5, 6, 7, 9]) {
      expect(writeApicBase(apic, (base | 0x800 | (1 << bit)) >>> 0, 0, support)).toEqual(fault);
    }
    expect(writeApicBase(apic, (base | 0x800) >>> 0, 1 << 13, support)).toEqual({ kind: 'completed' });
    expect(writeApicBase(apic, (base | 0x800) >>> 0, 1 << 14, support)).toEqual(fault);
    expect(writeApicBase(apic, (base | 0xc00) >>> 0, 0, { ...support, x2apic: false })).toEqual(fault);
    expect(writeApicBase(apic, (base | 0x900) >>> 0, 0, support)).toEqual({ kind: 'completed' });
    expect(apic.bsp).toBe(0); // Software cannot make itself the bootstrap processor.
  });

  it('to x2APIC mode keeps the registers but for IDs and the upper half of the ICR', () => {
    const apic = createLocalApic(0x1_0021);
    expect(apic.registers.id).toBe(0x2100_0000);
    Object.assign(apic.registers, { tpr: 0x40, svr: 0x1ff, ldr: 0x0100_0000, icrHigh: 0x0300_0000, icr64High: 3 });
    setBit(apic.registers.irr, 0x41);
    const { irr } = structuredClone(apic.registers);
    writeApicBase(apic, (base | 0xc00) >>> 0, 0, support);
    expect(apic.registers).toMatchObject({ id: 0x1_0021, tpr: 0x40, svr: 0x1ff, irr, icrHigh: 0, icr64High: 0 });
    expect(apic.registers.ldr).toBe(x2apicLdr(0x1_0021));
  });

  it('to disabled and back loses everything', () => {
    const apic = inMode('x2APIC');
    apic.registers.tpr = 0x40;
    writeApicBase(apic, base, 0, support);
    writeApicBase(apic, (base | 0x800) >>> 0, 0, support);
    expect(apic).toEqual(createLocalApic(0x21));
  });
});

describe('reset and INIT', () => {
  it('start in xAPIC mode at the default address, software-disabled', () => {
    const apic = createLocalApic(5);
    expect(apic).toMatchObject({ mode: ApicMode.xapic, base: defaultApicBase, bsp: 0 });
    expect(apic.registers).toMatchObject({ svr: 0xff, dfr: 0xffff_ffff, ldr: 0, lvtTimer: 0x1_0000, id: 0x0500_0000 });
  });

  it('reset goes to xAPIC mode from any mode', () => {
    const apic = inMode('x2APIC');
    apic.base = 0x1000;
    apic.errors = 4;
    apic.timerCount = 5;
    apic.tscDeadline = [1, 1];
    resetLocalApic(apic);
    expect(apic).toEqual(createLocalApic(0x21));
  });

  it('INIT keeps mode, address and ID', () => {
    const x2apic = inMode('x2APIC');
    x2apic.registers.tpr = 0x40;
    initLocalApic(x2apic);
    expect(x2apic).toEqual(inMode('x2APIC'));
    const disabled = inMode('disabled');
    initLocalApic(disabled);
    expect(disabled.mode).toBe(ApicMode.disabled);
    const renamed = createLocalApic(5);
    renamed.registers.id = 0x0700_0000;
    renamed.base = 0x1000;
    initLocalApic(renamed);
    expect(renamed).toMatchObject({ base: 0x1000, registers: { id: 0x0700_0000 } });
  });
});
