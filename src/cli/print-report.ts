import type { Report, VariantReport } from '../index.js';
import { type Column, formatNumber, formatPercent, formatTable } from '../observe/index.js';

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

/** The report of a scenario as text. */
export function printReport(report: Report): string {
  const parts = [
    `${report.title}\nprofile ${report.profile}, seed ${report.seed}`,
    report.variants.some((variant) => variant.published.length > 0) ? publishedTable(report) : latencyTable(report),
  ];
  const exits = exitTable(report);
  if (exits !== undefined) parts.push(exits);
  const moves = migrationTable(report);
  if (moves !== undefined) parts.push(moves);
  parts.push(cpuTable(report), breakdownTable(report));
  if (report.assumed.length > 0) {
    parts.push(
      [
        'Assumed, because the source does not say it:',
        ...report.assumed.map(({ path, value, why }) => `  ${path} = ${JSON.stringify(value)}: ${why}`),
      ].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

function exitsPerIteration(variant: VariantReport): string {
  return variant.exitsPerIteration.toFixed(2);
}

/**
 * The variant that this one is a reduction of: the one whose name begins its own ("xAPIC" of "xAPIC, IPI virtualization"), or none.
 */
function baseOf(report: Report, variant: VariantReport): VariantReport | undefined {
  return report.variants.find((other) => other !== variant && variant.name.startsWith(`${other.name},`));
}

function reduction(from: number | undefined, to: number): string {
  return from === undefined ? '' : formatPercent((100 * (to - from)) / from);
}

function publishedTable(report: Report): string {
  const rows = report.variants.flatMap((variant) => {
    const base = baseOf(report, variant);
    return variant.published.map((figure) => {
      const before = base?.published.find((other) => other.metric === figure.metric);
      return [
        variant.name,
        formatNumber(figure.value, 1),
        formatNumber(figure.simulated, 1),
        formatPercent(figure.errorPct),
        reduction(before?.value, figure.value),
        reduction(before?.simulated, figure.simulated),
        exitsPerIteration(variant),
      ];
    });
  });
  return `Cycles of the time-stamp counter for one iteration, mean\n\n${formatTable(
    [
      left('variant'),
      right('published'),
      right('simulated'),
      right('error'),
      right('change, publ.'),
      right('change, sim.'),
      right('exits per IPI'),
    ],
    rows,
  )}`;
}

function latencyTable(report: Report): string {
  return `Cycles of the time-stamp counter for one iteration\n\n${formatTable(
    [
      left('variant'),
      right('mean'),
      right('min'),
      right('p50'),
      right('p99'),
      right('max'),
      right('mean ns'),
      right('exits per iteration'),
    ],
    report.variants.map((variant) => {
      const { mean, min, p50, p99, max } = variant.latencyCycles;
      return [
        variant.name,
        ...[mean, min, p50, p99, max].map((value) => formatNumber(value, 1)),
        formatNumber(variant.latencyNs.mean, 1),
        exitsPerIteration(variant),
      ];
    }),
  )}`;
}

function exitTable(report: Report): string | undefined {
  const rows = report.variants.flatMap((variant) =>
    variant.exits.map((exit) => [
      variant.name,
      exit.reason,
      formatNumber(exit.count),
      formatNumber(exit.work / exit.count, 1),
      percent(exit.workShare),
      ...[exit.polling, exit.blocked, exit.waiting].map((cycles) =>
        cycles === 0 ? '' : formatNumber(cycles / exit.count, 1),
      ),
      formatNumber(exit.cycles / exit.count, 1),
      percent(exit.share),
    ]),
  );
  if (rows.length === 0) return undefined;
  return `VM exits: cycles of one, on average, by what they were spent on; from exit to entry is how perf kvm stat counts\n\n${formatTable(
    [
      left('variant'),
      left('exit reason'),
      right('count'),
      right('work'),
      right('share of work'),
      right('polling'),
      right('asleep'),
      right('waiting'),
      right('exit to entry'),
      right('share'),
    ],
    rows,
  )}`;
}

/** What a VM met on each of the two machines that it was on. */
function migrationTable(report: Report): string | undefined {
  const rows = report.variants.flatMap(({ name, migration }) => {
    if (migration === undefined) return [];
    const { before, after, inFlight, sent, lost } = migration;
    return (
      [
        ['before', before],
        ['after', after],
      ] as const
    ).map(([when, { latencyNs, exitsPerIteration: each, exits }]) => {
      return [
        name,
        when,
        formatNumber(latencyNs.n),
        formatNumber(latencyNs.mean, 1),
        each.toFixed(2),
        exits.map(({ reason, count }) => `${reason} ${count}`).join(', '),
        ...(when === 'after' ? [formatNumber(sent), formatNumber(inFlight), formatNumber(lost)] : ['', '', '']),
      ];
    });
  });
  if (rows.length === 0) return undefined;
  return `Before and after the migration\n\n${formatTable(
    [
      left('variant'),
      left('machine'),
      right('iterations'),
      right('mean ns'),
      right('exits each'),
      left('exits'),
      right('IPIs sent'),
      right('went along'),
      right('lost'),
    ],
    rows,
  )}`;
}

/** Where the processors' time went: those that run virtual CPUs and all others together. */
function cpuTable(report: Report): string {
  const rows = report.variants.map(({ name, cpu }) => {
    const all = cpu.elapsed * cpu.processors.length;
    const states = Object.entries(cpu.idleByState).map(([state, cycles]) => `${state} ${percent(cycles / all)}`);
    return [
      name,
      ...[cpu.guest, cpu.host, cpu.haltPoll, cpu.otherLoad, cpu.idle].map((cycles) => percent(cycles / all)),
      states.join(', '),
      percent(cpu.vcpus.length === 0 ? 0 : cpu.steal / cpu.elapsed / cpu.vcpus.length),
    ];
  });
  return `Processor time of all logical processors during the iterations; steal as the virtual CPUs see it\n\n${formatTable(
    [
      left('variant'),
      right('guest'),
      right('host'),
      right('halt polling'),
      right('other load'),
      right('idle'),
      left('idle states'),
      right('steal'),
    ],
    rows,
  )}`;
}

/** The stages of all variants in an order that keeps the order of each. */
function mergedStages(report: Report): { stage: string; on: string }[] {
  const merged: { stage: string; on: string }[] = [];
  for (const variant of report.variants) {
    let after = -1;
    for (const { stage, on } of variant.breakdown) {
      const found = merged.findIndex((row) => row.stage === stage && row.on === on);
      if (found < 0) {
        after++;
        merged.splice(after, 0, { stage, on });
      } else {
        after = Math.max(after, found);
      }
    }
  }
  return merged;
}

function breakdownTable(report: Report): string {
  const rows = mergedStages(report).map(({ stage, on }) => [
    on,
    stage,
    ...report.variants.map((variant) => {
      const cycles = variant.breakdown
        .filter((row) => row.stage === stage && row.on === on)
        .reduce((sum, row) => sum + row.cycles, 0);
      return cycles === 0 ? '' : formatNumber(cycles);
    }),
  ]);
  rows.push([
    '',
    'together',
    ...report.variants.map((variant) => formatNumber(variant.breakdown.reduce((sum, row) => sum + row.cycles, 0))),
  ]);
  return `Where the cycles of one iteration go, without jitter (cache-line transfers included)\n\n${formatTable(
    [left('on'), left('stage'), ...report.variants.map((variant) => right(variant.name))],
    rows,
  )}`;
}
