import { describe, expect, test } from 'vitest';
import { costsOf, withCosts } from '../../src/cost/profile.js';
import { profiles } from '../../src/cost/profiles.js';
import { sapphireRapids } from '../../src/cost/sapphire-rapids.js';
import { InputError } from '../../src/engine/errors.js';
import { costKeysOf } from '../../src/engine/routine.js';
import { systemCostKeys, systemRoutines } from '../../src/scenarios/routines.js';

describe.each(Object.entries(profiles))('the profile %s', (name, profile) => {
  const groups = Object.entries(profile.groups);

  test('is known by its own name', () => {
    expect(profile.name).toBe(name);
  });

  test('has a cost for every key that a routine names, and no other', () => {
    const needed = new Set([...costKeysOf(systemRoutines), ...systemCostKeys, 'lineTransfer']);
    expect(Object.keys(costsOf(profile)).sort()).toEqual([...needed].sort());
  });

  test.each(groups)(
    '%s: within its range, with a source and parts above 0',
    (_group, { cycles, range, source, keys }) => {
      expect(range[0]).toBeLessThan(range[1]);
      expect(cycles).toBeGreaterThanOrEqual(range[0]);
      expect(cycles).toBeLessThanOrEqual(range[1]);
      expect(source.length).toBeGreaterThan(20);
      expect(Object.keys(keys).length).toBeGreaterThan(0);
      for (const part of Object.values(keys)) expect(part).toBeGreaterThan(0);
    },
  );

  test('has no more fitted numbers than figures to fit them to', () => {
    expect(groups.filter(([, group]) => group.status === 'fitted').length).toBeLessThanOrEqual(4);
  });
});

describe('costs', () => {
  test('a group that is set keeps the proportions of its keys', () => {
    const before = costsOf(sapphireRapids);
    const after = costsOf(
      withCosts(sapphireRapids, { sendSoftware: 2 * (sapphireRapids.groups['sendSoftware']?.cycles ?? 0) }),
    );
    for (const key of Object.keys(sapphireRapids.groups['sendSoftware']?.keys ?? {})) {
      expect(after[key]).toBeCloseTo(2 * (before[key] as number));
    }
    expect(after['vmExit']).toBe(before['vmExit']);
  });

  test('a single key that is set leaves the rest of its group alone', () => {
    const before = costsOf(sapphireRapids);
    const after = costsOf(withCosts(sapphireRapids, { acceptIrq: 1000 }));
    expect(after).toEqual({ ...before, acceptIrq: 1000 });
  });

  test('a name that is neither is refused', () => {
    expect(() => withCosts(sapphireRapids, { exit: 1 })).toThrow(InputError);
  });

  test('a core at twice the clock of the time-stamp counter halves what the core does, not the interconnect', () => {
    const usual = costsOf(sapphireRapids);
    const turbo = costsOf(sapphireRapids, { tscGhz: 2, coreGhz: 4 });
    expect(turbo['vmExit']).toBe((usual['vmExit'] as number) / 2);
    expect(turbo['lineTransfer']).toEqual(usual['lineTransfer']);
    // The same host with a faster time-stamp counter: the interconnect takes more of its cycles.
    const fine = costsOf(sapphireRapids, { tscGhz: 4, coreGhz: 4 });
    expect(fine['vmExit']).toBe(usual['vmExit']);
    expect(fine['lineTransfer']).toEqual((usual['lineTransfer'] as readonly number[]).map((cycles) => 2 * cycles));
  });
});
