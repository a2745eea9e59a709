import { expect, test } from 'vitest';
import { runScenario, traceScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

/** More virtual CPUs than processors, nobody pinned, and other work: whoever measures gets a new processor now and then. */
function crowded(seed: number): ScenarioInput {
  return {
    seed,
    topology: { coresPerSocket: 2 },
    host: { haltPollNs: 0, load: [{ count: 1, busyNs: 30_000, idleNs: 20_000, pinning: 'float' }] },
    vms: [{ vcpus: 3, pinning: 'float' }],
    workload: { kind: 'request-response', thinkNs: 20_000, iterations: 2, warmup: 1 },
  };
}

test('a breakdown goes with the virtual CPU when its thread changes processors', () => {
  let moved = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const [traced] = traceScenario(crowded(seed));
    const [variant] = runScenario(crowded(seed)).variants;
    if (traced === undefined || variant === undefined) throw new Error('nothing ran');
    const cycles = variant.breakdown.reduce((sum, row) => sum + row.cycles, 0);
    expect(cycles).toBe(traced.to - traced.from);
    const inside = traced.places.filter(({ since }) => since > traced.from && since < traced.to);
    if (inside.length === 0) continue;
    moved++;
    // It ends where the virtual CPU is then.
    expect(traced.places[traced.places.length - 1]?.processor).toBe(traced.processor);
    expect(variant.breakdown[variant.breakdown.length - 1]?.on).toBe('sender');
  }
  expect(moved).toBeGreaterThan(0);
});

test('and where an interrupt that moves to another virtual CPU is what is measured', () => {
  const [variant] = runScenario({
    vms: [{ vcpus: 2 }],
    workload: { kind: 'device-interrupt', path: 'msi', affinityNs: 70_000, iterations: 3, warmup: 1 },
  }).variants;
  expect(variant?.breakdown.length).toBeGreaterThan(0);
});
