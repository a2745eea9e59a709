import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kernelVersions } from '../../src/kvm/kernels.js';
import { createMachine, restoreMachine } from '../../src/scenarios/machine.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { MachineInput, ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from '../kvm/run-machine.js';

const hosts = fc.record({
  kernel: fc.constantFrom(...kernelVersions),
  haltPollNs: fc.constantFrom(0, 5000, 200_000),
  idle: fc.constantFrom('hlt' as const, 'mwait' as const, 'poll' as const),
  governor: fc.constantFrom('menu' as const, 'teo' as const, 'haltpoll' as const),
  cStates: fc.constantFrom('default' as const, ['C1'], ['C1', 'C6']),
  wakeupPreemption: fc.boolean(),
  sliceNs: fc.constantFrom(10_000, 100_000),
  load: fc.array(
    fc.record({
      busyNs: fc.integer({ min: 1000, max: 50_000 }),
      idleNs: fc.constantFrom(0, 5000, 40_000),
      nice: fc.constantFrom(-5, 0, 10),
    }),
    { maxLength: 2 },
  ),
});

const machines: fc.Arbitrary<ScenarioInput> = fc
  .record({
    host: hosts,
    sockets: fc.constantFrom(1, 2),
    coresPerSocket: fc.integer({ min: 1, max: 2 }),
    threadsPerCore: fc.constantFrom(1, 2),
    features: fc.constantFrom({}, { apicv: false }, { ipiVirtualization: false }),
    others: fc.nat(2),
    name: fc.constantFrom('ipi' as const, 'ipi_halt' as const, 'tscdeadline' as const, 'self_ipi_sti_hlt' as const),
    seed: fc.integer(),
  })
  .map(({ host, sockets, coresPerSocket, threadsPerCore, features, others, name, seed }) => ({
    host,
    topology: { sockets, coresPerSocket, threadsPerCore },
    vms: [
      { features, pinning: 'float' as const },
      ...Array.from({ length: others }, () => ({ vcpus: 1, pinning: 'float' as const })),
    ],
    workload: { kind: 'vmexit' as const, test: name, targetIdle: 'hlt' as const, iterations: 8, warmup: 1 },
    jitter: 0.3,
    seed,
  }));

describe('on random hosts', () => {
  test('a halted virtual CPU is woken, and no task is in two places, whatever else wants the processors', () => {
    fc.assert(
      fc.property(machines, (machine) => {
        const { run } = checkedRun(machine);
        run.run({ time: 4e8, stages: 60_000 });
        expect(run.state.observers.iterations.length).toBeGreaterThan(0);
      }),
      { numRuns: 25 },
    );
  });

  test('a machine saved anywhere goes on as it would have', () => {
    fc.assert(
      fc.property(machines, fc.integer({ min: 1, max: 3000 }), (machine, stages) => {
        const straight = createMachine(machine as MachineInput);
        straight.run({ stages });
        const restored = restoreMachine(JSON.parse(JSON.stringify(straight.save())));
        const time = straight.now + 300_000;
        straight.run({ time });
        restored.run({ time });
        expect(JSON.stringify(restored.save())).toBe(JSON.stringify(straight.save()));
      }),
      { numRuns: 15 },
    );
  });
});

describe('fairness', () => {
  /** Shares of one processor that load gets beside a virtual CPU that never sleeps. */
  function otherShare(kernel: '5.15' | '6.12', nice: number): number {
    const [variant] = runScenario({
      host: { kernel, load: [{ busyNs: 1e9, pinning: [0], nice }], sliceNs: 50_000 },
      topology: { coresPerSocket: 1 },
      vms: [{ vcpus: 1, pinning: [0] }],
      workload: { kind: 'vmexit', test: 'cpuid', iterations: 4000 },
    }).variants;
    const [processor] = variant?.cpu.processors ?? [];
    if (variant === undefined || processor === undefined) throw new Error('no variant');
    return processor.otherLoad / variant.cpu.elapsed;
  }

  test.each(['5.15', '6.12'] as const)('Linux %s: two that never sleep have half each, by their weights', (kernel) => {
    expect(otherShare(kernel, 0)).toBeGreaterThan(0.4);
    expect(otherShare(kernel, 0)).toBeLessThan(0.6);
    expect(otherShare(kernel, 10)).toBeLessThan(0.2);
  });

  test('a sleeper that is woken has the processor at once by CFS; by EEVDF who has it keeps it for what it asked for', () => {
    const latency = (kernel: '5.15' | '6.12'): number =>
      runScenario({
        host: { kernel, haltPollNs: 0, cStates: ['C1'], load: [{ busyNs: 1e9, pinning: [2] }] },
        topology: { coresPerSocket: 3 },
        vms: [{ pinning: [0, 2], features: { ipiVirtualization: false } }],
        workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 20 },
      }).variants[0]?.latencyNs.mean ?? 0;
    expect(latency('6.12')).toBeGreaterThan(5 * latency('5.15'));
  });
});

describe('idle processors', () => {
  const run = (host: MachineInput['host']) =>
    runScenario({
      host: { haltPollNs: 0, ...host },
      vms: [{ features: { ipiVirtualization: false } }],
      workload: { kind: 'smp-call-function', from: 0, to: [1], thinkNs: 50_000, iterations: 30 },
    }).variants[0];

  test('are slower to wake from deeper states, and fastest from a loop', () => {
    const latency = (host: MachineInput['host']): number => run(host)?.latencyCycles.mean ?? 0;
    const poll = latency({ idle: 'poll' });
    const light = latency({ cStates: ['C1'] });
    const deep = latency({ cStates: ['C6'] });
    expect(poll).toBeLessThan(light);
    expect(deep).toBeGreaterThan(light + 100_000);
  });

  test('are accounted by state', () => {
    expect(Object.keys(run({ cStates: ['C6'] })?.cpu.idleByState ?? {})).toEqual(['C6']);
    expect(Object.keys(run({ idle: 'poll' })?.cpu.idleByState ?? {})).toEqual(['POLL']);
  });
});

test('a thread beside one that polls without PAUSE is slower', () => {
  const latency = (smtFactor: number): number =>
    runScenario({
      host: { kernel: '4.19', haltPollNs: 2_000_000, smtFactor },
      topology: { coresPerSocket: 2, threadsPerCore: 2 },
      vms: [{ pinning: [0, 1] }],
      workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 30 },
    }).variants[0]?.latencyCycles.mean ?? 0;
  expect(latency(1.4)).toBeGreaterThan(1.1 * latency(1));
});

test("KVM's statistics tell polls that met the wake-up from those that did not", () => {
  const stat = (haltPollNs: number) =>
    runScenario({
      host: { haltPollNs },
      vms: [{ features: { ipiVirtualization: false } }],
      workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 40 },
    }).variants[0]?.kvmStat;
  expect(stat(200_000)).toMatchObject({ halt_attempted_poll: 40, halt_successful_poll: 40, halt_wakeup: 0 });
  expect(stat(0)).toMatchObject({ halt_attempted_poll: 0, halt_successful_poll: 0, halt_wakeup: 40 });
});
