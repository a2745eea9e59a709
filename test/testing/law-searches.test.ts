import { describe, expect, test } from 'vitest';
import { runCase } from '../../src/testing/laws/case.js';
import {
  deliveryLaw,
  equivalenceLaw,
  startUpLaw,
  timerLaw,
  timerMigrationLaw,
} from '../../src/testing/laws/detectors.js';
import { mutants, tryMutant } from '../../src/testing/mutants/index.js';
import { unexpressedBugs } from '../../src/testing/mutants/not-expressed.js';

describe('a general law catches', () => {
  const byProperty = mutants.filter(({ detector }) => detector.by === 'property');
  test.each(byProperty.map((mutant) => [`${mutant.id}: ${mutant.title}`, mutant] as const))(
    '%s',
    (_name, mutant) => {
      const report = tryMutant(mutant);
      expect(report).toMatchObject({ id: mutant.id, by: 'property', caught: true });
      expect(report.schedule?.length).toBeGreaterThan(10);
    },
    600_000,
  );
});

test('what cannot be expressed says why, once, and is no mutant', () => {
  const ids = unexpressedBugs.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(unexpressedBugs.filter(({ why }) => why.length < 20)).toEqual([]);
  expect(mutants.filter(({ id }) => ids.includes(id)).map(({ id }) => id)).toEqual([]);
});

const few = 60;

test.each([
  equivalenceLaw({}, few),
  equivalenceLaw({ disables: true }, few),
  equivalenceLaw({ hypercalls: 'kvm' }, few),
  equivalenceLaw({ hypercalls: 'hyper-v' }, few),
  deliveryLaw({}, few),
  deliveryLaw({ masks: true }, few),
  startUpLaw(few),
  timerMigrationLaw(few),
  timerLaw(few),
  equivalenceLaw({ vendors: ['amd'] }, few),
  equivalenceLaw({ pvEoi: true }, few),
])('the search for a counterexample to "$name" ends without one', (law) => {
  expect(law.run(3)).toBeUndefined();
});

test('what was ended by memory is over after a fastpath whose next entry is called off', () => {
  const { broken } = runCase({
    machine: { topology: { coresPerSocket: 3 }, vms: [{ vcpus: 2, features: { apicv: false, pvEoi: true } }] },
    programs: [
      [
        { op: 'send', icr: 0x4031, destination: 0 },
        { op: 'send', icr: 0x4052, destination: 0 },
      ],
    ],
    schedule: { kind: 'timed', seed: 1, jitter: 0 },
  });
  expect(broken).toEqual([]);
});
