import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adjustHaltPoll, HaltPollFloor } from '../../src/kvm/halt-poll.js';
import { adjustTimerAdvance } from '../../src/kvm/lapic-timer-advance.js';

// Nanoseconds, as in the kernel's documentation.
const defaults = {
  haltPollMax: 200_000,
  haltPollGrow: 2,
  haltPollGrowStart: 10_000,
  haltPollShrink: 2,
  haltPollFloor: HaltPollFloor.both,
};

describe('the halt-polling window', () => {
  test('grows from nothing: 10, 20, 40, 80, 160, and 320 microseconds, of which 200 are used', () => {
    const windows: number[] = [];
    let window = 0;
    for (let i = 0; i < 6; i++) {
      // Each halt is a little longer than the window before.
      window = adjustHaltPoll(Math.min(window, 200_000), window + 1000, defaults);
      windows.push(window);
    }
    expect(windows).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 320_000]);
  });

  test.each([
    ['stays when the wake-up came while polling', 40_000, 30_000, 40_000],
    ['shrinks after a halt longer than the maximum', 80_000, 500_000, 40_000],
    ['is nothing when it would be less than its first size', 15_000, 500_000, 0],
    ['stays nothing after long halts', 0, 500_000, 0],
  ])('%s', (_, window, halted, after) => {
    expect(adjustHaltPoll(window, halted, defaults)).toBe(after);
  });

  test('older kernels shrink to nothing at once', () => {
    expect(adjustHaltPoll(160_000, 500_000, { ...defaults, haltPollShrink: 0 })).toBe(0);
  });

  test.each([
    ['before 5.1 it was doubled whatever was left of it', HaltPollFloor.none, 3000, 6000],
    ['since 5.1 it grows to the first size at least', HaltPollFloor.grow, 3000, 10_000],
  ])('a window that shrank below the first size: %s', (_, haltPollFloor, small, grown) => {
    const older = { ...defaults, haltPollFloor };
    expect(adjustHaltPoll(2 * small, 500_000, older)).toBe(small);
    expect(adjustHaltPoll(small, small + 1, older)).toBe(grown);
  });

  test('without a maximum there is none, and without a factor it does not grow', () => {
    expect(adjustHaltPoll(0, 5, { ...defaults, haltPollMax: 0 })).toBe(0);
    expect(adjustHaltPoll(0, 5, { ...defaults, haltPollGrow: 0 })).toBe(0);
  });

  test('is nothing, or at least its first size', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(sizes, (halts) => {
        let window = 0;
        for (const halted of halts) {
          window = adjustHaltPoll(Math.min(window, defaults.haltPollMax), halted, defaults);
          expect(window === 0 || window >= defaults.haltPollGrowStart).toBe(true);
        }
      }),
    );
  });
});

describe('the timer advance', () => {
  test.each([
    ['late: it comes earlier next time, by an eighth', 2000, 800, 2100],
    ['early: later', 2000, -800, 1900],
    ['a small error changes nothing', 2000, 99, 2000],
    ['nor does one that something else must have caused', 2000, 10_001, 2000],
    ['it starts anew where it has run away', 9900, 8000, 2000],
  ])('%s', (_, advance, late, after) => {
    expect(adjustTimerAdvance(advance, late, 2000)).toBe(after);
  });
});
