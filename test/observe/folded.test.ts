import { describe, expect, it } from 'vitest';
import { foldedStacks, sliceTrace, type Trace } from '../../src/observe/index.js';
import { allSpans, cyclesOf, sampleTrace } from './sample.js';
import { scenarioTraces } from './scenario-traces.js';

const total = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);

describe('folded stacks', () => {
  it('have a line for every stack that took time, callers first', () => {
    expect(foldedStacks(sampleTrace()).split('\n')).toEqual([
      'vcpu0;sender;prepare 10',
      'vcpu0;sender;spin 250',
      'vcpu0;sender;wrmsr;msr-bitmap 20',
      'vcpu0;vcpu_run;kvm_apic_send_ipi;build-irq 10',
      'vcpu0;vcpu_run;kvm_apic_send_ipi;notify 30',
      'vcpu0;vcpu_run;vm-entry;load-guest-state 50',
      'vcpu0;vcpu_run;vm-exit;save-guest-load-host 30',
      'vcpu1;busy_loop;ipi_entry;function 140',
      'vcpu1;busy_loop;ipi_entry;iretq 40',
      'vcpu1;busy_loop;pause 240',
      '',
    ]);
  });

  it('add up to what was done and, unless they are left out, the waits', () => {
    const check = (trace: Trace) => {
      expect(total(foldedStacks(trace))).toBe(cyclesOf(allSpans(trace)));
      expect(total(foldedStacks(trace, { waits: false }))).toBe(cyclesOf(trace.stages));
    };
    check(sampleTrace());
    for (const { trace, from, to } of scenarioTraces()) {
      check(trace);
      const iteration = sliceTrace(trace, from, to);
      check(iteration);
      // Both processors were busy or waiting all the time.
      expect(total(foldedStacks(iteration))).toBe(2 * (to - from));
    }
  });

  it('name the VM if there are several, and the processor if there is none', () => {
    const trace = sampleTrace();
    trace.vcpus[1] = { vm: 1, number: 0 };
    const [stage] = trace.stages;
    if (stage !== undefined) trace.stages.push({ ...stage, processor: 3, vcpu: -1, stage: 'sender.a;b' });
    const owners = foldedStacks(trace).match(/^[^;]+/gm);
    expect([...new Set(owners)]).toEqual(['cpu3', 'vm0.vcpu0', 'vm1.vcpu0']);
    expect(foldedStacks(trace)).toContain('cpu3;sender;a,b 10\n');
  });
});
