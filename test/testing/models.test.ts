import { describe, expect, test } from 'vitest';
import { findings } from '../../src/testing/findings.js';
import { findConfiguration, models } from '../../src/testing/models/catalogue.js';
import { exploreModel } from '../../src/testing/models/explore-model.js';
import { mutants, tryMutant } from '../../src/testing/mutants/index.js';
import { withChanges } from '../../src/testing/mutants/install.js';

// What is small enough to be carried out in a moment; all of it is `npm run test:deep`.
const small = { limits: { states: 5000 } };

describe('every interleaving of what KVM does breaks nothing', () => {
  for (const model of models) {
    test.each(model.configurations.map((configuration) => [configuration.name, configuration] as const))(
      `${model.name}/%s`,
      (_name, configuration) => {
        const { violation, complete, limit, states } = exploreModel(configuration, small);
        if (configuration.finding !== undefined) {
          expect(violation?.invariant).toBe(findings.find(({ id }) => id === configuration.finding)?.invariant);
          return;
        }
        expect(violation).toBeUndefined();
        expect(complete || limit === 'states').toBe(true);
        expect(states).toBeGreaterThan(10);
      },
    );
  }
});

describe('a finding', () => {
  test.each(findings.map((finding) => [finding.id, finding] as const))(
    '%s is there, and what closes it does',
    (id, finding) => {
      const configuration = findConfiguration(finding.model, finding.configuration);
      expect(configuration.finding).toBe(id);
      const result = withChanges(finding.closing, () => exploreModel(configuration));
      expect(result).toMatchObject({ complete: true });
    },
  );
});

describe('with a bug of history switched on it does', () => {
  const explored = mutants.filter(({ detector }) => detector.by === 'explorer');
  test.each(explored.map((mutant) => [mutant.id, mutant] as const))('%s', (_id, mutant) => {
    expect(tryMutant(mutant)).toMatchObject({ caught: true });
  });
});
