import { describe, expect, test } from 'vitest';
import { findings } from '../../src/testing/findings.js';
import { findConfiguration, models } from '../../src/testing/models/catalogue.js';
import { exploreModel } from '../../src/testing/models/explore-model.js';
import { mutants, tryMutant } from '../../src/testing/mutants/index.js';
import { withChanges } from '../../src/testing/mutants/install.js';
import { factor } from '../runs.js';

// As much as can be carried out in a moment; all of it in `npm run test:deep`.
const some = factor > 1 ? { limits: { bytes: 2 ** 31 } } : { limits: { states: 20_000 } };

describe('every interleaving of what KVM does breaks nothing', () => {
  for (const model of models) {
    test.each(model.configurations.map((configuration) => [configuration.name, configuration] as const))(
      `${model.name}/%s`,
      (_name, configuration) => {
        const { violation, complete, limit, states } = exploreModel(
          configuration,
          configuration.finding === undefined ? some : {},
        );
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

// What an action or an invariant came to is remembered by the parts of the state that it read. That must not change anything.
describe('remembering nothing', () => {
  test.each([
    ['entry', 'icr-fastpath'],
    ['block', 'software-store-buffers'],
    ['block', 'device'],
    ['preempt', 'ipi-virtualization-running'],
    ['two-senders', 'ipi-virtualization'],
    ['timer', 'halt-migrate'],
    ['disable', 'apicv'],
    ['avic', 'software-halt'],
    ['nested', 'ipi-virtualization'],
  ])('comes to the same in %s/%s', (model, name) => {
    const configuration = findConfiguration(model, name);
    const result = exploreModel(configuration, { remember: false });
    expect(result.complete).toBe(true);
    expect(exploreModel(configuration)).toEqual(result);
  });

  test.each(['PI-01', 'PI-08', 'PI-11', 'HLT-01', 'AVIC-03'])('finds %s by the same schedule', (id) => {
    const mutant = mutants.find((candidate) => candidate.id === id);
    if (mutant?.detector.by !== 'explorer') throw new Error(`no mutant '${id}' that the explorer finds`);
    const { model, configuration } = mutant.detector;
    const [remembered, plain] = [true, false].map((remember) =>
      withChanges(mutant.changes, () => exploreModel(findConfiguration(model, configuration), { remember })),
    );
    expect(plain?.violation).toBeDefined();
    expect(remembered).toEqual(plain);
  });
});

// Local stages are merged with what goes before them. That must not hide anything: stopping before every stage finds the same.
describe('stopping before every stage', () => {
  test.each([
    ['entry', 'ipi-virtualization'],
    ['entry', 'software-store-buffers'],
    ['entry', 'device'],
    ['block', 'interrupt-handler'],
    ['preempt', 'ipi-virtualization-running'],
    ['inhibit', 'device'],
    ['timer', 'preemption-timer-halt'],
    ['kick', 'software-store-buffers'],
    ['disable', 'without-apicv'],
  ])('breaks nothing in %s/%s either, and passes through more states', (model, name) => {
    const configuration = findConfiguration(model, name);
    const merged = exploreModel(configuration);
    const plain = exploreModel(configuration, { plain: true });
    expect([merged, plain]).toMatchObject([{ complete: true }, { complete: true }]);
    expect(plain.states).toBeGreaterThan(merged.states);
  });

  const ids = ['PI-06', 'PI-10', 'PI-12', 'PI-13', 'PI-18-hardware', 'FAST-01', 'FAST-01-sync'];
  test.each(ids)('finds %s by the same invariant', (id) => {
    const mutant = mutants.find((candidate) => candidate.id === id);
    if (mutant?.detector.by !== 'explorer') throw new Error(`no mutant '${id}' that the explorer finds`);
    const { model, configuration } = mutant.detector;
    const [merged, plain] = [false, true].map((option) =>
      withChanges(mutant.changes, () => exploreModel(findConfiguration(model, configuration), { plain: option })),
    );
    expect(merged?.violation?.invariant).toBeDefined();
    expect(plain?.violation?.invariant).toBe(merged?.violation?.invariant);
  });
});
