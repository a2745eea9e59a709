import { describe, expect, test } from 'vitest';
import { parametersOf } from '../../src/cost/calibration/parameters.js';
import { fittedNumbers } from '../../src/cost/fitted-numbers.js';
import { hardwarePaths } from '../../src/cost/hardware-paths.js';
import { interconnectPaths } from '../../src/cost/interconnect-paths.js';
import { mitigationPaths } from '../../src/cost/mitigation-paths.js';
import { type Processor, profileOfProcessor } from '../../src/cost/processor.js';
import { sapphireRapids as sapphireRapidsProcessor } from '../../src/cost/processors/sapphire-rapids.js';
import { skylakeSp as skylakeSpProcessor } from '../../src/cost/processors/skylake-sp.js';
import { clocksOf, costsOf, withCosts } from '../../src/cost/profile.js';
import { processors, profiles } from '../../src/cost/profiles.js';
import { InputError } from '../../src/engine/errors.js';
import { costKeysOf } from '../../src/engine/routine.js';
import { systemCostKeys, systemRoutines } from '../../src/scenarios/routines.js';

const sapphireRapids = profileOfProcessor(sapphireRapidsProcessor);
const skylakeSp = profileOfProcessor(skylakeSpProcessor);

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
      expect(cycles).toBeGreaterThanOrEqual(range[0] * 0.9999);
      expect(cycles).toBeLessThanOrEqual(range[1] * 1.0001);
      expect(source.length).toBeGreaterThan(20);
      expect(Object.keys(keys).length).toBeGreaterThan(0);
      for (const part of Object.values(keys)) expect(part).toBeGreaterThan(0);
    },
  );

  test('goes from the lightest C-state to the deepest', () => {
    const latencies = (profile.cStates ?? []).map((state) => state.exitLatencyNs);
    expect(latencies.length).toBeGreaterThan(0);
    expect(latencies).toEqual([...latencies].sort((a, b) => a - b));
  });
});

describe.each(processors.map((processor) => [processor.name, processor] as const))(
  'the processor %s',
  (_, processor) => {
    test('has numbers of its own only for groups that there are', () => {
      expect(Object.keys({ ...hardwarePaths, ...mitigationPaths })).toEqual(
        expect.arrayContaining(Object.keys(processor.hardware)),
      );
      expect(Object.keys(interconnectPaths)).toEqual(expect.arrayContaining(Object.keys(processor.interconnect)));
    });

    test('is slower to reach the further away', () => {
      for (const { ns } of Object.values(processor.interconnect)) expect(ns).toEqual([...ns].sort((a, b) => a - b));
    });
  },
);

describe('from a processor to its profile', () => {
  const twice: Processor = { ...skylakeSpProcessor, name: 'twice', scale: { ...skylakeSpProcessor.scale, cycles: 2 } };

  test('shared paths follow the scale; the interconnect keeps its times', () => {
    const profile = profileOfProcessor(twice, {});
    const once = profileOfProcessor(skylakeSpProcessor, {});
    expect(profile.groups['sendSoftware']?.cycles).toBe(2 * (once.groups['sendSoftware']?.cycles ?? 0));
    expect(profile.groups['lineTransfer']).toEqual(once.groups['lineTransfer']);
    // Its own number of this group is not scaled.
    expect(profile.groups['specCtrl']).toEqual(once.groups['specCtrl']);
  });

  test('what calibration found replaces an estimate: shared, or of one processor', () => {
    const numbers = { vmExit: 444, 'twice.scale': 3, 'twice.lineTransfer': 50, 'skylake-sp.specCtrl': 333 };
    const profile = profileOfProcessor(twice, numbers);
    expect(profile.groups['vmExit']).toMatchObject({ cycles: 3 * 444, status: 'grouped' });
    expect(profile.groups['lineTransfer']).toMatchObject({ cycles: 50 * 2.4, status: 'fitted' });
    expect(profile.groups['specCtrl']?.cycles).not.toBe(333);
    expect(profileOfProcessor(skylakeSpProcessor, numbers).groups['vmExit']).toMatchObject({
      cycles: 444,
      status: 'fitted',
    });
  });

  test('every number that calibration found is one of a group or a scale that there is', () => {
    const known = new Set(Object.keys(skylakeSp.groups));
    for (const name of Object.keys(fittedNumbers)) {
      const [owner, parameter] = name.includes('.') ? name.split('.') : [undefined, name];
      expect(owner === undefined || Object.hasOwn(profiles, owner), name).toBe(true);
      expect(known.has(parameter ?? '') || (owner !== undefined && parameter === 'scale'), name).toBe(true);
    }
  });
});

