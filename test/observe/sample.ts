import { createTrace, type SpanRecord, type Trace } from '../../src/observe/index.js';

/**
 * A small trace written by hand, at 2 GHz: virtual CPU 0 writes an MSR, exits, and its hypervisor notifies virtual CPU 1, which waits in the
 * guest; that one handles the interrupt and so ends the wait of virtual CPU 0.
 *
 * ```text
 * CPU 0  guest 0..30   root 30..150 (vm-exit, send, vm-entry)    guest 150..400: waits until 380
 * CPU 1  guest 0..240: pauses                  interrupt 100 → 240        handles 240..380, ends 380..420
 * ```
 */
export function sampleTrace(): Trace {
  const trace = createTrace(2, [
    { vm: 0, number: 0 },
    { vm: 0, number: 1 },
  ]);
  trace.activations.push(
    { routine: 'sender', kind: 'program', caller: -1 },
    { routine: 'wrmsr', kind: 'instruction', caller: 0 },
    { routine: 'vcpu_run', kind: 'program', caller: -1 },
    { routine: 'vm-exit', kind: 'microcode', caller: 2 },
    { routine: 'kvm_apic_send_ipi', kind: 'program', caller: 2 },
    { routine: 'vm-entry', kind: 'microcode', caller: 2 },
    { routine: 'busy_loop', kind: 'program', caller: -1 },
    { routine: 'ipi_entry', kind: 'program', caller: 6 },
  );
  const span = (processor: number, guest: boolean, stage: string, activation: number, start: number, end: number) => ({
    processor,
    vcpu: processor,
    guest,
    stage,
    activation,
    start,
    end,
  });
  const stage = (...what: Parameters<typeof span>) => trace.stages.push({ ...span(...what), finished: true });
  stage(0, true, 'sender.prepare', 0, 0, 10);
  stage(0, true, 'wrmsr.msr-bitmap', 1, 10, 30);
  stage(0, false, 'vm-exit.save-guest-load-host', 3, 30, 60);
  stage(0, false, 'kvm_apic_send_ipi.build-irq', 4, 60, 70);
  stage(0, false, 'kvm_apic_send_ipi.notify', 4, 70, 100);
  stage(0, false, 'vm-entry.load-guest-state', 5, 100, 150);
  trace.waits.push(span(1, true, 'busy_loop.pause', 6, 0, 240));
  stage(1, true, 'ipi_entry.function', 7, 240, 380);
  trace.waits.push(span(0, true, 'sender.spin', 0, 150, 380));
  stage(0, true, 'sender.spin', 0, 380, 400);
  stage(1, true, 'ipi_entry.iretq', 7, 380, 420);
  trace.flights.push({ from: 0, to: 1, message: 0xf2, sent: 100, arrives: 240 });
  trace.wakes.push({ processor: 1, time: 240, by: -1 }, { processor: 0, time: 380, by: 1 });
  trace.kinds['vm-exit'] = ['reason', 'qualification'];
  trace.kinds['vm-entry'] = ['vcpu'];
  trace.kinds['delivered'] = ['vcpu', 'vector'];
  const event = (time: number, processor: number, guest: boolean, kind: string, a: number, b: number) =>
    trace.events.push({ time, processor, vcpu: processor, guest, kind, a, b });
  event(30, 0, false, 'vm-exit', 32, 0);
  event(150, 0, true, 'vm-entry', 0, 0);
  event(240, 1, true, 'delivered', 1, 32);
  return trace;
}

/** All spans of a trace: what adds up to the time that was spent. */
export function allSpans(trace: Trace): SpanRecord[] {
  return [...trace.stages, ...trace.waits];
}

/** Cycles of spans, together. */
export function cyclesOf(spans: readonly SpanRecord[]): number {
  return spans.reduce((sum, span) => sum + span.end - span.start, 0);
}
