import { beforeAll, describe, expect, test } from 'vitest';
import { profileOfProcessor } from '../../src/cost/processor.js';
import { sapphireRapids as processor } from '../../src/cost/processors/sapphire-rapids.js';
import { presets } from '../../src/scenarios/presets.js';
import type { Report, VariantReport } from '../../src/scenarios/report.js';
import { runScenario } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';

const sapphireRapids = profileOfProcessor(processor);

// The experiment of the first published IPI-virtualization series, and what must be true of any model of it.

const preset = presets['ipi-virtualization'];

function byName(report: Report, name: string): VariantReport {
  const variant = report.variants.find((candidate) => candidate.name === name);
  if (variant === undefined) throw new Error(`no variant '${name}'`);
  return variant;
}

function withCost(set: Record<string, number>, more: Partial<ScenarioInput> = {}): Report {
  return runScenario({ ...preset, profile: { base: 'sapphire-rapids', set }, jitter: 0, runs: 1, ...more });
}

const exiting = ['xAPIC', 'x2APIC'];
const exitless = ['xAPIC, IPI virtualization', 'x2APIC, IPI virtualization'];

describe('the published experiment', () => {
  let report: Report;
  beforeAll(() => {
    report = runScenario(preset);
  });

  test.each([
    ['xAPIC', 6059],
    ['xAPIC, IPI virtualization', 4713.1],
    ['x2APIC', 4337.85],
    ['x2APIC, IPI virtualization', 3644.8],
  ])('%s: within 5 %% of the published %d cycles', (name, published) => {
    const { latencyCycles } = byName(report, name);
    expect(Math.abs(latencyCycles.mean / published - 1)).toBeLessThan(0.05);
    expect(latencyCycles.n).toBe(20_000);
  });

  test('the figures that the report compares with are the published ones, and its errors are right', () => {
    for (const variant of report.variants) {
      const [figure] = variant.published;
      expect(figure?.simulated).toBe(variant.latencyCycles.mean);
      expect(figure?.errorPct).toBeCloseTo(
        (100 * (variant.latencyCycles.mean - (figure?.value ?? 0))) / (figure?.value ?? 1),
      );
    }
  });

  test('IPI virtualization takes 22.21 % and 15.98 % off, within a point', () => {
    const reduction = (before: string, after: string) =>
      100 * (1 - byName(report, after).latencyCycles.mean / byName(report, before).latencyCycles.mean);
    expect(Math.abs(reduction('xAPIC', 'xAPIC, IPI virtualization') - 22.21)).toBeLessThan(1);
    expect(Math.abs(reduction('x2APIC', 'x2APIC, IPI virtualization') - 15.98)).toBeLessThan(1);
  });

  test('without it every IPI costs one exit: APIC-write in xAPIC mode, WRMSR in x2APIC mode; with it none', () => {
    expect(byName(report, 'xAPIC').exits.map((exit) => [exit.reason, exit.count])).toEqual([['APIC_WRITE', 20_000]]);
    expect(byName(report, 'x2APIC').exits.map((exit) => [exit.reason, exit.count])).toEqual([['MSR_WRITE', 20_000]]);
    for (const name of exitless) expect(byName(report, name).exits).toEqual([]);
  });

  test('every IPI that was sent is delivered once, and none is merged with another', () => {
    for (const { interrupts } of report.variants) {
      expect(interrupts).toEqual({ sent: 20_000, delivered: 20_000, coalesced: 0 });
    }
  });

  test('the breakdown is the whole way: its cycles are those of one iteration without jitter', () => {
    const quiet = runScenario({ ...preset, jitter: 0, runs: 1 });
    for (const variant of quiet.variants) {
      const sum = variant.breakdown.reduce((cycles, row) => cycles + row.cycles, 0);
      expect(sum).toBe(variant.latencyCycles.p50);
      expect(variant.latencyCycles.min).toBe(variant.latencyCycles.max);
    }
  });

  test('both processors are accounted for: guest and host cycles add up to two times the elapsed time', () => {
    for (const variant of report.variants) {
      const { guest, host, haltPoll, idle } = variant.cpu;
      expect((guest + host + haltPoll + idle) / 2).toBeCloseTo(variant.totalNs * 2, 0);
    }
  });

  test('the same seed gives the same report, another seed another one', () => {
    expect(JSON.stringify(runScenario(preset))).toBe(JSON.stringify(report));
    const other = runScenario({ ...preset, seed: 2 });
    expect(byName(other, 'xAPIC').latencyCycles.mean).not.toBe(byName(report, 'xAPIC').latencyCycles.mean);
  });
});

