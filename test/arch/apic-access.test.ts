import { describe, expect, it } from 'vitest';
import {
  ApicAccessType,
  beginApicWrite,
  beginOperation,
  completeOperation,
  finishOperation,
  operationRead,
  operationWrite,
  otherApicAccess,
  virtualizeApicRead,
  virtualizeApicWrite,
} from '../../src/arch/index.js';
import { descriptor, guest, guestIn, memoryOf, vectorsOf, xapicControls } from './guest.js';
import { rule } from './rules/rule.js';

const accessExit = (qualification: number) => ({ kind: 'exit', reason: 44, qualification, trapLike: false });
const shadow = () => guest('useTprShadow', 'virtualizeApicAccesses');
const delivering = () => guest('useTprShadow', 'virtualizeApicAccesses', 'virtualInterruptDelivery');
const registers = () => guest('useTprShadow', 'virtualizeApicAccesses', 'apicRegisterVirtualization');
const all = () => guest(...xapicControls);

describe('accesses to the APIC-access page', () => {
  rule('9 ordinary memory', () => {
    const p = guest('useTprShadow', 'apicRegisterVirtualization', 'virtualInterruptDelivery');
    expect(virtualizeApicRead(p, 0x080, 4)).toEqual({ kind: 'passthrough' });
    expect(beginApicWrite(p, 0x080, 4, 0x50)).toEqual({ kind: 'passthrough' });
    expect(p.page.tpr).toBe(0);
    expect(otherApicAccess(p, 0x080, ApicAccessType.fetch)).toEqual({ kind: 'passthrough' });
  });

  rule('9.1 TPR shadow', () => {
    const p = guest('virtualizeApicAccesses');
    expect(virtualizeApicRead(p, 0x080, 4)).toEqual(accessExit(0x080));
    expect(beginApicWrite(p, 0x080, 4, 1)).toEqual(accessExit(0x1080));
  });

  rule('9.1 size', () => {
    for (const size of [5, 8, 16]) {
      expect(virtualizeApicRead(all(), 0x080, size)).toEqual(accessExit(0x080));
      expect(beginApicWrite(all(), 0x300, size, 1)).toEqual(accessExit(0x1300));
    }
  });

  rule('9.1 slot', () => {
    for (const [offset, size] of [
      [0x084, 1],
      [0x08c, 4],
      [0x083, 2],
      [0x081, 4],
      [0x08f, 2],
    ] as const) {
      expect(virtualizeApicRead(all(), offset, size)).toEqual(accessExit(offset));
      expect(beginApicWrite(all(), offset, size, 1)).toEqual(accessExit(0x1000 | offset));
    }
    expect(virtualizeApicRead(all(), 0x081, 2)).toEqual({ kind: 'data', low: 0, high: 0 });
  });

  rule('9.1 fetch', () => {
    expect(otherApicAccess(all(), 0x080, ApicAccessType.fetch)).toEqual(accessExit(0x2080));
  });

  rule('9.1 guest-physical', () => {
    expect(otherApicAccess(all(), 0x080, ApicAccessType.guestPhysical)).toEqual(accessExit(0xf000));
    expect(otherApicAccess(all(), 0x080, ApicAccessType.guestPhysicalEventDelivery)).toEqual(accessExit(0xa000));
  });

  it('report accesses during event delivery as such', () => {
    expect(virtualizeApicRead(shadow(), 0x300, 4, 1)).toEqual(accessExit(0x3300));
    expect(beginApicWrite(shadow(), 0x300, 4, 0, 1)).toEqual(accessExit(0x3300));
    // The next access is not affected.
    expect(virtualizeApicRead(shadow(), 0x300, 4)).toEqual(accessExit(0x300));
    expect(beginApicWrite(shadow(), 0x300, 4, 0)).toEqual(accessExit(0x1300));
  });
});

describe('reads', () => {
  rule('9.2 TPR shadow', () => {
    const p = shadow();
    p.page.tpr = 0x1234_5678;
    expect(virtualizeApicRead(p, 0x080, 4)).toEqual({ kind: 'data', low: 0x1234_5678, high: 0 });
    expect(virtualizeApicRead(p, 0x080, 1)).toEqual({ kind: 'data', low: 0x78, high: 0 });
    expect(virtualizeApicRead(p, 0x081, 1)).toEqual(accessExit(0x081));
  });

  rule('9.2 virtual-interrupt delivery', () => {
    const p = delivering();
    p.page.icrLow = 0x41;
    expect(virtualizeApicRead(p, 0x300, 4)).toEqual({ kind: 'data', low: 0x41, high: 0 });
    expect(virtualizeApicRead(p, 0x0b0, 4)).toEqual({ kind: 'data', low: 0, high: 0 });
    expect(virtualizeApicRead(p, 0x301, 1)).toEqual(accessExit(0x301));
    expect(virtualizeApicRead(p, 0x310, 4)).toEqual(accessExit(0x310));
  });

  rule('9.2 register virtualization', () => {
    const p = registers();
    p.page.svr = 0x1ff;
    expect(virtualizeApicRead(p, 0x0f0, 4)).toEqual({ kind: 'data', low: 0x1ff, high: 0 });
    expect(virtualizeApicRead(p, 0x0f1, 1)).toEqual({ kind: 'data', low: 1, high: 0 });
    expect(virtualizeApicRead(p, 0x083, 1)).toEqual({ kind: 'data', low: 0, high: 0 });
  });

  rule('9.2 otherwise', () => {
    for (const offset of [0x000, 0x010, 0x040, 0x0a0, 0x2f0, 0x390, 0x3f0, 0x400, 0x800, 0xff0]) {
      expect(virtualizeApicRead(all(), offset, 4)).toEqual(accessExit(offset));
    }
  });
});

