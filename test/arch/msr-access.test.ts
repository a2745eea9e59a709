import { describe, expect, it } from 'vitest';
import { beginWrmsr, storeWord, virtualizeRdmsr, virtualizeWrmsr } from '../../src/arch/index.js';
import { descriptor, guest, guestIn, memoryOf, setOf, status, vectorsOf, x2apicControls } from './guest.js';
import { rule } from './rules/rule.js';

const fault = { kind: 'fault', vector: 13, errorCode: 0 };
const passthrough = { kind: 'passthrough' };
const icrExit = { kind: 'exit', reason: 56, qualification: 0x300, trapLike: true };

const basic = () => guest('useTprShadow', 'virtualizeX2apicMode');
const delivering = () => guest('useTprShadow', 'virtualizeX2apicMode', 'virtualInterruptDelivery');
const all = () => guest(...x2apicControls);

describe('RDMSR', () => {
  rule('10 RDMSR register virtualization', () => {
    const p = all();
    p.page.ppr = 0x40;
    storeWord(p.page, 0x0a4, 9);
    expect(virtualizeRdmsr(p, 0x80a)).toEqual({ kind: 'data', low: 0x40, high: 9 });
    p.page.icrLow = 0x41;
    p.page.icr64High = 3;
    expect(virtualizeRdmsr(p, 0x830)).toEqual({ kind: 'data', low: 0x41, high: 3 });
    // No MSR faults: not those that do not exist, and not the write-only ones.
    for (const msr of [0x800, 0x80b, 0x80e, 0x831, 0x83f, 0x8ff])
      expect(virtualizeRdmsr(p, msr)).toMatchObject({ kind: 'data' });
  });

  rule('10 RDMSR 808', () => {
    const p = basic();
    p.page.tpr = 0x57;
    storeWord(p.page, 0x084, 2);
    expect(virtualizeRdmsr(p, 0x808)).toEqual({ kind: 'data', low: 0x57, high: 2 });
  });

  rule('10 RDMSR other', () => {
    for (const msr of [0x802, 0x80a, 0x830]) expect(virtualizeRdmsr(delivering(), msr)).toEqual(passthrough);
  });

  it('is not touched outside 800H-8FFH, nor without "virtualize x2APIC mode"', () => {
    for (const msr of [0x7ff, 0x900, 0x10]) expect(virtualizeRdmsr(all(), msr)).toEqual(passthrough);
    expect(virtualizeRdmsr(guest('useTprShadow', 'apicRegisterVirtualization'), 0x808)).toEqual(passthrough);
  });
});

describe('WRMSR', () => {
  rule('10 WRMSR 808', () => {
    const p = basic();
    p.vmcs.tprThreshold = 4;
    storeWord(p.page, 0x084, 2);
    expect(beginWrmsr(p, 0x808, 0x35, 0)).toMatchObject({ kind: 'exit', reason: 43, trapLike: true });
    expect(virtualizeRdmsr(p, 0x808)).toEqual({ kind: 'data', low: 0x35, high: 0 });
    expect(beginWrmsr(p, 0x808, 0xff, 0)).toEqual({ kind: 'completed' });
  });

  rule('10 WRMSR 808 fault', () => {
    const p = basic();
    p.page.tpr = 0x11;
    expect(beginWrmsr(p, 0x808, 0x100, 0)).toEqual(fault);
    expect(beginWrmsr(p, 0x808, 0, 1)).toEqual(fault);
    expect(p.page.tpr).toBe(0x11);
  });

  rule('10 WRMSR 80B', () => {
    const p = delivering();
    p.page.isr = setOf(0x41);
    p.page.eoi = 5;
    storeWord(p.page, 0x0b4, 5);
    p.vmcs.guestInterruptStatus = status(0, 0x41);
    p.vmcs.eoiExitBitmap1 = [2, 0];
    expect(beginWrmsr(p, 0x80b, 0, 0)).toMatchObject({ kind: 'exit', reason: 45, qualification: 0x41 });
    expect(vectorsOf(p.page.isr)).toEqual([]);
    expect(p.page).toMatchObject({ eoi: 0, other: [] });
  });

  rule('10 WRMSR 80B fault', () => {
    const p = delivering();
    p.page.isr = setOf(0x41);
    p.vmcs.guestInterruptStatus = status(0, 0x41);
    expect(beginWrmsr(p, 0x80b, 1, 0)).toEqual(fault);
    expect(beginWrmsr(p, 0x80b, 0, 1)).toEqual(fault);
    expect(vectorsOf(p.page.isr)).toEqual([0x41]);
  });

  rule('10 WRMSR 83F', () => {
    const p = delivering();
    expect(beginWrmsr(p, 0x83f, 0x41, 0)).toEqual({ kind: 'completed' });
    expect(vectorsOf(p.page.irr)).toEqual([0x41]);
    expect(p.page.other).toEqual([0x3f0, 0x41]);
    expect(beginWrmsr(p, 0x83f, 0x10, 0)).toEqual({ kind: 'completed' });
    expect(p.recognized).toBe(1);
  });

  rule('10 WRMSR 83F exit', () => {
    const p = delivering();
    expect(beginWrmsr(p, 0x83f, 0x0f, 0)).toEqual({ kind: 'exit', reason: 56, qualification: 0x3f0, trapLike: true });
    expect(p.page.other).toEqual([0x3f0, 0x0f]);
    expect(vectorsOf(p.page.irr)).toEqual([]);
  });

  rule('10 WRMSR 83F fault', () => {
    const p = delivering();
    expect(beginWrmsr(p, 0x83f, 0x141, 0)).toEqual(fault);
    expect(beginWrmsr(p, 0x83f, 0x41, 1)).toEqual(fault);
    expect(p).toEqual(delivering());
  });

  rule('10 WRMSR other', () => {
    const p = all();
    for (const msr of [0x802, 0x80f, 0x828, 0x832, 0x838]) expect(beginWrmsr(p, msr, 0, 0)).toEqual(passthrough);
    for (const msr of [0x80b, 0x83f]) expect(beginWrmsr(basic(), msr, 0x41, 0)).toEqual(passthrough);
    expect(p).toEqual(all());
  });

  it('is not touched outside 800H-8FFH, nor without "virtualize x2APIC mode"', () => {
    expect(beginWrmsr(all(), 0x1b, 0, 0)).toEqual(passthrough);
    expect(beginWrmsr(guest('useTprShadow', 'ipiVirtualization'), 0x830, 0x41, 1)).toEqual(passthrough);
  });
});