describe('what moves what', () => {
  const cyclesOf = (group: string): number => sapphireRapids.groups[group]?.cycles ?? Number.NaN;
  const before = withCost({});
  const mean = (report: Report, name: string) => byName(report, name).latencyCycles.mean;

  test('the cost of a VM exit moves the variants that exit, by as much, and leaves the others alone', () => {
    const after = withCost({ vmExit: cyclesOf('vmExit') + 500 });
    for (const name of exiting) expect(mean(after, name) - mean(before, name)).toBe(500);
    for (const name of exitless) expect(mean(after, name)).toBe(mean(before, name));
  });

  test('the cost of a VM entry is hidden: the sender is back long before the acknowledgement', () => {
    const after = withCost({ vmEntry: cyclesOf('vmEntry') + 300 });
    for (const { name } of before.variants) expect(mean(after, name)).toBe(mean(before, name));
  });

  test('…until it takes so long that the acknowledgement waits for it', () => {
    const after = withCost({ vmEntry: 10_000 });
    for (const name of exiting) expect(mean(after, name)).toBeGreaterThan(mean(before, name) + 5000);
    for (const name of exitless) expect(mean(after, name)).toBe(mean(before, name));
  });

  test('the EOI comes after the acknowledgement: what it costs does not show', () => {
    const after = withCost({ eoiVirtualization: cyclesOf('eoiVirtualization') + 280 });
    for (const { name } of before.variants) expect(mean(after, name)).toBe(mean(before, name));
  });

  test('an access to the APIC page is paid three times in xAPIC mode and never in x2APIC mode', () => {
    const after = withCost({ apicPageAccess: cyclesOf('apicPageAccess') + 100 });
    for (const { name } of before.variants) {
      expect(mean(after, name) - mean(before, name)).toBe(name.startsWith('xAPIC') ? 300 : 0);
    }
  });

  test('without the fastpath, x2APIC pays the ordinary exit path', () => {
    const slow = runScenario({
      ...preset,
      jitter: 0,
      runs: 1,
      vms: [{ vcpus: 2, features: { ipiVirtualization: false, icrFastpath: false } }],
      variants: [{ name: 'x2APIC' }],
    });
    const extra = mean(slow, 'x2APIC') - mean(before, 'x2APIC');
    expect(extra).toBeGreaterThan(400);
    expect(extra).toBeLessThan(1000);
    expect(byName(slow, 'x2APIC').exits.map((exit) => exit.reason)).toEqual(['MSR_WRITE']);
  });

  test('a kernel from before the fastpath does not have it', () => {
    const old = runScenario({ ...preset, jitter: 0, runs: 1, host: { kernel: '5.4' }, variants: [{ name: 'x2APIC' }] });
    expect(mean(old, 'x2APIC')).toBeGreaterThan(mean(before, 'x2APIC') + 400);
  });

  test('two sockets: every transfer and the flight take longer', () => {
    const across = runScenario({
      ...preset,
      jitter: 0,
      runs: 1,
      topology: { sockets: 2, coresPerSocket: 2 },
      vms: [{ vcpus: 2, pinning: [0, 2], features: { ipiVirtualization: true } }],
      variants: [{ name: 'x2APIC, IPI virtualization' }],
    });
    expect(mean(across, 'x2APIC, IPI virtualization')).toBeGreaterThan(
      mean(before, 'x2APIC, IPI virtualization') + 3 * 100,
    );
  });

  test('a faster core clock takes cycles off what the core does, not off the interconnect', () => {
    const turbo = withCost({}, { topology: { coreGhz: 4, tscGhz: 2 } });
    for (const { name } of before.variants) {
      expect(mean(turbo, name)).toBeLessThan(mean(before, name));
      expect(mean(turbo, name)).toBeGreaterThan(mean(before, name) / 2);
    }
  });
});
