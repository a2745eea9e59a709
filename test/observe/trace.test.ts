import { describe, expect, it } from 'vitest';
import { modeSpans, nestedSlices, sliceTrace, stackOf } from '../../src/observe/index.js';
import { commonCallers } from '../../src/observe/slices.js';
import { spansByProcessor, vcpuLabel } from '../../src/observe/trace.js';
import { allSpans, cyclesOf, sampleTrace } from './sample.js';

describe('a part of a trace', () => {
  it('cuts what reaches beyond it and keeps what is inside', () => {
    const part = sliceTrace(sampleTrace(), 50, 250);
    expect(part.stages.map((stage) => `${stage.processor} ${stage.start}-${stage.end} ${stage.stage}`)).toEqual([
      '0 50-60 vm-exit.save-guest-load-host',
      '0 60-70 kvm_apic_send_ipi.build-irq',
      '0 70-100 kvm_apic_send_ipi.notify',
      '0 100-150 vm-entry.load-guest-state',
      '1 240-250 ipi_entry.function',
    ]);
    expect(part.waits.map((wait) => [wait.processor, wait.start, wait.end])).toEqual([
      [1, 50, 240],
      [0, 150, 250],
    ]);
    expect(part.flights.length).toBe(1);
    expect(part.wakes).toEqual([{ processor: 1, time: 240, by: -1 }]);
    expect(part.events.map((event) => event.kind)).toEqual(['vm-entry', 'delivered']);
  });

  it('has what takes no time if it is inside, and no message that is partly outside', () => {
    const trace = sampleTrace();
    const [first] = trace.stages;
    if (first !== undefined) trace.stages.push({ ...first, start: 100, end: 100 }, { ...first, start: 99, end: 99 });
    expect(sliceTrace(trace, 100, 200).stages.filter((stage) => stage.start === stage.end).length).toBe(1);
    expect(sliceTrace(trace, 100, 200).flights).toEqual([]);
  });

  it('splits time without loss', () => {
    const trace = sampleTrace();
    const parts = [sliceTrace(trace, 0, 77), sliceTrace(trace, 77, 420)];
    expect(parts.reduce((sum, part) => sum + cyclesOf(allSpans(part)), 0)).toBe(cyclesOf(allSpans(trace)));
  });
});

describe('modes', () => {
  it('change with exits and entries; a time in the hypervisor has the reason of its exit', () => {
    const modes = modeSpans(sampleTrace()).map(({ processor, vcpu, guest, reason, start, end }) => ({
      processor,
      vcpu,
      guest,
      reason,
      start,
      end,
    }));
    expect(modes).toEqual([
      { processor: 0, vcpu: 0, guest: true, reason: '', start: 0, end: 30 },
      { processor: 0, vcpu: 0, guest: false, reason: 'MSR_WRITE', start: 30, end: 150 },
      { processor: 0, vcpu: 0, guest: true, reason: '', start: 150, end: 400 },
      { processor: 1, vcpu: 1, guest: true, reason: '', start: 0, end: 420 },
    ]);
  });

  it('have no reason where the exit is not in the trace', () => {
    expect(modeSpans(sliceTrace(sampleTrace(), 40, 420))[0]).toMatchObject({
      guest: false,
      reason: '',
      start: 40,
      end: 150,
    });
  });
});

describe('slices', () => {
  it('nest routines around their stages', () => {
    const trace = sampleTrace();
    const slices = nestedSlices(trace, spansByProcessor(trace).get(0) ?? []);
    expect(
      slices.map((slice) => `${'  '.repeat(slice.depth)}${slice.name} ${slice.type} ${slice.start}-${slice.end}`),
    ).toEqual([
      'sender routine 0-30',
      '  prepare stage 0-10',
      '  wrmsr routine 10-30',
      '    msr-bitmap stage 10-30',
      'vcpu_run routine 30-150',
      '  vm-exit routine 30-60',
      '    save-guest-load-host stage 30-60',
      '  kvm_apic_send_ipi routine 60-100',
      '    build-irq stage 60-70',
      '    notify stage 70-100',
      '  vm-entry routine 100-150',
      '    load-guest-state stage 100-150',
      'sender routine 150-400',
      '  spin wait 150-380',
      '  spin stage 380-400',
    ]);
  });

  it('are not joined over a gap', () => {
    const trace = sampleTrace();
    trace.stages.splice(1, 1);
    const spans = (spansByProcessor(trace).get(0) ?? []).filter((span) => span.guest);
    expect(
      nestedSlices(trace, spans)
        .filter((slice) => slice.name === 'sender')
        .map((slice) => slice.start),
    ).toEqual([0, 150]);
  });

  it('know what all have in common', () => {
    const trace = sampleTrace();
    const [zero = [], one = []] = spansByProcessor(trace).values();
    expect(commonCallers(trace, zero)).toBe(0);
    expect(commonCallers(trace, one)).toBe(1);
    expect(commonCallers(trace, one.slice(1))).toBe(2);
    expect(commonCallers(trace, [])).toBe(0);
  });
});

describe('names', () => {
  it('of a stack are those from the outermost to the innermost routine', () => {
    expect(stackOf(sampleTrace(), 4)).toEqual(['vcpu_run', 'kvm_apic_send_ipi']);
    expect(stackOf(sampleTrace(), -1)).toEqual([]);
  });

  it('of a virtual CPU say its VM only if there are several', () => {
    const trace = sampleTrace();
    expect(vcpuLabel(trace, 1)).toBe('vCPU 1');
    trace.vcpus.push({ vm: 1, number: 0 });
    expect([0, 2].map((vcpu) => vcpuLabel(trace, vcpu))).toEqual(['VM 0 vCPU 0', 'VM 1 vCPU 0']);
  });
});