describe('WRMSR 830H, the interrupt command', () => {
  rule('8.2 without IPI virtualization', () => {
    const p = delivering();
    expect(beginWrmsr(p, 0x830, 0x4041, 1)).toEqual(passthrough);
    expect(beginWrmsr(p, 0x830, 0xffff_ffff, 1)).toEqual(passthrough); // The fault would be the physical APIC's.
    expect(p.page.icrLow).toBe(0);
  });

  rule('8.2 fault', () => {
    const p = all();
    for (let bit = 0; bit < 32; bit++) {
      const reserved = bit >= 20 || bit === 17 || bit === 16 || bit === 13;
      const outcome = beginWrmsr(p, 0x830, ((1 << bit) | 0x41) >>> 0, 0);
      expect(outcome === 'ipi-virtualization' ? 'no fault' : outcome).toEqual(
        reserved ? fault : bit === 14 || bit < 8 ? 'no fault' : icrExit,
      );
    }
    const q = all();
    expect(beginWrmsr(q, 0x830, 0x2041, 0xffff_ffff)).toEqual(fault);
    expect(q).toEqual(all());
  });

  rule('8.2 store', () => {
    const p = all();
    p.page.icrHigh = 7;
    beginWrmsr(p, 0x830, 0x4041, 0xffff_ffff);
    expect(p.page).toMatchObject({ icrLow: 0x4041, icr64High: 0xffff_ffff, icrHigh: 7 });
  });

  rule('8.2 eligible', () => {
    const memory = memoryOf(4);
    const p = guestIn(memory, 0, x2apicControls);
    expect(beginWrmsr(p, 0x830, 0x4041, 3)).toBe('ipi-virtualization');
    expect(virtualizeWrmsr(p, memory, 0x830, 0x4041, 3)).toMatchObject({
      kind: 'posted',
      notify: true,
      destination: 48,
    });
    expect(vectorsOf(descriptor(memory, 3).pir)).toEqual([0x41]);
    // The 32-bit destination is compared whole.
    expect(virtualizeWrmsr(p, memory, 0x830, 0x4041, 0x1_0003)).toEqual(icrExit);
    expect(virtualizeWrmsr(p, memory, 0x830, 0x4004, 3)).toEqual(icrExit);
  });

  rule('8.2 exit', () => {
    const p = all();
    for (const low of [0x8_0041, 0xc_0041, 0x8041, 0x841, 0x141, 0x641]) {
      expect(beginWrmsr(p, 0x830, low, 1)).toEqual(icrExit);
      expect(p.page.icrLow).toBe(low);
    }
  });

  rule('8.2 bit 12', () => {
    const p = all();
    expect(beginWrmsr(p, 0x830, 0x1041, 1)).toEqual(icrExit);
    expect(p.page.icrLow).toBe(0x1041);
  });

  rule('8.2 self shorthand', () => {
    const p = all();
    expect(beginWrmsr(p, 0x830, 0x4_0041, 0)).toEqual(icrExit);
    expect(vectorsOf(p.page.irr)).toEqual([]);
  });

  it('the synchronous form passes other outcomes through', () => {
    expect(virtualizeWrmsr(delivering(), memoryOf(1), 0x83f, 0x41, 0)).toEqual({ kind: 'completed' });
  });
});
