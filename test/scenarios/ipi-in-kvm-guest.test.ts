import { beforeAll, describe, expect, test } from 'vitest';
import { presets } from '../../src/scenarios/presets.js';
import type { Report, VariantReport } from '../../src/scenarios/report.js';
import { runScenario } from '../../src/scenarios/run.js';

// The study of IPIs in a 72-vCPU guest, and what must be true of any model of it.

const preset = presets['ipi-in-kvm-guest'];

function byName(report: Report, name: string): VariantReport {
  const variant = report.variants.find((candidate) => candidate.name === name);
  if (variant === undefined) throw new Error(`no variant '${name}'`);
  return variant;
}

const columns = ['one vCPU, same node', 'one vCPU, other node', 'all 71 others'] as const;

describe('the study', () => {
  let report: Report;
  beforeAll(() => {
    report = runScenario(preset);
  }, 60_000);
  const mean = (row: string, column: (typeof columns)[number]) => byName(report, `${row}: ${column}`).latencyNs.mean;

  test.each(columns)('idle=poll, %s: within 10 %% of the published figure', (column) => {
    const [figure] = byName(report, `idle=poll: ${column}`).published;
    expect(Math.abs(figure?.errorPct ?? Number.NaN)).toBeLessThan(10);
  });

  test('a call to all takes longer the less its targets are awake: idle=poll, 2 ms, none', () => {
    const [poll, long, none] = ['idle=poll', 'halt_poll_ns=2000000', 'default, no halt polling'].map((row) =>
      mean(row, 'all 71 others'),
    ) as [number, number, number];
    expect(poll).toBeLessThan(long);
    expect(long).toBeLessThan(none);
  });

  test('a target that sleeps costs microseconds, wherever it is; one that is about to sleep may be caught before', () => {
    for (const column of ['one vCPU, same node', 'one vCPU, other node'] as const) {
      expect(mean('default, 1 ms between calls', column)).toBeGreaterThan(mean('idle=poll', column) + 1500);
      expect(mean('default, 1 ms between calls', column)).toBeGreaterThan(mean('halt_poll_ns=2000000', column) + 1500);
    }
    const { exits } = byName(report, 'default, 1 ms between calls: one vCPU, same node');
    expect(exits.find(({ reason }) => reason === 'HLT')?.count).toBe(60);
  });

  test('another node costs what its cache lines and interrupts have to travel, in every row', () => {
    for (const row of [
      'idle=poll',
      'halt_poll_ns=2000000',
      'default, no halt polling',
      'default, 1 ms between calls',
    ]) {
      expect(mean(row, 'one vCPU, other node')).toBeGreaterThan(mean(row, 'one vCPU, same node') + 400);
    }
  });

  test('what the source does not say is printed', () => {
    expect(report.assumed.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['host.haltPollNs', 'workload.thinkNs', 'vms[0].logicalMode', 'vms[0].pinning']),
    );
  });
});

describe('the IPI benchmark', () => {
  let report: Report;
  beforeAll(() => {
    report = runScenario(presets['ipi-bench']);
  }, 60_000);
  const mean = (name: string) => byName(report, name).latencyNs.mean;

  test('its rows are in order: nothing, a local call, an IPI, an IPI to all', () => {
    expect(mean('dry-run')).toBeLessThan(mean('self'));
    expect(mean('self')).toBeLessThan(mean('normal'));
    expect(mean('normal')).toBeLessThan(mean('broadcast'));
    expect(byName(report, 'dry-run').oneWayNs).toBeUndefined();
    expect(byName(report, 'self').interrupts.sent).toBe(0);
  });

  test('an ICR write for each cluster or for all is far cheaper than one for each target', () => {
    expect(mean('broadcast')).toBeLessThan(mean('broadcast, physical mode') / 1.5);
    const paravirtual = mean('broadcast, IPIs by hypercall');
    expect(paravirtual).toBeLessThan(mean('broadcast, physical mode') / 1.5);
    expect(Math.abs(paravirtual / mean('broadcast') - 1)).toBeLessThan(0.25);
    expect(mean('broadcast, shorthand (5.4)')).toBeLessThan(mean('broadcast, physical mode') / 1.5);
  });

  test('one way is shorter than the whole', () => {
    const { oneWayNs, latencyNs } = byName(report, 'normal');
    expect(oneWayNs?.max).toBeLessThan(latencyNs.max);
    expect(oneWayNs?.n).toBe(latencyNs.n);
  });
});

describe('halt polling', () => {
  const run = (haltPollNs: number) =>
    runScenario({
      ...presets['halt-poll'],
      host: { haltPollNs },
      workload: { kind: 'mix', idle: 0.9, workNs: 20_000, iterations: 300 },
    }).variants[0] as VariantReport;

  test('makes calls faster and burns processor time', () => {
    const [none, long] = [run(0), run(2_000_000)];
    expect(long.latencyNs.mean).toBeLessThan(none.latencyNs.mean);
    expect(none.cpu.haltPoll).toBe(0);
    expect(long.cpu.haltPoll).toBeGreaterThan(0);
  });
});

test('a run stops when its mean is known, and says how well', () => {
  const report = runScenario({
    vms: [{ vcpus: 2, guestIdle: 'poll', guestKernel: '4.18' }],
    workload: { kind: 'smp-call-function', iterations: 'auto', tolerance: 0.01 },
    jitter: 0.3,
  }).variants[0] as VariantReport;
  expect(report.meanWithinPct).toBeLessThanOrEqual(1);
  expect(report.latencyCycles.n).toBeGreaterThanOrEqual(128);
  expect(report.latencyCycles.n).toBeLessThan(100_000);
});
