import { describe, expect, it } from 'vitest';
import { missingCost, resolveCosts } from '../../src/engine/costs.js';
import { InputError } from '../../src/engine/errors.js';
import { costKey } from '../../src/engine/requests.js';

const lineTransfer = [0, 30, 70, 140] as const;
const near = costKey('costs-near').number;
const far = costKey('costs-far').number;

describe('the costs of a profile', () => {
  it('are resolved to whole cycles by the number of their key, and by distance', () => {
    const table = resolveCosts({ 'costs-near': 12.4, 'costs-far': [1, 2, 3, 4.6], lineTransfer }, [
      'costs-near',
      'costs-far',
    ]);
    expect([table.stage[near], table.stage[far]]).toEqual([12, 1]);
    expect(table.byDistance.slice(4 * near, 4 * near + 4)).toEqual([12, 12, 12, 12]);
    expect(table.byDistance.slice(4 * far, 4 * far + 4)).toEqual([1, 2, 3, 5]);
  });

  it('of a cache line are none for the processor that has it', () => {
    expect(resolveCosts({ lineTransfer: 50 }, []).line).toEqual([0, 50, 50, 50]);
    expect(resolveCosts({ lineTransfer }, []).line).toEqual([0, 30, 70, 140]);
  });

  it('must be there, and be cycles', () => {
    const rejection = (costs: Record<string, never>): string => {
      try {
        resolveCosts({ lineTransfer, ...costs }, ['costs-near'], 'profile.costs');
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return (error as InputError).message;
      }
      return 'accepted';
    };
    expect(rejection({})).toBe('profile.costs.costs-near: the profile has no cost for this key, which a routine needs');
    const bad = (cost: unknown) => rejection({ 'costs-near': cost as never });
    expect(bad(-1)).toBe('profile.costs.costs-near: -1 is not a number of cycles from 0 to 2^40');
    expect(bad(Number.NaN)).toMatch(/NaN is not a number of cycles/);
    expect(bad([1, 2, -3, 4])).toBe('profile.costs.costs-near[2]: -3 is not a number of cycles from 0 to 2^40');
    expect(bad(2 ** 40)).toMatch(/is not a number of cycles/);
    expect(() => resolveCosts({}, [])).toThrow('profile.costs.lineTransfer: the profile has no cost');
  });

  it('that were not asked for are no numbers', () => {
    const table = resolveCosts({ 'costs-near': 1, lineTransfer }, []);
    expect(table.stage[near]).toBeNaN();
    expect(missingCost('a.b', near).message).toMatch(/^a\.b: the cost key 'costs-near' was not resolved/);
  });
});
