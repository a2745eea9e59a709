import { describe, expect } from 'vitest';
import { canDeliver, deliverVirtualInterrupt, type VirtualProcessor } from '../../src/arch/index.js';
import { guest, setOf, status, vectorsOf } from './guest.js';
import { rule } from './rules/rule.js';

/** A guest with 61H and 33H requested, and 61H recognized. */
function recognized(): VirtualProcessor {
  const p = guest('useTprShadow', 'virtualInterruptDelivery');
  p.page.irr = setOf(0x33, 0x61);
  p.vmcs.guestInterruptStatus = status(0x61, 0);
  p.recognized = 1;
  return p;
}

describe('virtual-interrupt delivery', () => {
  rule('11 delivery', () => {
    const p = recognized();
    expect(canDeliver(p)).toBe(true);
    expect(deliverVirtualInterrupt(p)).toBe(0x61);
    expect(vectorsOf(p.page.irr)).toEqual([0x33]);
    expect(vectorsOf(p.page.isr)).toEqual([0x61]);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x33, 0x61));
    expect(p.page.ppr).toBe(0x60);
    expect(canDeliver(p)).toBe(false);
    // RVI is 0 once nothing is requested. (VTPR is not looked at: delivery does not do PPR virtualization.)
    p.page.tpr = 0xff;
    p.recognized = 1;
    expect(deliverVirtualInterrupt(p)).toBe(0x33);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0, 0x33));
    expect(p.page.ppr).toBe(0x30);
  });

  rule('11 IF', () => {
    const p = recognized();
    p.interruptFlag = 0;
    expect(canDeliver(p)).toBe(false);
  });

  rule('11 STI and MOV SS', () => {
    const p = recognized();
    for (const interruptibility of [1, 2, 3]) {
      p.interruptibility = interruptibility;
      expect(canDeliver(p)).toBe(false);
    }
    p.interruptibility = 4 | 8; // SMI and NMI do not block it.
    expect(canDeliver(p)).toBe(true);
  });

  rule('11 delivery without interrupt-window exiting', () => {
    const p = recognized();
    p.vmcs.primaryControls |= 4;
    expect(canDeliver(p)).toBe(false);
  });

  rule('11 activity', () => {
    const p = recognized();
    for (const activity of [2, 3]) {
      p.activity = activity;
      expect(canDeliver(p)).toBe(false);
    }
  });

  rule('11 wake', () => {
    const p = recognized();
    p.activity = 1;
    expect(canDeliver(p)).toBe(true);
    deliverVirtualInterrupt(p);
    expect(p.activity).toBe(0);
  });
});
