import { describe, expect } from 'vitest';
import { tprVirtualization } from '../../src/arch/index.js';
import { guest, status } from './guest.js';
import { rule } from './rules/rule.js';

const below = { kind: 'exit', reason: 43, qualification: 0, trapLike: true };

describe('TPR virtualization', () => {
  rule('4 step 1', () => {
    const p = guest('useTprShadow');
    p.vmcs.tprThreshold = 5;
    p.page.tpr = 0x4f;
    expect(tprVirtualization(p)).toEqual(below);
    // Only the class counts, and only bits 3:0 of the threshold.
    p.page.tpr = 0x50;
    expect(tprVirtualization(p)).toEqual({ kind: 'completed' });
    p.vmcs.tprThreshold = 0x60;
    expect(tprVirtualization(p)).toEqual({ kind: 'completed' });
    // No PPR virtualization and no evaluation.
    p.vmcs.guestInterruptStatus = status(0xff, 0);
    expect(tprVirtualization(p)).toEqual({ kind: 'completed' });
    expect(p.recognized).toBe(0);
    expect(p.page.ppr).toBe(0);
  });

  rule('4 step 2', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.vmcs.tprThreshold = 15;
    p.vmcs.guestInterruptStatus = status(0x61, 0);
    p.page.tpr = 0x57;
    expect(tprVirtualization(p)).toEqual({ kind: 'completed' });
    expect(p.page.ppr).toBe(0x57);
    expect(p.recognized).toBe(1);
    p.page.tpr = 0x60;
    tprVirtualization(p);
    expect(p.recognized).toBe(0);
  });
});
