import { describe, expect, test } from 'vitest';
import { withCosts } from '../../../src/cost/profile.js';
import { profiles } from '../../../src/cost/profiles.js';
import { InputError } from '../../../src/engine/errors.js';
import { calibrateMachine } from '../../../src/scenarios/figures/calibrate-machine.js';
import { readMeasurements } from '../../../src/scenarios/figures/measurements.js';
import { runScenario } from '../../../src/scenarios/run.js';
import type { ScenarioInput } from '../../../src/scenarios/schema.js';

const tests = ['cpuid', 'vmcall', 'ipi', 'self_ipi_sti_nop', 'tscdeadline_immed', 'tscdeadline'] as const;

function run(profile: ScenarioInput['profile'], name: (typeof tests)[number]): number {
  const report = runScenario(
    {
      profile,
      jitter: 0.1,
      vms: [{ vcpus: 2 }],
      workload: { kind: 'vmexit', test: name, targetIdle: 'hlt', iterations: 100 },
    },
    { breakdown: false },
  );
  return report.variants[0]?.latencyCycles.mean ?? Number.NaN;
}

describe('what was printed', () => {
  test('is read line by line: tests, and averages of perf kvm stat', () => {
    const {
      tests: read,
      exits,
      ignored,
    } = readMeasurements(
      [
        'enabling apic',
        'cpuid 1200',
        'cpuid 1210',
        'vmcall 1180\r',
        'mov_dr 7',
        '    VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time',
        '      CPUID     100000    50.00%     1.00%      0.20us     22.46us      0.31us ( +-   0.12% )',
        'Total Samples:100000, Total events handled time:1us.',
      ].join('\n'),
    );
    expect(read).toEqual({ cpuid: 1205, vmcall: 1180 });
    expect(exits).toEqual({ CPUID: 0.31 });
    expect(ignored).toEqual(['mov_dr']);
  });

  test.each([[''], ['cpuid: 1200'], ['Segmentation fault'], ['inl_from_qemu 20574']])(
    '%j has no measurement',
    (text) => {
      expect(() => readMeasurements(text)).toThrow(InputError);
    },
  );
});

describe('a machine that was measured', () => {
  const base = profiles['ice-lake-sp'];
  if (base === undefined) throw new Error('no profile');
  const truth = withCosts(base, { scale: 1.25, vmExit: 560 });
  const profile = { ...truth, name: 'truth' };
  const printed = tests.map((name) => `${name} ${Math.round(run(profile, name))}`).join('\n');
  const { profile: mine, calibration } = calibrateMachine(readMeasurements(printed), {
    base: 'ice-lake-sp',
    machine: { vms: [{ vcpus: 2 }] },
  });

  test('is found again from its own measurements', () => {
    expect(Math.abs((mine.scale ?? 0) / 1.25 - 1)).toBeLessThan(0.06);
    for (const { id, errorPct } of calibration.figures) expect(Math.abs(errorPct), id).toBeLessThan(4);
  });

  test('has a profile that scenarios take as it is', () => {
    const inline = JSON.parse(JSON.stringify(mine)) as NonNullable<ScenarioInput['profile']>;
    for (const name of tests) {
      expect(Math.abs(run(inline, name) / run(profile, name) - 1), name).toBeLessThan(0.04);
    }
  });

  test.each<[string, Parameters<typeof calibrateMachine>[1]]>([
    ["base: there is no profile 'i8086'", { base: 'i8086' }],
    ["name: '9' is not", { name: '9' }],
    ['machine.host.kernel: "2.6" is not a kernel version', { machine: { host: { kernel: '2.6' } } }],
  ])('%s', (message, options) => {
    const complaint = () => calibrateMachine({ tests: { cpuid: 1000 }, exits: {}, ignored: [] }, options);
    expect(complaint).toThrow(InputError);
    expect(complaint).toThrow(message);
  });
});
