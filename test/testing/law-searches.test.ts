import { expect, test } from 'vitest';
import { deliveryLaw, equivalenceLaw } from '../../src/testing/laws/detectors.js';

// That they catch what is wrong is tested with the mutants; here that they find nothing where there is nothing.

const few = 60;

test.each([
  equivalenceLaw({}, few),
  equivalenceLaw({ hypercalls: 'kvm' }, few),
  equivalenceLaw({ hypercalls: 'hyper-v' }, few),
  deliveryLaw({}, few),
])('the search for a counterexample to "$name" ends without one', (law) => {
  expect(law.run(3)).toBeUndefined();
});
