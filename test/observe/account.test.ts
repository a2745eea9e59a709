import fc from 'fast-check';
import { expect, it } from 'vitest';
import { change, createAccount, totalsOf } from '../../src/observe/account.js';

const sum = (list: readonly number[]): number => list.reduce((all, each) => all + each, 0);

it('adds up what was done within the time that counts', () => {
  const account = createAccount(0);
  const window = { began: 10, closed: 50 };
  change(account, 1, 20, window);
  change(account, 0, 45, window);
  change(account, 2, 70, window);
  expect(totalsOf(account, window)).toEqual([15, 25, 0]);
});

it('adds up to the time that passed, whatever was done and however often', () => {
  const steps = fc.array(fc.record({ activity: fc.nat(5), after: fc.nat(20) }), { maxLength: 100 });
  fc.assert(
    fc.property(steps, fc.nat(300), fc.nat(300), (changes, began, length) => {
      const window = { began: -1, closed: -1 };
      const account = createAccount(0);
      const expected = [0, 0, 0, 0, 0, 0];
      let [now, doing] = [0, 0];
      const until = (time: number): void => {
        const cycles = Math.max(0, Math.min(time, began + length) - Math.max(now, began));
        expected[doing] = (expected[doing] as number) + cycles;
      };
      for (const { activity, after } of changes) {
        until(now + after);
        now += after;
        doing = activity;
        // The bounds are known once the time is there.
        if (now >= began) window.began = began;
        if (now >= began + length) window.closed = began + length;
        change(account, activity, now, window);
      }
      until(Number.POSITIVE_INFINITY);
      const totals = totalsOf(account, { began, closed: began + length });
      expect(sum(totals)).toBe(length);
      expect(expected.map((_, activity) => totals[activity] ?? 0)).toEqual(expected);
    }),
    { numRuns: 200 },
  );
});