describe('costs', () => {
  const groupCycles = (group: string): number => sapphireRapids.groups[group]?.cycles ?? Number.NaN;

  test('a group that is set keeps the proportions of its keys', () => {
    const before = costsOf(sapphireRapids);
    const after = costsOf(withCosts(sapphireRapids, { sendSoftware: 2 * groupCycles('sendSoftware') }));
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

  test('a cost by distance is set as a whole, or distance by distance', () => {
    const before = costsOf(sapphireRapids)['lineTransfer'] as readonly number[];
    const whole = costsOf(withCosts(sapphireRapids, { lineTransfer: 200 }))['lineTransfer'] as readonly number[];
    expect(whole[2]).toBe(200);
    expect((whole[3] as number) / (before[3] as number)).toBeCloseTo(200 / (before[2] as number));
    expect(costsOf(withCosts(sapphireRapids, { lineTransfer: [0, 20, 100, 300] }))['lineTransfer']).toEqual([
      0, 20, 100, 300,
    ]);
  });

  test('the scale moves what follows it, and nothing that is set beside it', () => {
    const after = withCosts(skylakeSp, { scale: 2, vmExit: 500 });
    expect(after.scale).toBe(2);
    expect(after.groups['vmExit']?.cycles).toBe(500);
    expect(after.groups['sendSoftware']?.cycles).toBe(2 * (skylakeSp.groups['sendSoftware']?.cycles ?? 0));
    expect(after.groups['lineTransfer']).toEqual(skylakeSp.groups['lineTransfer']);
  });

  test.each([
    ['profile.set.exit: ', { exit: 1 }],
    ['profile.set.vmExit: -1 is not', { vmExit: -1 }],
    ['profile.set.lineTransfer[3]: -1 is not', { lineTransfer: [0, 1, 2, -1] as const }],
    ['profile.set.scale: 0 is not', { scale: 0 }],
    ['profile.set.constructor: ', { constructor: 1 }],
  ])('%s…: what is wrong is refused with its path', (message, set) => {
    expect(() => withCosts(sapphireRapids, set)).toThrow(InputError);
    expect(() => withCosts(sapphireRapids, set)).toThrow(message);
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

  test("a host's clocks are the profile's, but for what it says itself", () => {
    const turbo = { ...skylakeSp, coreGhz: 3.6 };
    expect(clocksOf(turbo)).toEqual({ tscGhz: 2.4, coreGhz: 3.6 });
    expect(clocksOf(turbo, { coreGhz: 2 })).toEqual({ tscGhz: 2.4, coreGhz: 2 });
    expect(clocksOf(turbo, { tscGhz: 2 })).toEqual({ tscGhz: 2, coreGhz: 3 });
    expect(clocksOf(skylakeSp, { tscGhz: 2 })).toEqual({ tscGhz: 2, coreGhz: 2 });
  });
});

describe('a processor that takes numbers from a relative', () => {
  const numbers = { 'epyc.apicPageAccess': 77, 'epyc.scale': 2, 'sapphire-rapids.scale': 3, 'haswell.scale': 4 };
  const profileOf = (name: string) => {
    const processor = processors.find((other) => other.name === name);
    if (processor === undefined) throw new Error(name);
    return profileOfProcessor(processor, numbers);
  };

  test('follows what is fitted there, also over two generations', () => {
    expect(profileOf('epyc-milan').groups['apicPageAccess']).toMatchObject({ cycles: 77, status: 'grouped' });
    expect(profileOf('epyc').groups['apicPageAccess']).toMatchObject({ cycles: 77, status: 'fitted' });
    expect(profileOf('emerald-rapids').scale).toBe(3);
    expect(profileOf('sandy-bridge').scale).toBe(4);
  });

  test('keeps what it has of its own, which alone is a parameter of calibration', () => {
    expect(profileOf('epyc-rome').scale).toBe(1.1);
    const names = parametersOf(processors).map(({ name }) => name);
    expect(names).toContain('epyc-rome.scale');
    expect(names).toContain('epyc-rome.specCtrl');
    expect(names).not.toContain('epyc-rome.apicPageAccess');
    expect(names).not.toContain('sandy-bridge.scale');
  });
});
