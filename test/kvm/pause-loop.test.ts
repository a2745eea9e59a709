import { describe, expect, test } from 'vitest';
import { growPleWindow, shrinkPleWindow } from '../../src/kvm/ple-window.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from './run-machine.js';

const defaults = { pleWindow: 4096, pleWindowGrow: 2, pleWindowShrink: 0, pleWindowMax: 4_294_967_295 };

describe('the window', () => {
  test('doubles by default, up to its maximum, and starts anew when its virtual CPU is switched in', () => {
    expect(growPleWindow(4096, defaults)).toBe(8192);
    expect(growPleWindow(3_000_000_000, defaults)).toBe(4_294_967_295);
    expect(shrinkPleWindow(8192, defaults)).toBe(4096);
  });

  test('takes a parameter of 4096 or more as what to add or subtract, a smaller one as a factor', () => {
    expect(growPleWindow(4096, { ...defaults, pleWindowGrow: 5000 })).toBe(9096);
    expect(growPleWindow(9999, { ...defaults, pleWindowGrow: 0 })).toBe(4096);
    expect(shrinkPleWindow(20_000, { ...defaults, pleWindowShrink: 5000 })).toBe(15_000);
    expect(shrinkPleWindow(20_000, { ...defaults, pleWindowShrink: 2 })).toBe(10_000);
    expect(shrinkPleWindow(5000, { ...defaults, pleWindowShrink: 3 })).toBe(4096);
  });
});

/** Virtual CPUs that hand on a turn, on one processor. */
function roundRobin(more: Partial<ScenarioInput> = {}, vm: object = {}): ScenarioInput {
  return {
    topology: { coresPerSocket: 1 },
    vms: [{ vcpus: 3, pinning: 'float', ...vm }],
    workload: { kind: 'vmexit', test: 'ple_round_robin', iterations: 20, warmup: 4 },
    ...more,
  };
}

describe('three virtual CPUs on one processor that wait for each other with PAUSE', () => {
  test('lend it to each other at each exit of a PAUSE loop', () => {
    const { run } = checkedRun(roundRobin());
    run.run();
    expect(run.state.observers.iterations).toHaveLength(20);
    const exits = runScenario(roundRobin()).variants[0]?.exits ?? [];
    expect(exits.find(({ reason }) => reason === 'PAUSE_INSTRUCTION')?.count).toBeGreaterThan(20);
  });

  test('without pause-loop exiting wait for the end of a slice instead', () => {
    const cycles = (input: ScenarioInput) => runScenario(input).variants[0]?.latencyCycles.mean ?? 0;
    const with_ = cycles(roundRobin());
    const off = cycles(roundRobin({ host: { ple: { gap: 0 } } }));
    const inGuest = cycles(roundRobin({}, { disableExits: ['pause'] }));
    expect(off).toBeGreaterThan(20 * with_);
    // Passing PAUSE through comes to the same.
    expect(inGuest).toBe(off);
  });

  test('exit more rarely with a larger window, and the window grows while one is not switched out', () => {
    const alone: ScenarioInput = roundRobin({
      // On processors of their own, and slow to hand on: the others spin long, and nobody has to be lent anything.
      topology: { coresPerSocket: 3 },
      profile: { base: 'sapphire-rapids', set: { guestStores: 200_000 } },
      vms: [{ vcpus: 3 }],
    });
    const { run } = checkedRun(alone);
    run.run();
    const windows = run.state.machine.vcpus.map(({ pleWindow }) => pleWindow);
    expect(Math.min(...windows)).toBeGreaterThan(100_000);
  });
});
