import { describe, expect, test } from 'vitest';
import { deliveryLaw, equivalenceLaw } from '../../src/testing/laws/detectors.js';
import { emulationMutants } from '../../src/testing/mutants/emulation.js';
import { tryMutant } from '../../src/testing/mutants/index.js';

describe('a general law catches', () => {
  test.each(emulationMutants.map((mutant) => [`${mutant.id}: ${mutant.title}`, mutant] as const))(
    '%s',
    (_name, mutant) => {
      const report = tryMutant(mutant);
      expect(report).toMatchObject({ id: mutant.id, by: 'property', caught: true });
      expect(report.schedule).not.toBe('');
    },
  );
});

describe('and finds nothing where there is nothing', () => {
  const few = 60;
  test.each([
    equivalenceLaw({}, few),
    equivalenceLaw({ hypercalls: 'kvm' }, few),
    equivalenceLaw({ hypercalls: 'hyper-v' }, few),
    deliveryLaw({}, few),
  ])('$name', (law) => {
    expect(law.run(3)).toBeUndefined();
  });
});
