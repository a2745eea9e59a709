import fc from 'fast-check';
import { test } from 'vitest';
import { interruptCase } from '../../src/testing/arbitraries/cases.js';
import { typed, type Arbitrary } from '../../src/testing/arbitraries/fast-check.js';
import { runCase, type InterruptCase } from '../../src/testing/laws/case.js';
import { checkCase } from '../../src/testing/stories.js';
import { brokenInvariants } from '../kvm/invariants.js';
test('x', () => {
  const cases = interruptCase(typed(fc)) as Arbitrary<InterruptCase>;
  let n = 0;
  const t = process.cpuUsage();
  const taken: number[] = [];
  fc.assert(fc.property(cases, (c) => { n++; const r = checkCase(c, process.env.INV ? { invariants: brokenInvariants } : {}); taken.push(r.events.filter(e => e.what === 'takes').length); }), { numRuns: Number(process.env.RUNS ?? 300), seed: Number(process.env.SEED ?? 1) });
  const u = process.cpuUsage(t);
  console.log(n, (u.user + u.system) / 1000 / n, 'ms each; taken', taken.reduce((a, b) => a + b) / n, taken.filter(x=>x===0).length);
}, 600000);
