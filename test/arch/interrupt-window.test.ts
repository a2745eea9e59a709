import { describe, expect, it } from 'vitest';
import { virtualInterruptBoundary } from '../../src/arch/index.js';
import { guest, setOf, status } from './guest.js';
import { rule } from './rules/rule.js';

const windowExit = { kind: 'exit', reason: 7, qualification: 0, trapLike: false };

describe('the interrupt window', () => {
  rule('11 interrupt-window exit', () => {
    const p = guest('interruptWindowExiting');
    expect(virtualInterruptBoundary(p)).toEqual(windowExit);
    p.activity = 1;
    expect(virtualInterruptBoundary(p)).toEqual(windowExit);
    for (const closed of [
      { interruptFlag: 0 },
      { interruptibility: 1 },
      { interruptibility: 2 },
      { activity: 2 },
      { activity: 3 },
    ]) {
      expect(virtualInterruptBoundary({ ...p, ...closed })).toBeUndefined();
    }
  });

  it('delivers a virtual interrupt otherwise', () => {
    const p = guest('useTprShadow', 'virtualInterruptDelivery');
    expect(virtualInterruptBoundary(p)).toBeUndefined();
    p.page.irr = setOf(0x41);
    p.vmcs.guestInterruptStatus = status(0x41, 0);
    p.recognized = 1;
    expect(virtualInterruptBoundary(p)).toEqual({ kind: 'virtual-interrupt', vector: 0x41 });
    expect(virtualInterruptBoundary(p)).toBeUndefined();
  });
});
