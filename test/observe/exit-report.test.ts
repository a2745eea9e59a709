import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addExit, exitTotals, mergeExits } from '../../src/observe/exit-statistics.js';
import { type ExitTotals, exitReasonName, exitReport, standardDeviation } from '../../src/observe/index.js';

describe('the exit report', () => {
  /** What perf printed on a real host, a row of numbers each: samples, least, most, average in µs, error of the average in percent. */
  const measured: readonly (readonly [string, number, number, number, number, number])[] = [
    ['MSR_WRITE', 42521, 0.5, 52.94, 1.71, 0.48],
    ['HLT', 15885, 0.63, 17539.26, 8224.34, 0.61],
    ['IO_INSTRUCTION', 10892, 2.14, 47.6, 3.02, 0.48],
    ['APIC_WRITE', 6226, 0.52, 41.71, 3.88, 0.94],
    ['EXTERNAL_INTERRUPT', 1965, 0.42, 42.59, 1.46, 2.38],
    ['PREEMPTION_TIMER', 1805, 0.54, 16.87, 2.13, 1.59],
    ['EPT_MISCONFIG', 302, 0.38 * 2, 171.85, 16.38, 7.97],
    ['MSR_READ', 132, 0.74, 3.52, 1.56, 4.86],
    ['PAUSE_INSTRUCTION', 16, 0.45, 0.87, 0.66, 4.89],
  ];
  const exits = measured.map(
    ([reason, count, min, max, average, error]): ExitTotals => ({
      reason,
      count,
      cycles: average * count * 1000,
      min: min * 1000,
      max: max * 1000,
      stdev: (error / 100) * average * 1000 * Math.sqrt(count),
    }),
  );

  it('is laid out as perf lays it out', () => {
    expect(exitReport(exits, { tscGhz: 1, nameWidth: 20 })).toBe(
      [
        '',
        '',
        'Analyze events for all VMs, all VCPUs:',
        '',
        '             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time ',
        '',
        '           MSR_WRITE      42521    53.32%     0.06%      0.50us     52.94us      1.71us ( +-   0.48% )',
        '                 HLT      15885    19.92%    99.89%      0.63us  17539.26us   8224.34us ( +-   0.61% )',
        '      IO_INSTRUCTION      10892    13.66%     0.03%      2.14us     47.60us      3.02us ( +-   0.48% )',
        '          APIC_WRITE       6226     7.81%     0.02%      0.52us     41.71us      3.88us ( +-   0.94% )',
        '  EXTERNAL_INTERRUPT       1965     2.46%     0.00%      0.42us     42.59us      1.46us ( +-   2.38% )',
        '    PREEMPTION_TIMER       1805     2.26%     0.00%      0.54us     16.87us      2.13us ( +-   1.59% )',
        '       EPT_MISCONFIG        302     0.38%     0.00%      0.76us    171.85us     16.38us ( +-   7.97% )',
        '            MSR_READ        132     0.17%     0.00%      0.74us      3.52us      1.56us ( +-   4.86% )',
        '   PAUSE_INSTRUCTION         16     0.02%     0.00%      0.45us      0.87us      0.66us ( +-   4.89% )',
        '',
        'Total Samples:79744, Total events handled time:130785279.32us.',
        '',
        '',
      ].join('\n'),
    );
  });

  const names = (text: string) => text.match(/[A-Z_]+(?= +\d+ )/g);

  it('is in order of samples or of time', () => {
    expect(names(exitReport(exits, { tscGhz: 1 }))?.slice(0, 3)).toEqual(['MSR_WRITE', 'HLT', 'IO_INSTRUCTION']);
    expect(names(exitReport(exits, { tscGhz: 1, key: 'time' }))?.slice(0, 3)).toEqual([
      'HLT',
      'MSR_WRITE',
      'IO_INSTRUCTION',
    ]);
  });

  it('converts cycles by the clock, and names the virtual CPU', () => {
    const text = exitReport(exits.slice(0, 1), { tscGhz: 2, vcpu: 3 });
    expect(text).toContain('Analyze events for all VMs, VCPU 3:\n');
    expect(text).toContain(
      `${'MSR_WRITE'.padStart(40)}      42521   100.00%   100.00%      0.25us     26.47us      0.85us ( +-   0.48% )`,
    );
  });

  it('has totals and no rows where there were no exits', () => {
    const text = exitReport([{ reason: 'HLT', count: 0, cycles: 0, min: 0, max: 0, stdev: 0 }], { tscGhz: 2 });
    expect(text).not.toContain('HLT');
    expect(text).toMatch(/Avg time \n\n\nTotal Samples:0, Total events handled time:0\.00us\.\n\n$/);
  });

  it('does not divide by nothing', () => {
    const text = exitReport([{ reason: 'HLT', count: 2, cycles: 0, min: 0, max: 0, stdev: 0 }], { tscGhz: 2 });
    expect(text).toContain('   100.00%     0.00%      0.00us      0.00us      0.00us ( +-   0.00% )');
  });

  it('rejects a clock that is none', () => {
    expect(() => exitReport([], { tscGhz: 0 })).toThrow('tscGhz: 0 is not a clock in GHz');
  });
});

