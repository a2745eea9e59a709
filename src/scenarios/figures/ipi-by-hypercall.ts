import type { ScenarioInput } from '../schema.js';
import type { PublishedFigure } from './published-figure.js';

type Assumed = NonNullable<ScenarioInput['assumed']>;
type Row = 'dry-run' | 'self' | 'normal' | 'broadcast' | 'broadcast-lock';

const source =
  'commit 4180bf1b655a (KVM: X86: Implement "send IPI" hypercall): IPI benchmark (Y. Norov, lkml 2017-12-19), 100,000 iterations';
const setup = 'Skylake Xeon, 2.5 GHz, 2 sockets, 40 cores, 80 threads; guest with 80 vCPUs';

const assumed: Assumed = [
  { path: 'host.kernel', value: '4.19', why: 'the kernel that the commit went into' },
  { path: 'vms[0].guestKernel', value: '4.19', why: 'the first with paravirtual IPIs, which `pvIpi` switches' },
  { path: 'vms[0].guestIdle', value: 'hlt', why: 'not stated: the default' },
  {
    path: 'vms[0].guestMitigations',
    value: { retpoline: true },
    why: 'not stated: what kernels of 2018 do by default on this processor',
  },
  {
    path: 'vms[0].pinning',
    value: '0-79',
    why: 'placement is not stated; a thread for each vCPU, neighbours on a core',
  },
  { path: 'host.mitigations', value: {}, why: 'not stated; they are in the exit of all figures of this machine' },
  { path: 'jitter', value: 0.1, why: 'the spread of single steps is not published' },
];

/** CPU n of Linux: first a thread of each core of each socket, then their siblings. Here siblings are neighbours. */
const pinning = Array.from({ length: 80 }, (_, vcpu) => 2 * (vcpu % 40) + Math.floor(vcpu / 40));

function scenario(row: Row, logicalMode: 'cluster' | 'physical', pvIpi: boolean): ScenarioInput {
  const many = row === 'broadcast' || row === 'broadcast-lock';
  return {
    profile: 'skylake-sp',
    topology: { sockets: 2, coresPerSocket: 20, threadsPerCore: 2, tscGhz: 2.5, coreGhz: 2.5 },
    host: { kernel: '4.19' },
    vms: [
      {
        vcpus: 80,
        apicMode: 'x2apic',
        logicalMode,
        guestKernel: '4.19',
        guestIdle: 'hlt',
        guestMitigations: { retpoline: true },
        features: { pvIpi },
        pinning,
      },
    ],
    workload: { kind: 'ipi-bench', row, ...(many ? { iterations: 10, warmup: 30 } : { iterations: 300 }) },
    assumed,
    jitter: 0.1,
  };
}

interface Table {
  readonly mode: 'cluster' | 'physical';
  readonly pv: boolean;
  /** Nanoseconds for all iterations: the second column of each row, and the first of the calls on one CPU. */
  readonly dry: number;
  readonly self: readonly [number, number];
  readonly normal: readonly [number, number];
  readonly broadcast: number;
  readonly lock: number;
}

const tables: readonly Table[] = [
  {
    mode: 'cluster',
    pv: false,
    dry: 2_392_199,
    self: [6_907_514, 15_027_589],
    normal: [223_910_476, 251_301_666],
    broadcast: 9_282_161_150,
    lock: 8_812_934_104,
  },
  {
    mode: 'cluster',
    pv: true,
    dry: 2_449_341,
    self: [6_720_360, 15_028_732],
    normal: [228_643_307, 255_708_477],
    broadcast: 7_572_293_590,
    lock: 8_316_124_651,
  },
  {
    mode: 'physical',
    pv: false,
    dry: 3_135_933,
    self: [8_572_670, 17_901_757],
    normal: [226_444_334, 255_421_709],
    broadcast: 19_845_070_887,
    lock: 19_827_383_656,
  },
  {
    mode: 'physical',
    pv: true,
    dry: 2_446_381,
    self: [6_788_217, 15_021_056],
    normal: [219_454_441, 249_583_458],
    broadcast: 7_806_540_019,
    lock: 9_143_618_799,
  },
];

