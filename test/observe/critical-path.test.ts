import { describe, expect, it } from 'vitest';
import { createTrace, criticalPath, type Trace } from '../../src/observe/index.js';
import { sampleTrace } from './sample.js';

const steps = (trace: Trace, processor: number, from: number, to: number) =>
  criticalPath(trace, processor, from, to).map(
    ({ stage, processor: on, start, cycles }) => `${on} ${start}+${cycles} ${stage}`,
  );

describe('a critical path', () => {
  it('goes back over the processor that ended a wait, and over the interrupt that woke that one', () => {
    expect(steps(sampleTrace(), 0, 0, 400)).toEqual([
      '0 0+10 sender.prepare',
      '0 10+20 wrmsr.msr-bitmap',
      '0 30+30 vm-exit.save-guest-load-host',
      '0 60+10 kvm_apic_send_ipi.build-irq',
      '0 70+30 kvm_apic_send_ipi.notify',
      '0 100+140 flight',
      '1 240+140 ipi_entry.function',
      '0 380+20 sender.spin',
    ]);
  });

  it('adds up to the time it explains, wherever that begins and ends', () => {
    for (const [from, to] of [
      [0, 400],
      [15, 400],
      [120, 400],
      [0, 380],
      [300, 400],
    ] as const) {
      const path = criticalPath(sampleTrace(), 0, from, to);
      expect(path.reduce((sum, segment) => sum + segment.cycles, 0)).toBe(to - from);
      expect(path[0]?.start).toBe(from);
    }
  });

  it('is shorter where the trace does not say what came before', () => {
    const trace = sampleTrace();
    trace.flights.pop();
    expect(steps(trace, 0, 0, 400)).toEqual(['1 240+140 ipi_entry.function', '0 380+20 sender.spin']);
    expect(criticalPath(createTrace(1), 0, 0, 10)).toEqual([]);
  });
});
