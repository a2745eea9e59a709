import { describe, expect, test } from 'vitest';
import { profiles } from '../../src/cost/profiles.js';
import { runScenario } from '../../src/scenarios/run.js';

const cost = (group: string): number => profiles['sapphire-rapids']?.groups[group]?.cycles ?? Number.NaN;

function cpuid(mitigations: Record<string, boolean>): number {
  const report = runScenario({ host: { mitigations }, workload: { kind: 'vmexit', test: 'cpuid', iterations: 20 } });
  return report.variants[0]?.latencyCycles.p50 ?? Number.NaN;
}

describe('a mitigation', () => {
  test.each([
    ['ibrs', 'specCtrl'],
    ['bhb', 'branchHistory'],
    ['mds', 'bufferClearing'],
    ['l1dFlush', 'cacheFlush'],
  ])('%s is paid once for an exit and its entry', (name, group) => {
    expect(cpuid({ [name]: true }) - cpuid({})).toBe(Math.round(cost(group)));
  });

  test('that flushes the L1 data cache on condition does so after an interrupt of the host and when its task was switched in', () => {
    const late = (
      idle: 'hlt' | 'loop',
      haltPollNs: number,
      mitigations: Record<string, boolean>,
      preemptionTimer = true,
    ) =>
      runScenario({
        profile: 'skylake-sp',
        host: { kernel: '5.8', haltPollNs, preemptionTimer, timerAdvance: false, idle: 'poll', mitigations },
        vms: [{ vcpus: 1 }],
        workload: { kind: 'timers', idle, iterations: 40, warmup: 80 },
      }).variants[0]?.latencyCycles.p50 ?? Number.NaN;
    const flush = Math.round(profiles['skylake-sp']?.groups['cacheFlush']?.cycles ?? Number.NaN);
    const paid = (...[idle, haltPollNs, preemptionTimer]: ['hlt' | 'loop', number, boolean]) =>
      late(idle, haltPollNs, { l1dFlushCond: true }, preemptionTimer) - late(idle, haltPollNs, {}, preemptionTimer);
    // The timer of a halted virtual CPU is an interrupt of the host, whether it polls or sleeps.
    expect(paid('hlt', 200_000, true)).toBe(flush);
    expect(paid('hlt', 0, true)).toBe(flush);
    // One that spins has the preemption timer, which is an exit and no interrupt.
    expect(paid('loop', 0, true)).toBe(0);
    expect(paid('loop', 0, false)).toBe(flush);
    expect(cpuid({ l1dFlushCond: true })).toBe(cpuid({}));
  });

  test('that is off costs nothing, and one that there is not is refused', () => {
    expect(cpuid({ mds: false })).toBe(cpuid({}));
    expect(cpuid({ taa: true })).toBe(cpuid({ mds: true }));
    expect(cpuid({ taa: true, mds: true })).toBe(cpuid({ mds: true }));
    expect(() => cpuid({ taaa: true })).toThrow(
      'host.mitigations.taaa: is not a mitigation that is modelled (there are: l1dFlush, mds, ibrs, bhb, retpoline, l1dFlushCond, taa)',
    );
  });

  test('retpolines make indirect calls dear: of exit handlers but the frequent ones, and before 5.12 of all that the vendor does', () => {
    const cycles = (kernel: '5.4' | '5.8' | '5.15', test: 'cpuid' | 'tscdeadline_immed', retpoline: boolean): number =>
      runScenario({
        host: { kernel, mitigations: { retpoline } },
        vms: [{ features: { tscDeadlineFastpath: false } }],
        workload: { kind: 'vmexit', test, iterations: 20 },
      }).variants[0]?.latencyCycles.p50 ?? Number.NaN;
    const paid = (kernel: '5.4' | '5.8' | '5.15', test: 'cpuid' | 'tscdeadline_immed'): number =>
      Math.round((cycles(kernel, test, true) - cycles(kernel, test, false)) / cost('retpoline'));
    expect(paid('5.4', 'cpuid')).toBe(8);
    expect(paid('5.8', 'cpuid')).toBe(8);
    expect(paid('5.15', 'cpuid')).toBe(1);
    // A write of an MSR is called directly since 5.6.
    expect(paid('5.4', 'tscdeadline_immed')).toBe(8);
    expect(paid('5.8', 'tscdeadline_immed')).toBe(7);
    expect(paid('5.15', 'tscdeadline_immed')).toBe(0);
  });

  test.each(['ibrs', 'retpoline'])('%s costs on an AMD host, too', (name) => {
    const cycles = (on: boolean) =>
      runScenario({
        profile: 'epyc',
        host: { mitigations: { [name]: on } },
        workload: { kind: 'vmexit', test: 'cpuid', iterations: 20 },
      }).variants[0]?.latencyCycles.p50 ?? Number.NaN;
    const group = name === 'ibrs' ? 'specCtrl' : 'retpoline';
    expect(cycles(true) - cycles(false)).toBe(Math.round(profiles['epyc']?.groups[group]?.cycles ?? Number.NaN));
  });

  test('changes nothing where there are no exits', () => {
    const ipi = (mitigations: Record<string, boolean>) =>
      runScenario({
        host: { mitigations },
        vms: [{ features: { ipiVirtualization: true } }],
        workload: { kind: 'vmexit', test: 'ipi', iterations: 20 },
      }).variants[0]?.latencyCycles.mean;
    expect(ipi({ ibrs: true, mds: true })).toBe(ipi({}));
  });
});