describe('writes', () => {
  rule('9.3 TPR shadow', () => {
    const p = shadow();
    expect(beginApicWrite(p, 0x080, 4, 0xffff_ff50)).toEqual({ kind: 'completed' });
    expect(p.page.tpr).toBe(0x50);
    p.page.tpr = 0x50;
    expect(beginApicWrite(p, 0x080, 1, 0x1234)).toEqual({ kind: 'completed' });
    expect(p.page.tpr).toBe(0x34);
    expect(beginApicWrite(p, 0x081, 1, 1)).toEqual(accessExit(0x1081));
  });

  rule('9.3 virtual-interrupt delivery', () => {
    const p = delivering();
    expect(beginApicWrite(p, 0x300, 4, 0x4_0041)).toEqual({ kind: 'completed' });
    expect(vectorsOf(p.page.irr)).toEqual([0x41]);
    expect(beginApicWrite(p, 0x0b0, 4, 7)).toEqual({ kind: 'completed' });
    expect(p.page.eoi).toBe(0);
    expect(beginApicWrite(p, 0x0b1, 1, 7)).toEqual(accessExit(0x10b1));
    expect(beginApicWrite(p, 0x310, 4, 7)).toEqual(accessExit(0x1310));
  });

  rule('9.3 IPI virtualization', () => {
    const memory = memoryOf(3);
    const p = guestIn(memory, 0, ['useTprShadow', 'virtualizeApicAccesses', 'ipiVirtualization']);
    p.page.icrHigh = 0x0200_0000;
    expect(beginApicWrite(p, 0x300, 4, 0x41)).toBe('ipi-virtualization');
    expect(virtualizeApicWrite(p, memory, 0x300, 4, 0x41)).toMatchObject({
      kind: 'posted',
      notify: true,
      destination: 32,
    });
    expect(vectorsOf(descriptor(memory, 2).pir)).toEqual([0x41]);
    expect(beginApicWrite(p, 0x301, 1, 0)).toEqual(accessExit(0x1301));
    expect(beginApicWrite(p, 0x310, 4, 0)).toEqual(accessExit(0x1310));
    expect(beginApicWrite(p, 0x0b0, 4, 0)).toEqual(accessExit(0x10b0));
  });

  rule('9.3 register virtualization', () => {
    const p = registers();
    expect(beginApicWrite(p, 0x0f0, 4, 0x1ff)).toEqual({
      kind: 'exit',
      reason: 56,
      qualification: 0xf0,
      trapLike: true,
    });
    expect(p.page.svr).toBe(0x1ff);
    expect(beginApicWrite(p, 0x082, 1, 0xee)).toMatchObject({ reason: 56, qualification: 0x82 });
    expect(p.page.tpr).toBe(0xee_0000);
    expect(beginApicWrite(p, 0x310, 4, 0xffff_ffff)).toEqual({ kind: 'completed' });
    expect(p.page.icrHigh).toBe(0xff00_0000);
  });

  rule('9.3 otherwise', () => {
    for (const offset of [0x000, 0x030, 0x090, 0x0a0, 0x100, 0x270, 0x2f0, 0x390, 0x3f0, 0x400, 0xff0]) {
      const p = all();
      expect(beginApicWrite(p, offset, 4, 0xff)).toEqual(accessExit(0x1000 | offset));
      expect(p).toEqual(all());
    }
  });
});

describe('operations with several accesses', () => {
  rule('9.1 read after write', () => {
    const p = all();
    const operation = beginOperation();
    expect(operationWrite(p, operation, 0x080, 4, 0x50)).toEqual({ kind: 'completed' });
    expect(operationRead(p, operation, 0x080, 4)).toEqual(accessExit(0x080));
  });

  rule('9.1 second write', () => {
    const p = all();
    const operation = beginOperation();
    operationWrite(p, operation, 0x0f0, 4, 1);
    expect(operationWrite(p, operation, 0x080, 4, 1)).toEqual(accessExit(0x1080));
    expect(operationWrite(p, operation, 0x0f0, 2, 1)).toEqual(accessExit(0x10f0));
    expect(operationWrite(p, operation, 0x0f0, 4, 0x1ff)).toEqual({ kind: 'completed' });
    expect(p.page.svr).toBe(0x1ff);
    expect(finishOperation(p, operation)).toMatchObject({ reason: 56, qualification: 0xf0 });
  });

  it('emulate the write when they are done, and once', () => {
    const p = delivering();
    const operation = beginOperation();
    expect(operationRead(p, operation, 0x080, 4)).toMatchObject({ kind: 'data' });
    operationWrite(p, operation, 0x300, 4, 0x4_0041);
    operationWrite(p, operation, 0x300, 4, 0x4_0051);
    expect(vectorsOf(p.page.irr)).toEqual([]);
    expect(completeOperation(p, memoryOf(1), operation)).toEqual({ kind: 'completed' });
    expect(vectorsOf(p.page.irr)).toEqual([0x51]);
  });

  it('emulate nothing if they only read', () => {
    const p = all();
    const operation = beginOperation();
    operationRead(p, operation, 0x080, 4);
    expect(completeOperation(p, memoryOf(1), operation)).toEqual({ kind: 'completed' });
  });

  it('may virtualize an IPI, or deliver an event', () => {
    const memory = memoryOf(2);
    const p = guestIn(memory, 0, xapicControls);
    p.page.icrHigh = 0x0100_0000;
    const operation = beginOperation(1);
    expect(operationRead(p, operation, 0x390, 4)).toEqual(accessExit(0x3390));
    operationWrite(p, operation, 0x300, 4, 0x41);
    expect(completeOperation(p, memory, operation)).toMatchObject({ kind: 'posted', notify: true });
  });
});
