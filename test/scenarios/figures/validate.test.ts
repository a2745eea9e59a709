import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/engine/errors.js';
import type { FigureInput } from '../../../src/scenarios/figures/figure.js';
import { publishedFigures } from '../../../src/scenarios/figures/published-figures.js';
import { validate } from '../../../src/scenarios/figures/validate.js';
import { runScenario } from '../../../src/scenarios/run.js';
import type { ScenarioInput } from '../../../src/scenarios/schema.js';

const vmcall: ScenarioInput = { profile: 'skylake-sp', workload: { kind: 'vmexit', test: 'vmcall', iterations: 5 } };
const cpuid: ScenarioInput = { profile: 'skylake-sp', workload: { kind: 'vmexit', test: 'cpuid', iterations: 5 } };

function figure(more: Partial<FigureInput> = {}): FigureInput {
  return {
    id: 'one',
    source: 'a list',
    published: 1000,
    unit: 'cycles',
    metric: 'latencyCycles.mean',
    scenario: vmcall,
    ...more,
  };
}

function complaint(figures: unknown): string {
  try {
    validate(figures as Parameters<typeof validate>[0], { intervals: false });
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('a validation', () => {
  const mean = (scenario: ScenarioInput): number => runScenario(scenario).variants[0]?.latencyCycles.mean ?? Number.NaN;

  test('sets what the scenario gives beside what was published', () => {
    const { figures, summary } = validate({ figures: [figure()] }, { intervals: false });
    expect(figures[0]).toMatchObject({
      published: 1000,
      simulated: mean(vmcall),
      fitted: false,
      profile: 'skylake-sp',
    });
    expect(figures[0]?.errorPct).toBeCloseTo((mean(vmcall) - 1000) / 10);
    expect(summary.heldOut).toEqual({
      n: 1,
      medianErrorPct: Math.abs(figures[0]?.errorPct ?? 0),
      maxErrorPct: Math.abs(figures[0]?.errorPct ?? 0),
    });
    expect(summary.fitted).toMatchObject({ n: 0, medianErrorPct: null, maxErrorPct: null });
  });

  test('with a second scenario the figure is the ratio of the two', () => {
    const { figures } = validate({ figures: [figure({ published: 1, relativeTo: cpuid })] }, { intervals: false });
    expect(figures[0]?.simulated).toBeCloseTo(mean(vmcall) / mean(cpuid), 12);
  });

  test('fitted and other figures are counted apart', () => {
    const { summary } = validate(
      {
        figures: [
          figure({ id: 'a', fitted: true, published: mean(vmcall) }),
          figure({ id: 'b', published: mean(vmcall) / 2 }),
          figure({ id: 'c', published: mean(vmcall) / 1.1 }),
        ],
      },
      { intervals: false },
    );
    expect(summary.fitted).toMatchObject({ n: 1, maxErrorPct: 0 });
    expect(summary.heldOut.n).toBe(2);
    expect(summary.heldOut.medianErrorPct).toBeCloseTo(55);
    expect(summary.heldOut.maxErrorPct).toBeCloseTo(100);
  });

  test('any number of a report can be the metric; an exit that did not occur counts 0', () => {
    const { figures } = validate(
      {
        figures: [
          figure({ id: 'total', metric: 'totalNs' }),
          figure({ id: 'exits', metric: 'exits.VMCALL.count' }),
          figure({ id: 'none', metric: 'exits.HLT.count' }),
        ],
      },
      { intervals: false },
    );
    expect(figures.map(({ simulated }) => simulated).slice(1)).toEqual([5, 0]);
    expect(figures[0]?.simulated).toBeCloseTo((5 * mean(vmcall)) / 2.4, 3);
  });

  test('a preset goes by its name, a variant of it by its own', () => {
    const { figures } = validate(
      {
        figures: [figure({ scenario: 'ipi-virtualization', variant: 'x2APIC, IPI virtualization', published: 3644.8 })],
      },
      { intervals: false },
    );
    expect(Math.abs(figures[0]?.errorPct ?? 100)).toBeLessThan(2);
  });

  test('other assumptions stand below the figure, what is assumed with it', () => {
    const assumed = [{ path: 'host.kernel', value: '6.1', why: 'not stated' }];
    const { figures } = validate(
      {
        figures: [
          figure({
            scenario: { ...vmcall, assumed },
            alternatives: [{ name: 'slower', set: { profile: { base: 'skylake-sp', set: { vmExit: 5000 } } } }],
          }),
        ],
      },
      { intervals: false },
    );
    expect(figures[0]?.assumed).toEqual(assumed);
    expect(figures[0]?.alternatives[0]?.simulated).toBeGreaterThan((figures[0]?.simulated ?? 0) + 3000);
  });

  test('of two scenarios the difference, or that in percent of the second, can be the figure', () => {
    const both = { scenario: cpuid, relativeTo: vmcall };
    const { figures } = validate(
      {
        figures: [
          figure({ id: 'more', as: 'difference', published: 20, ...both }),
          figure({
            id: 'percent',
            as: 'percent',
            published: -1,
            unit: '%',
            ...both,
            relativeTo: cpuid,
            scenario: vmcall,
          }),
        ],
      },
      { intervals: false },
    );
    expect(figures[0]?.simulated).toBeCloseTo(mean(cpuid) - mean(vmcall), 9);
    expect(figures[1]?.simulated).toBeCloseTo(100 * (mean(vmcall) / mean(cpuid) - 1), 9);
    // The error of a number below 0 counts in its size.
    expect(figures[1]?.errorPct).toBeCloseTo(100 * ((figures[1]?.simulated ?? 0) + 1), 6);
  });

  test('nothing may have been published: then nothing is right, and all else wrong', () => {
    const { figures } = validate({
      figures: [
        figure({ id: 'none', metric: 'exits.HLT.count', published: 0 }),
        figure({ id: 'some', metric: 'exits.VMCALL.count', published: 0 }),
      ],
    });
    expect(figures.map(({ errorPct }) => errorPct)).toEqual([0, 100]);
    expect(figures.map(({ inside }) => inside)).toEqual([true, false]);
  });

  test('a scenario that gives no such number fails alone', () => {
    const { figures, failed, summary } = validate(
      {
        figures: [
          figure({ id: 'before' }),
          figure({ id: 'one-way', metric: 'oneWayNs.mean' }),
          figure({ id: 'of nothing', metric: 'exits.HLT.count', relativeTo: cpuid }),
          figure({ id: 'after' }),
        ],
      },
      { intervals: false },
    );
    expect(figures.map(({ id }) => id)).toEqual(['before', 'after']);
    expect(failed.map(({ id }) => id)).toEqual(['one-way', 'of nothing']);
    expect(failed[0]?.reason).toContain("figures[1].metric: 'oneWayNs.mean' is not a number");
    expect(failed[1]?.reason).toContain('figures[2].relativeTo: its exits.HLT.count is 0');
    expect(summary.heldOut.n).toBe(2);
  });

  test('is the same every time', () => {
    const figures = { figures: publishedFigures.figures.slice(0, 5) };
    expect(validate(figures)).toEqual(validate(figures));
  });
});

describe('what is wrong is said with its place, before anything runs', () => {
  test.each<[string, unknown]>([
    ['figures: is missing', {}],
    ['figures: has 0 elements, not 1 or more', { figures: [] }],
    ['figures[0].metric: is missing', { figures: [{ ...figure(), metric: undefined }] }],
    ['figures[0].published: "1000" is not of the type number', { figures: [{ ...figure(), published: '1000' }] }],
    ['figures[0].fitted: numbers are fitted to', { figures: [figure({ published: 0, fitted: true })] }],
    ["figures[0].as: 'difference' needs a second scenario", { figures: [figure({ as: 'difference' })] }],
    ["figures[0].metric: 'MSRWRITE' is not an exit reason", { figures: [figure({ metric: 'exits.MSRWRITE.count' })] }],
    [
      "figures[0].metric: 'exits.HLT.number' is not one of exits.HLT.count, .cycles",
      { figures: [figure({ metric: 'exits.HLT.number' })] },
    ],
    ['figures[0].error: is not a known key', { figures: [{ ...figure(), error: 1 }] }],
    ["figures[1].id: 'one' is there twice", { figures: [figure(), figure()] }],
    ['figures[0].scenario: is missing', { figures: [{ ...figure(), scenario: undefined }] }],
    [
      'figures[1].scenario.workload.test: "fly" is not one of',
      { figures: [figure(), figure({ id: 'b', scenario: { workload: { kind: 'vmexit', test: 'fly' as 'ipi' } } })] },
    ],
    [
      "figures[0].relativeTo.profile: there is no profile 'i8086'",
      { figures: [figure({ relativeTo: { ...vmcall, profile: 'i8086' } })] },
    ],
    ["figures[0].scenario: there is no preset 'ipi'", { figures: [figure({ scenario: 'ipi' })] }],
    ['figures[0].scenario: has 4 variants', { figures: [figure({ scenario: 'ipi-virtualization' })] }],
    [
      "figures[0].scenario: has no variant 'xapic'",
      { figures: [figure({ scenario: 'ipi-virtualization', variant: 'xapic' })] },
    ],
    ["figures[0].metric: 'latency' is not a number", { figures: [figure({ metric: 'latency' })] }],
    [
      'figures[0].alternatives[0].jitter: 7 is not 1 or less',
      { figures: [figure({ alternatives: [{ name: 'wild', set: { jitter: 7 } }] })] },
    ],
  ])('%s', (message, figures) => {
    expect(complaint(figures)).toContain(message);
  });
});

describe("the library's figures", () => {
  const { figures, summary } = validate(publishedFigures, { intervals: false });

  test('every one has its source, a family, and a word on what its scenario assumes', () => {
    for (const { source, family, tolerancePct, covers } of publishedFigures.figures) {
      expect(source.length).toBeGreaterThan(20);
      expect(family.length).toBeGreaterThan(3);
      expect(tolerancePct).toBeGreaterThan(0);
      expect(covers.length).toBeGreaterThan(0);
    }
    for (const { assumed } of figures) expect(assumed.length).toBeGreaterThan(0);
  });

  test('come out within 3 % in the median where they were fitted to', () => {
    expect(summary.fitted.medianErrorPct).toBeLessThan(3);
    expect(summary.fitted.n / summary.fitted.parameters).toBeGreaterThanOrEqual(2);
  });

  test('…and at most 10 % off', () => {
    for (const { id, fitted, errorPct } of figures) if (fitted) expect(Math.abs(errorPct), id).toBeLessThan(10);
  });

  const simulated = (id: string): number => figures.find((figure) => figure.id === id)?.simulated ?? Number.NaN;

  test.each([['same'], ['cross'], ['all']])(
    'column %s of the study of IPIs in guests: idle=poll is fastest, then polling on the host, then the default',
    (column) => {
      expect(simulated(`guest-ipi-idle-poll-${column}`)).toBeLessThan(simulated(`guest-ipi-halt-poll-2ms-${column}`));
      expect(simulated(`guest-ipi-halt-poll-2ms-${column}`)).toBeLessThan(simulated(`guest-ipi-default-${column}`));
    },
  );

  test('a broadcast by hypercall costs about what one by cluster does, and one for each target far more', () => {
    for (const row of ['broadcast', 'broadcast-lock']) {
      const [hypercall, cluster, physical] = ['hypercall', 'cluster', 'physical'].map((mode) =>
        simulated(`ipi-bench-${row}-${mode}`),
      ) as [number, number, number];
      expect(hypercall).toBeLessThanOrEqual(cluster);
      expect(cluster / hypercall).toBeLessThan(1.25);
      expect(physical / cluster).toBeGreaterThan(1.5);
    }
  });

  test('an interval holds the published value for at least seven in ten', () => {
    const some = publishedFigures.figures.filter(
      ({ scenario }) =>
        (scenario as ScenarioInput).vms?.[0]?.vcpus !== 72 && (scenario as ScenarioInput).vms?.[0]?.vcpus !== 80,
    );
    const { inside } = validate({ figures: some }).summary;
    expect(inside.of).toBe(some.length);
    expect(inside.n / inside.of).toBeGreaterThanOrEqual(0.7);
  });
});