describe('statistics of exits', () => {
  const anyExits = fc.array(fc.tuple(fc.constantFrom(1, 12, 32, 56), fc.integer({ min: 1, max: 1_000_000 })), {
    maxLength: 40,
  });

  it('are those of all single exits, however they were put together', () => {
    fc.assert(
      fc.property(anyExits, anyExits, (some, others) => {
        const lists = [some, others].map((list) => {
          const exits: number[] = [];
          for (const [reason, cycles] of list) addExit(exits, reason, cycles);
          return exits;
        });
        const merged: number[] = [];
        for (const list of lists) mergeExits(merged, list);
        const totals = exitTotals(merged);
        const all = [...some, ...others];
        expect(new Set(totals.map((row) => row.reason))).toEqual(
          new Set(all.map(([reason]) => exitReasonName(reason))),
        );
        for (const row of totals) {
          const cycles = all.filter(([reason]) => exitReasonName(reason) === row.reason).map(([, each]) => each);
          expect(row).toMatchObject({
            count: cycles.length,
            cycles: cycles.reduce((sum, each) => sum + each, 0),
            min: Math.min(...cycles),
            max: Math.max(...cycles),
          });
          expect(Math.abs(row.stdev - standardDeviation(cycles))).toBeLessThan(0.01 + 1e-6 * standardDeviation(cycles));
        }
        expect(totals.map((row) => row.cycles)).toEqual(totals.map((row) => row.cycles).sort((a, b) => b - a));
      }),
    );
  });

  it('are plain numbers', () => {
    const exits: number[] = [];
    addExit(exits, 32, 100);
    addExit(exits, 32, 300);
    expect(exits).toEqual([32, 2, 400, 100, 300, 100_000, 0, 0, 0]);
    expect(exitTotals(exits)).toEqual([
      {
        ...{ reason: 'MSR_WRITE', count: 2, cycles: 400, min: 100, max: 300, stdev: Math.sqrt(20_000) },
        ...{ work: 400, polling: 0, blocked: 0, waiting: 0 },
      },
    ]);
  });
});

describe('names of exit reasons', () => {
  it.each([
    [0, 'EXCEPTION_NMI'],
    [1, 'EXTERNAL_INTERRUPT'],
    [7, 'INTERRUPT_WINDOW'],
    [12, 'HLT'],
    [30, 'IO_INSTRUCTION'],
    [43, 'TPR_BELOW_THRESHOLD'],
    [44, 'APIC_ACCESS'],
    [45, 'EOI_INDUCED'],
    [49, 'EPT_MISCONFIG'],
    [52, 'PREEMPTION_TIMER'],
    [56, 'APIC_WRITE'],
    [199, 'EXIT_199'],
  ])('%d is %s', (reason, name) => {
    expect(exitReasonName(reason)).toBe(name);
  });
});
