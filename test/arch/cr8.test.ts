import { describe, expect, it } from 'vitest';
import { movFromCr8, movToCr8 } from '../../src/arch/index.js';
import { guest } from './guest.js';
import { rule } from './rules/rule.js';

describe('CR8', () => {
  rule('4 MOV from CR8', () => {
    const p = guest('useTprShadow');
    p.page.tpr = 0xa7;
    expect(movFromCr8(p)).toEqual({ kind: 'data', low: 0xa, high: 0 });
  });

  rule('4 MOV to CR8', () => {
    const p = guest('useTprShadow');
    p.page.tpr = 0xffff_ffff;
    expect(movToCr8(p, 0xa, 0)).toEqual({ kind: 'completed' });
    expect(p.page.tpr).toBe(0xa0);
    // TPR virtualization follows, with VTPR already written.
    p.vmcs.tprThreshold = 4;
    expect(movToCr8(p, 3, 0)).toMatchObject({ kind: 'exit', reason: 43, trapLike: true });
    expect(p.page.tpr).toBe(0x30);
  });

  rule('4 CR8 physical', () => {
    const p = guest();
    p.page.tpr = 0x77;
    expect(movFromCr8(p)).toEqual({ kind: 'passthrough' });
    expect(movToCr8(p, 1, 0)).toEqual({ kind: 'passthrough' });
    expect(p.page.tpr).toBe(0x77);
  });

  rule('4 CR8-load exiting', () => {
    const p = guest('useTprShadow', 'cr8LoadExiting');
    expect(movToCr8(p, 0x100, 0)).toEqual({ kind: 'exit', reason: 28, qualification: 8, trapLike: false });
    expect(movToCr8(p, 1, 0, 3)).toMatchObject({ qualification: 0x308 });
    expect(movFromCr8(p)).toMatchObject({ kind: 'data' });
    expect(p.page.tpr).toBe(0);
  });

  rule('4 CR8-store exiting', () => {
    const p = guest('useTprShadow', 'cr8StoreExiting');
    expect(movFromCr8(p)).toEqual({ kind: 'exit', reason: 28, qualification: 0x18, trapLike: false });
    expect(movFromCr8(p, 15)).toMatchObject({ qualification: 0xf18 });
    expect(movToCr8(p, 1, 0)).toEqual({ kind: 'completed' });
  });

  rule('4 CR8 fault', () => {
    const p = guest('useTprShadow');
    const fault = { kind: 'fault', vector: 13, errorCode: 0 };
    p.page.tpr = 0x20;
    expect(movToCr8(p, 0x10, 0)).toEqual(fault);
    expect(movToCr8(p, 1, 1)).toEqual(fault);
    expect(p.page.tpr).toBe(0x20);
  });

  it('takes 15, the highest class', () => {
    const p = guest('useTprShadow');
    expect(movToCr8(p, 15, 0)).toEqual({ kind: 'completed' });
    expect(p.page.tpr).toBe(0xf0);
  });
});
