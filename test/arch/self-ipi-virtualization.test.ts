import { describe, expect } from 'vitest';
import { selfIpiVirtualization } from '../../src/arch/index.js';
import { guest, setOf, status, vectorsOf } from './guest.js';
import { rule } from './rules/rule.js';

describe('self-IPI virtualization', () => {
  rule('7 self-IPI', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    p.page.tmr = setOf(0x41);
    selfIpiVirtualization(p, 0x41);
    expect(vectorsOf(p.page.irr)).toEqual([0x41]);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x41, 0));
    expect(p.recognized).toBe(1);
    expect(vectorsOf(p.page.tmr)).toEqual([0x41]);
    // A lower vector leaves RVI, and a class that VPPR holds up is not recognized.
    p.page.ppr = 0x40;
    selfIpiVirtualization(p, 0x31);
    expect(vectorsOf(p.page.irr)).toEqual([0x31, 0x41]);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0x41, 0));
    expect(p.recognized).toBe(0);
  });
});
