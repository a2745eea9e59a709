import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { presets, runScenario, traceScenario } from '../../src/index.js';
import type { CpuTime } from '../../src/observe/cpu-time.js';
import { createTrace } from '../../src/observe/trace.js';
import { arbitraries, type CpuTimeLaw, checkCpuTime, checkTraceTime, cpuTimeLaws } from '../../src/testing/index.js';
import { runs } from '../runs.js';

const processor = { guest: 400, host: 300, haltPoll: 100, idle: 150, idleByState: { C1: 100, C6: 50 }, otherLoad: 50 };
const vcpu = { guest: 400, host: 200, haltPoll: 100, blocked: 250, steal: 50 };
const right: CpuTime = { ...processor, steal: 50, elapsed: 1000, processors: [processor], vcpus: [vcpu] };
const lawsOf = (cpu: CpuTime): CpuTimeLaw[] => [...new Set(checkCpuTime(cpu).map(({ law }) => law))];

describe('an account of processor time', () => {
  test('that adds up breaks nothing', () => {
    expect(checkCpuTime(right)).toEqual([]);
  });

  test.each<[CpuTimeLaw, Partial<CpuTime>]>([
    // The examples of the laws, each as small as it can be.
    ['time of a processor', { processors: [{ ...processor, host: 299 }], host: 299 }],
    ['time of a virtual CPU', { vcpus: [{ ...vcpu, blocked: 251 }] }],
    ['idle states', { processors: [{ ...processor, idleByState: { C1: 100 } }] }],
    ['guests are on processors', { vcpus: [{ ...vcpu, guest: 300, blocked: 350 }] }],
    ['totals', { idle: 149, idleByState: { C1: 99, C6: 50 } }],
  ])('breaks the law "%s"', (law, wrong) => {
    expect(lawsOf({ ...right, ...wrong })).toEqual([law]);
  });

  test('has no negative parts, nor parts of a cycle', () => {
    const negative = { ...processor, host: -100, otherLoad: 450 };
    expect(lawsOf({ ...right, ...negative, processors: [negative] })).toEqual(['totals']);
    const broken = { ...processor, host: 299.5, otherLoad: 50.5 };
    expect(lawsOf({ ...right, ...broken, processors: [broken] })).toEqual(['totals']);
  });

  test('says whose time it is, what there is and what there should be', () => {
    const wrong = { ...right, vcpus: [vcpu, { ...vcpu, blocked: 249 }], processors: [processor, processor] };
    expect(checkCpuTime(wrong)).toContainEqual({
      law: 'time of a virtual CPU',
      whose: 'virtual CPU 1',
      found: 999,
      wanted: 1000,
    });
  });
});

describe('no time is unaccounted for', () => {
  test('in a trace with a hole, or with two things at once, it is', () => {
    const trace = createTrace(1);
    const stage = (start: number, end: number) => ({
      ...{ processor: 0, vcpu: -1, guest: false, stage: 'a.b', activation: 0, finished: true },
      ...{ start, end },
    });
    trace.stages.push(stage(0, 100), stage(101, 150), stage(149, 160));
    expect(checkTraceTime(trace)).toEqual([
      { law: 'no time unaccounted', whose: 'processor 0', found: 101, wanted: 100 },
      { law: 'no time unaccounted', whose: 'processor 0', found: 149, wanted: 150 },
    ]);
  });

  test.each(['ipi-virtualization', 'halt-poll'] as const)('in the report and the traces of the preset %s', (name) => {
    const whole = presets[name];
    const preset = { ...whole, seed: 3, workload: { ...whole.workload, iterations: 40 } };
    for (const { cpu } of runScenario(preset).variants) expect(checkCpuTime(cpu)).toEqual([]);
    for (const { trace } of traceScenario(preset)) expect(checkTraceTime(trace)).toEqual([]);
  });

  test('in any scenario', () => {
    fc.assert(
      fc.property(arbitraries(fc).scenario(), (input) => {
        for (const { cpu } of runScenario(input).variants) expect(checkCpuTime(cpu)).toEqual([]);
        for (const { trace } of traceScenario(input)) expect(checkTraceTime(trace)).toEqual([]);
      }),
      runs(15),
    );
  });
});

test('each law says what it is, who says so, and what breaks it', () => {
  for (const { statement, source, example } of Object.values(cpuTimeLaws)) {
    expect(statement.length).toBeGreaterThan(20);
    expect(source.length).toBeGreaterThan(10);
    expect(example.length).toBeGreaterThan(20);
  }
});
