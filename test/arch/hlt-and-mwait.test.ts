import { describe, expect, it } from 'vitest';
import { hlt, mwait, mwaitEnters } from '../../src/arch/index.js';
import { guest } from './guest.js';

describe('HLT', () => {
  it('exits with HLT exiting, and the processor stays active', () => {
    const p = guest('hltExiting');
    expect(hlt(p)).toEqual({ kind: 'exit', reason: 12, qualification: 0, trapLike: false });
    expect(p.activity).toBe(0);
  });

  it('halts otherwise', () => {
    const p = guest();
    expect(hlt(p)).toEqual({ kind: 'completed' });
    expect(p.activity).toBe(1);
  });
});

describe('MWAIT', () => {
  it('exits with MWAIT exiting and says whether monitoring is armed', () => {
    const exit = { kind: 'exit', reason: 36, trapLike: false };
    expect(mwait(guest('mwaitExiting'), true)).toEqual({ ...exit, qualification: 1 });
    expect(mwait(guest('mwaitExiting'), false)).toEqual({ ...exit, qualification: 0 });
    expect(mwait(guest(), true)).toEqual({ kind: 'completed' });
  });

  it('does not wait with masked interrupts as wake-up where one is due', () => {
    const p = guest();
    p.interruptFlag = 0;
    expect(mwaitEnters(p, 1)).toBe(true);
    p.recognized = 1;
    expect(mwaitEnters(p, 1)).toBe(false);
    expect(mwaitEnters(p, 2)).toBe(true);
    expect(mwaitEnters({ ...p, interruptFlag: 1 }, 1)).toBe(true);
    const window = guest('interruptWindowExiting');
    window.interruptFlag = 0;
    expect(mwaitEnters(window, 1)).toBe(false);
  });
});
