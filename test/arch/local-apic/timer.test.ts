import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLocalApic,
  currentCount,
  expireTscDeadline,
  type LocalApic,
  nextTimerExpiry,
  readXapic,
  timerDivisor,
  timerExpiries,
  tscDeadlineExpired,
  writeTscDeadline,
  writeXapic,
} from '../../../src/arch/index.js';
import { vectorsOf } from '../guest.js';

const oneShot = 0xec;
const periodic = 0x2_00ec;
const deadline = 0x4_00ec;

function timer(lvt: number, count: number, divide = 0xb, now = 0): LocalApic {
  const apic = createLocalApic(0);
  writeXapic(apic, 0x0f0, 0x1ff);
  writeXapic(apic, 0x320, lvt, now);
  writeXapic(apic, 0x3e0, divide, now);
  writeXapic(apic, 0x380, count, now);
  return apic;
}

describe('the APIC timer', () => {
  it('divides its clock by 1 to 128', () => {
    const divisors = [0, 1, 2, 3, 8, 9, 10, 11].map(timerDivisor);
    expect(divisors).toEqual([2, 4, 8, 16, 32, 64, 128, 1]);
  });

  it('counts down once', () => {
    const apic = timer(oneShot, 10, 0, 1000); // by 2
    expect([1000, 1001, 1002, 1018, 1019, 1020, 5000].map((now) => currentCount(apic, now))).toEqual([
      10, 10, 9, 1, 1, 0, 0,
    ]);
    expect(readXapic(apic, 0x390, 1010)).toEqual({ kind: 'data', low: 5, high: 0 });
    expect(nextTimerExpiry(apic, 1000)).toBe(1020);
    expect(nextTimerExpiry(apic, 1019)).toBe(1020);
    expect(nextTimerExpiry(apic, 1020)).toBe(-1);
    expect(timerExpiries(apic, 1000, 1019)).toBe(0);
    expect(timerExpiries(apic, 1019, 1020)).toBe(1);
    expect(timerExpiries(apic, 1020, 9999)).toBe(0);
  });

  it('counts down again and again in periodic mode', () => {
    const apic = timer(periodic, 3);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((now) => currentCount(apic, now))).toEqual([3, 2, 1, 3, 2, 1, 3, 2]);
    expect([0, 2, 3, 5, 6].map((now) => nextTimerExpiry(apic, now))).toEqual([3, 3, 6, 6, 9]);
    expect(timerExpiries(apic, 0, 9)).toBe(3);
    expect(timerExpiries(apic, 2, 3)).toBe(1);
    expect(timerExpiries(apic, 3, 5)).toBe(0);
  });

  it('stops with an initial count of 0', () => {
    const apic = timer(periodic, 3);
    writeXapic(apic, 0x380, 0, 5);
    expect(currentCount(apic, 6)).toBe(0);
    expect(nextTimerExpiry(apic, 6)).toBe(-1);
    expect(timerExpiries(apic, 5, 100)).toBe(0);
  });

  it('starts anew with every write of the initial count', () => {
    const apic = timer(oneShot, 10);
    writeXapic(apic, 0x380, 20, 7);
    expect([currentCount(apic, 7), nextTimerExpiry(apic, 8)]).toEqual([20, 27]);
  });

  it('goes on from its count when divisor or mode change', () => {
    const apic = timer(oneShot, 10);
    writeXapic(apic, 0x3e0, 0, 4); // 6 left, now by 2
    expect(nextTimerExpiry(apic, 4)).toBe(16);
    writeXapic(apic, 0x320, periodic, 8); // 4 left
    expect(currentCount(apic, 8)).toBe(4);
    expect(nextTimerExpiry(apic, 8)).toBe(16);
    expect(nextTimerExpiry(apic, 16)).toBe(36); // then from the initial count
  });

  it('a rewrite of the entry in the same mode does not disturb it', () => {
    const apic = timer(periodic, 10);
    writeXapic(apic, 0x320, periodic | 0x1_0000, 4);
    expect(nextTimerExpiry(apic, 4)).toBe(10);
  });

  it('is a sum of its expiries: as often as the count wraps', () => {
    const small = fc.integer({ min: 1, max: 50 });
    const time = fc.integer({ min: 0, max: 3000 });
    fc.assert(
      fc.property(
        fc.constantFrom(oneShot, periodic),
        small,
        fc.constantFrom(0xb, 0, 1),
        time,
        time,
        (mode, count, divide, a, b) => {
          const apic = timer(mode, count, divide);
          const [from, to] = a < b ? [a, b] : [b, a];
          let seen = 0;
          for (let next = nextTimerExpiry(apic, from); next >= 0 && next <= to; next = nextTimerExpiry(apic, next))
            seen++;
          expect(timerExpiries(apic, from, to)).toBe(seen);
        },
      ),
    );
  });
});

describe('TSC-deadline mode', () => {
  it('arms, expires once and disarms', () => {
    const apic = timer(deadline, 0);
    writeTscDeadline(apic, 100, 1);
    expect(apic.tscDeadline).toEqual([100, 1]);
    const at = 2 ** 32 + 100;
    expect([at - 1, at, at + 1].map((tsc) => tscDeadlineExpired(apic, tsc))).toEqual([false, true, true]);
    expect(expireTscDeadline(apic)).toBe('irr');
    expect(vectorsOf(apic.registers.irr)).toEqual([0xec]);
    expect(tscDeadlineExpired(apic, at)).toBe(false);
    writeTscDeadline(apic, 100, 1);
    writeTscDeadline(apic, 0, 0);
    expect(tscDeadlineExpired(apic, at)).toBe(false);
  });

  it('has no count, and ignores the initial count', () => {
    const apic = timer(deadline, 10);
    expect(readXapic(apic, 0x380)).toMatchObject({ low: 0 });
    apic.registers.initialCount = 10;
    apic.timerCount = 10;
    expect(currentCount(apic, 1)).toBe(0);
    expect(nextTimerExpiry(apic, 1)).toBe(-1);
    expect(timerExpiries(apic, 0, 100)).toBe(0);
  });

  it('ignores a deadline in other modes', () => {
    const apic = timer(oneShot, 10);
    writeTscDeadline(apic, 5, 0);
    expect(apic.tscDeadline).toEqual([0, 0]);
  });

  it('is disarmed by a change of mode, either way', () => {
    const apic = timer(deadline, 0);
    writeTscDeadline(apic, 5, 0);
    writeXapic(apic, 0x320, oneShot);
    expect(apic.tscDeadline).toEqual([0, 0]);
    writeXapic(apic, 0x380, 10, 0);
    writeXapic(apic, 0x320, deadline, 1);
    writeXapic(apic, 0x320, oneShot, 2);
    expect(nextTimerExpiry(apic, 2)).toBe(-1);
  });
});
