import { describe, expect } from 'vitest';
import { evaluatePendingVirtualInterrupts } from '../../src/arch/index.js';
import { guest, status } from './guest.js';
import { rule } from './rules/rule.js';

describe('evaluation of pending virtual interrupts', () => {
  rule('11 recognize', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.vmcs.guestInterruptStatus = status(0x50, 0xff);
    p.page.ppr = 0x4f;
    evaluatePendingVirtualInterrupts(p);
    expect(p.recognized).toBe(1);
  });

  rule('11 withdraw', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.recognized = 1;
    p.vmcs.guestInterruptStatus = status(0x5f, 0);
    p.page.ppr = 0x50;
    evaluatePendingVirtualInterrupts(p);
    expect(p.recognized).toBe(0);
    // Vectors 0-15 are never recognized.
    p.vmcs.guestInterruptStatus = status(0x0f, 0);
    p.page.ppr = 0;
    evaluatePendingVirtualInterrupts(p);
    expect(p.recognized).toBe(0);
  });

  rule('11 interrupt-window exiting', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery', 'interruptWindowExiting');
    p.recognized = 1;
    p.vmcs.guestInterruptStatus = status(0xff, 0);
    evaluatePendingVirtualInterrupts(p);
    expect(p.recognized).toBe(0);
  });
});