/** Which numbers of the table a figure is: the one path of a call to one CPU is the same in all four tables, so that these repeat one measurement. */
const covers = (what: string): string[] => ['cluster_vanilla', 'cluster_pv'].map((table) => `pvipi_${table}_${what}`);

const repeats = (
  id: string,
  row: Row,
  metric: string,
  what: string,
  of: (table: Table) => number,
  more: Partial<PublishedFigure>,
): PublishedFigure => {
  const values = tables.map((table) => of(table) / 100_000);
  return {
    id,
    covers: covers(what),
    source,
    setup,
    family: 'ipi benchmark, one',
    published: values.reduce((sum, value) => sum + value, 0) / values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    n: values.length,
    unit: 'ns',
    metric,
    scenario: scenario(row, 'cluster', false),
    tolerancePct: 4,
    fitted: false,
    ...more,
  };
};

/** What idle CPUs did is not stated and decides these rows, as in the study of IPIs in guests, with which they agree. */
const alternatives = [{ name: 'no halt polling', set: { 'host.haltPollNs': 0 } }];

/** A row of broadcasts: of one table, or of those with hypercalls, which do not depend on the mode and are one measurement. */
function broadcastOf(row: 'broadcast' | 'broadcast-lock', of: readonly Table[]): PublishedFigure {
  const [table] = of as readonly [Table];
  const values = of.map(({ broadcast, lock }) => (row === 'broadcast' ? broadcast : lock) / 100_000);
  const physical = !table.pv && table.mode === 'physical';
  return {
    id: `ipi-bench-${row}-${table.pv ? 'hypercall' : table.mode}`,
    covers: of.map(({ mode, pv }) => `pvipi_${mode}_${pv ? 'pv' : 'vanilla'}_${row.replace('-', '_')}_total`),
    source,
    setup,
    family: 'ipi benchmark, all',
    published: values.reduce((sum, value) => sum + value, 0) / values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    n: values.length,
    unit: 'ns',
    metric: 'latencyNs.mean',
    scenario: scenario(row, table.mode, table.pv),
    tolerancePct: 10,
    fitted: false,
    alternatives,
    ...(physical
      ? {
          note: 'at the edge of the halt-polling window, 200 microseconds: some targets poll and some sleep, two states and not one number',
        }
      : {}),
  };
}

/**
 * The IPI benchmark before and after IPIs by hypercall, in x2APIC cluster and physical mode. What does not depend on the mode was measured four times and is one
 * figure. How many of its idle targets polled on the
 * host is not stated and decides the other rows, and those without an IPI time a clock and a loop of the guest: nothing is fitted to them.
 */
export const ipiByHypercall: readonly PublishedFigure[] = [
  repeats('ipi-bench-dry-run', 'dry-run', 'latencyNs.mean', 'dry_total', ({ dry }) => dry, {
    tolerancePct: 30,
    family: 'ipi benchmark, no ipi',
  }),
  repeats('ipi-bench-self-one-way', 'self', 'oneWayNs.mean', 'self_oneway', ({ self }) => self[0], {
    tolerancePct: 30,
    family: 'ipi benchmark, no ipi',
  }),
  repeats('ipi-bench-self', 'self', 'latencyNs.mean', 'self_total', ({ self }) => self[1], {
    tolerancePct: 30,
    family: 'ipi benchmark, no ipi',
  }),
  repeats('ipi-bench-normal-one-way', 'normal', 'oneWayNs.mean', 'normal_oneway', ({ normal }) => normal[0], {
    alternatives,
  }),
  repeats('ipi-bench-normal', 'normal', 'latencyNs.mean', 'normal_total', ({ normal }) => normal[1], { alternatives }),
  ...(['broadcast', 'broadcast-lock'] as const).flatMap((row): PublishedFigure[] => [
    ...tables.filter(({ pv }) => !pv).map((table) => broadcastOf(row, [table])),
    broadcastOf(
      row,
      tables.filter(({ pv }) => pv),
    ),
  ]),
];
