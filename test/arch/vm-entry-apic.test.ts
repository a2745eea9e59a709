import { describe, expect, it } from 'vitest';
import { enterApicVirtualization, leaveApicVirtualization } from '../../src/arch/index.js';
import { guest, setOf, status } from './guest.js';
import { rule } from './rules/rule.js';

describe('VM entry and exit', () => {
  rule('4 exit after entry', () => {
    const p = guest('useTprShadow', 'virtualizeApicAccesses');
    p.vmcs.tprThreshold = 5;
    p.page.tpr = 0x4f;
    p.interruptFlag = 0;
    p.interruptibility = 2;
    expect(enterApicVirtualization(p)).toMatchObject({ kind: 'exit', reason: 43 });
    p.activity = 1;
    expect(enterApicVirtualization(p)).toMatchObject({ kind: 'exit', reason: 43 });
    for (const activity of [2, 3]) expect(enterApicVirtualization({ ...p, activity })).toEqual({ kind: 'completed' });
    p.page.tpr = 0x50;
    expect(enterApicVirtualization(p)).toEqual({ kind: 'completed' });
  });

  it('no such exit where entry checks the threshold, or without TPR shadow', () => {
    for (const p of [guest('useTprShadow'), guest('virtualizeApicAccesses')]) {
      p.vmcs.tprThreshold = 5;
      expect(enterApicVirtualization(p)).toEqual({ kind: 'completed' });
    }
  });

  rule('11 VM entry', () => {
    const p = guest('useTprShadow', 'virtualizeApicAccesses', 'virtualInterruptDelivery');
    p.vmcs.tprThreshold = 15;
    p.vmcs.guestInterruptStatus = status(0x52, 0x41);
    p.page.tpr = 0x33;
    p.page.irr = setOf(0xf0); // RVI is trusted, not made from VIRR.
    expect(enterApicVirtualization(p)).toEqual({ kind: 'completed' });
    expect(p.page.ppr).toBe(0x40);
    expect(p.recognized).toBe(1);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x52, 0x41));
    leaveApicVirtualization(p);
    expect(p.recognized).toBe(0);
  });
});
