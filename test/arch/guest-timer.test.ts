import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  enterGuestTimer,
  type GuestTimerProcessor,
  guestTimerEventPending,
  leaveGuestTimer,
  physicalDeadline,
  processGuestTimerEvent,
  type U64,
  virtualizeTscDeadlineRead,
  virtualizeTscDeadlineWrite,
  virtualTsc,
} from '../../src/arch/index.js';
import { u64FromBigInt, u64ToBigInt } from '../../src/arch/u64.js';
import { type ControlName, guest, status, vectorsOf } from './guest.js';
import { rule } from './rules/rule.js';

const controls: ControlName[] = ['useTprShadow', 'virtualInterruptDelivery', 'apicTimerVirtualization'];

function withTimer(names: ControlName[] = controls): GuestTimerProcessor {
  const p = guest(...names);
  return {
    ...p,
    vmcs: {
      ...p.vmcs,
      tscOffset: [0, 0],
      tscMultiplier: [0, 0],
      guestDeadline: [0, 0],
      guestDeadlineShadow: [0, 0],
      virtualTimerVector: 0xec,
    },
    deadline: [0, 0],
  };
}

const completed = { kind: 'completed' };

describe('APIC-timer virtualization', () => {
  rule('15 VM entry', () => {
    const p = withTimer();
    p.vmcs.guestDeadline = [5, 6];
    enterGuestTimer(p);
    expect(p.deadline).toEqual([5, 6]);
    p.deadline[0] = 9;
    expect(p.vmcs.guestDeadline).toEqual([5, 6]);
  });

  rule('15 VM exit', () => {
    const p = withTimer();
    p.deadline = [5, 6];
    leaveGuestTimer(p);
    expect(p.vmcs.guestDeadline).toEqual([5, 6]);
    expect(p.deadline).toEqual([0, 0]);
  });

  it('does nothing without the control', () => {
    const p = withTimer(['useTprShadow', 'virtualInterruptDelivery']);
    p.vmcs.guestDeadline = [5, 6];
    enterGuestTimer(p);
    expect(p.deadline).toEqual([0, 0]);
    leaveGuestTimer(p);
    expect(p.vmcs.guestDeadline).toEqual([5, 6]);
    expect(virtualizeTscDeadlineRead(p)).toEqual({ kind: 'passthrough' });
    expect(virtualizeTscDeadlineWrite(p, 1, 1, [0, 0])).toEqual({ kind: 'passthrough' });
    expect(p.vmcs.guestDeadlineShadow).toEqual([0, 0]);
  });

  rule('15 RDMSR', () => {
    const p = withTimer();
    p.deadline = [1, 1];
    p.vmcs.guestDeadlineShadow = [7, 8];
    expect(virtualizeTscDeadlineRead(p)).toEqual({ kind: 'data', low: 7, high: 8 });
  });

  rule('15 WRMSR 0', () => {
    const p = withTimer();
    p.deadline = [1, 1];
    p.vmcs.guestDeadlineShadow = [7, 8];
    expect(virtualizeTscDeadlineWrite(p, 0, 0, [100, 0])).toEqual(completed);
    expect([p.deadline, p.vmcs.guestDeadlineShadow]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(vectorsOf(p.page.irr)).toEqual([]);
  });

  rule('15 WRMSR future', () => {
    const p = withTimer([...controls, 'useTscOffsetting']);
    p.vmcs.tscOffset = [0xffff_ff00, 0xffff_ffff]; // -256
    expect(virtualizeTscDeadlineWrite(p, 1000, 0, [1255, 0])).toEqual(completed);
    expect(p.vmcs.guestDeadlineShadow).toEqual([1000, 0]);
    expect(p.deadline).toEqual([1256, 0]);
    expect(guestTimerEventPending(p, [1255, 0])).toBe(false);
    expect(guestTimerEventPending(p, [1256, 0])).toBe(true);
    expect(vectorsOf(p.page.irr)).toEqual([]);
  });

  rule('15 WRMSR past', () => {
    const p = withTimer([...controls, 'useTscOffsetting']);
    p.vmcs.tscOffset = [0xffff_ff00, 0xffff_ffff];
    p.deadline = [9999, 0];
    expect(virtualizeTscDeadlineWrite(p, 1000, 0, [1256, 0])).toEqual(completed);
    expect(vectorsOf(p.page.irr)).toEqual([0xec]);
    expect([p.deadline, p.vmcs.guestDeadlineShadow]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(p.recognized).toBe(1);
  });

  rule('15 event', () => {
    const p = withTimer();
    p.activity = 1;
    p.vmcs.virtualTimerVector = 0x1ec; // Only bits 7:0 count.
    p.vmcs.guestInterruptStatus = status(0x33, 0x20);
    p.deadline = [1, 0];
    p.vmcs.guestDeadlineShadow = [1, 0];
    processGuestTimerEvent(p);
    expect(vectorsOf(p.page.irr)).toEqual([0xec]);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0xec, 0x20));
    expect(p.recognized).toBe(1);
    expect(p.activity).toBe(1);
    expect([p.deadline, p.vmcs.guestDeadlineShadow]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    // RVI does not fall.
    p.vmcs.guestInterruptStatus = status(0xf1, 0);
    processGuestTimerEvent(p);
    expect(p.vmcs.guestInterruptStatus).toBe(status(0xf1, 0));
  });

  rule('15 suppressed', () => {
    const p = withTimer();
    p.deadline = [1, 0];
    for (const activity of [2, 3]) expect(guestTimerEventPending({ ...p, activity }, [5, 0])).toBe(false);
    for (const activity of [0, 1]) expect(guestTimerEventPending({ ...p, activity }, [5, 0])).toBe(true);
    expect(guestTimerEventPending(withTimer(), [5, 0])).toBe(false);
    p.deadline = [0, 1];
    expect(guestTimerEventPending(p, [0xffff_ffff, 0])).toBe(false);
    expect(guestTimerEventPending(p, [0, 1])).toBe(true);
    expect(guestTimerEventPending(p, [0, 2])).toBe(true);
  });
});

describe('the virtual TSC', () => {
  const all = 0xffff_ffff_ffff_ffffn;
  const wide = fc.bigInt({ min: 0n, max: all });

  function vmcs(names: ControlName[], offset: bigint, multiplier: bigint): GuestTimerProcessor['vmcs'] {
    return { ...withTimer(names).vmcs, tscOffset: u64FromBigInt(offset), tscMultiplier: u64FromBigInt(multiplier) };
  }

  it('is the TSC without offsetting, scaling alone included', () => {
    const tsc: U64 = [3, 4];
    expect(virtualTsc(vmcs(['useTscScaling'], 5n, 1n << 47n), tsc)).toEqual([3, 4]);
    expect(physicalDeadline(vmcs(['useTscScaling'], 5n, 1n << 47n), tsc)).toEqual([3, 4]);
  });

  it('is offset, and scaled before that', () => {
    fc.assert(
      fc.property(wide, wide, wide, (tsc, offset, multiplier) => {
        const of = (names: ControlName[]): bigint =>
          u64ToBigInt(virtualTsc(vmcs(names, offset, multiplier), u64FromBigInt(tsc)));
        expect(of(['useTscOffsetting'])).toBe((tsc + offset) & all);
        expect(of(['useTscOffsetting', 'useTscScaling'])).toBe((((tsc * multiplier) >> 48n) + offset) & all);
      }),
    );
  });

  it('reaches a deadline at its physical deadline, not before', () => {
    const offset = fc.bigInt({ min: 0n, max: 1n << 40n });
    const deadline = fc.bigInt({ min: 1n << 41n, max: 1n << 50n });
    const multiplier = fc.bigInt({ min: 1n << 45n, max: 1n << 51n });
    fc.assert(
      fc.property(offset, deadline, multiplier, (by, at, times) => {
        for (const names of [['useTscOffsetting'], ['useTscOffsetting', 'useTscScaling']] satisfies ControlName[][]) {
          const fields = vmcs(names, by, times);
          const physical = u64ToBigInt(physicalDeadline(fields, u64FromBigInt(at)));
          expect(u64ToBigInt(virtualTsc(fields, u64FromBigInt(physical)))).toBeGreaterThanOrEqual(at);
          expect(u64ToBigInt(virtualTsc(fields, u64FromBigInt(physical - 1n)))).toBeLessThan(at);
        }
      }),
    );
  });

  it('never reaches what its multiplier puts out of range', () => {
    const names: ControlName[] = ['useTscOffsetting', 'useTscScaling'];
    expect(physicalDeadline(vmcs(names, 0n, 0n), [1, 0])).toEqual([0xffff_ffff, 0xffff_ffff]);
    expect(physicalDeadline(vmcs(names, 0n, 1n), [0, 1])).toEqual([0xffff_ffff, 0xffff_ffff]);
  });
});
