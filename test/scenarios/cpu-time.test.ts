import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vmexitTestNames } from '../../src/guest/vmexit.js';
import type { ProcessorTime, VcpuTime } from '../../src/observe/cpu-time.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

const scenarios: fc.Arbitrary<ScenarioInput> = fc
  .record({
    test: fc.constantFrom(...vmexitTestNames),
    targetIdle: fc.constantFrom('loop' as const, 'hlt' as const),
    float: fc.boolean(),
    cores: fc.integer({ min: 1, max: 4 }),
    threadsPerCore: fc.constantFrom(1, 2),
    haltPollNs: fc.constantFrom(0, 20_000, 200_000),
    idle: fc.constantFrom('hlt' as const, 'mwait' as const),
    features: fc.constantFrom({}, { apicv: false }, { ipiVirtualization: false }),
    jitter: fc.constantFrom(0, 0.3),
    seed: fc.integer(),
    others: fc.nat(2),
  })
  .map(({ test: name, targetIdle, float, cores, threadsPerCore, haltPollNs, idle, features, others, ...rest }) => ({
    ...rest,
    topology: { coresPerSocket: float ? cores : 2 + others, threadsPerCore },
    host: { haltPollNs, idle, sliceNs: 20_000 },
    vms: [
      { features, ...(float ? { pinning: 'float' as const } : {}) },
      ...Array.from({ length: others }, () => ({ vcpus: 1, ...(float ? { pinning: 'float' as const } : {}) })),
    ],
    workload: { kind: 'vmexit', test: name, targetIdle, iterations: 10, warmup: 2 },
  }));

const sumOf = ({ guest, host, haltPoll, idle, otherLoad }: ProcessorTime): number =>
  guest + host + haltPoll + idle + otherLoad;
const sumOfVcpu = ({ guest, host, haltPoll, blocked, steal }: VcpuTime): number =>
  guest + host + haltPoll + blocked + steal;

describe('processor time', () => {
  test('of every processor and of every virtual CPU adds up to the time that passed, to the cycle', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const [variant] = runScenario(scenario).variants;
        if (variant === undefined) throw new Error('no variant');
        const { cpu } = variant;
        for (const processor of cpu.processors) {
          expect(sumOf(processor)).toBe(cpu.elapsed);
          expect(Object.values(processor.idleByState).reduce((all, each) => all + each, 0)).toBe(processor.idle);
        }
        for (const vcpu of cpu.vcpus) expect(sumOfVcpu(vcpu)).toBe(cpu.elapsed);
        // The guest runs on a processor whenever it runs, and polls there.
        const ofVcpus = (part: keyof VcpuTime): number => cpu.vcpus.reduce((all, vcpu) => all + vcpu[part], 0);
        expect(ofVcpus('guest')).toBe(cpu.guest);
        expect(ofVcpus('haltPoll')).toBe(cpu.haltPoll);
        for (const exit of variant.exits) {
          expect(exit.polling + exit.blocked + exit.waiting + exit.work).toBe(exit.cycles);
          expect(exit.work).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a target that sleeps costs work, not the time that it sleeps', () => {
    const exitsOf = (haltPollNs: number) =>
      runScenario({
        host: { haltPollNs },
        vms: [{ features: { ipiVirtualization: false } }],
        workload: { kind: 'vmexit', test: 'ipi_halt', targetIdle: 'hlt', iterations: 50 },
      }).variants[0]?.exits.find(({ reason }) => reason === 'HLT');
    const asleep = exitsOf(0);
    expect(asleep?.polling).toBe(0);
    expect(asleep?.blocked).toBeGreaterThan(0);
    const polling = exitsOf(200_000);
    expect(polling?.blocked).toBe(0);
    expect(polling?.polling).toBeGreaterThan(0);
    expect(polling?.work).toBeLessThan(asleep?.work ?? 0);
  });
});
