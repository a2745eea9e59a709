import { kvmEvents } from './kvm-events.js';
import type { EventRecord, Trace } from './trace.js';

/**
 * What a trace would look like had it been taken with `trace-cmd record -e kvm` on a host and printed with `trace-cmd report -t`: an event
 * a line, in KVM's own words, so that what reads those (grep, awk, scripts) reads this. There are no flags, and no lines for
 * what a real trace does not see: interrupts that the processor delivers without an exit.
 *
 * The task of a virtual CPU is named as QEMU names it; its process number is 1001 and up. Times are seconds from the start of the run.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createTrace, ftraceText } from 'vmx-apic/observe';
 *
 * const trace = createTrace(2, [{ vm: 0, number: 0 }]);
 * trace.events.push({ time: 3000, processor: 5, vcpu: 0, guest: true, kind: 'vm-entry', a: 0, b: 0 });
 * assert.equal(ftraceText(trace), '       CPU 0/KVM-1001  [005]     0.000001500: kvm_entry:            vcpu 0, rip 0x0\n');
 * ```
 */
export function ftraceText(trace: Trace): string {
  return kvmEvents(trace)
    .map(({ record, event, text }) => {
      const cpu = `[${String(record.processor).padStart(3, '0')}]`;
      return `${task(trace, record)} ${cpu} ${seconds(trace, record.time)}: ${`${event}:`.padEnd(21)} ${text}\n`;
    })
    .join('');
}

function task(trace: Trace, { vcpu }: EventRecord): string {
  const name = vcpu < 0 ? '<idle>' : `CPU ${trace.vcpus[vcpu]?.number ?? vcpu}/KVM`;
  return `${name.padStart(16)}-${String(vcpu < 0 ? 0 : 1001 + vcpu).padEnd(5)}`;
}

/** Seconds and nanoseconds, computed in whole nanoseconds. */
function seconds(trace: Trace, cycles: number): string {
  const ns = Math.round(cycles / trace.tscGhz);
  const whole = Math.floor(ns / 1e9);
  return `${String(whole).padStart(5)}.${String(ns - whole * 1e9).padStart(9, '0')}`;
}
