import { describe, expect, it } from 'vitest';
import { createTrace, ftraceText } from '../../src/observe/index.js';
import { traceScenario } from '../../src/scenarios/run.js';
import { sampleTrace } from './sample.js';
import { scenarioTraces } from './scenario-traces.js';

/** The text that an event becomes, without what stands before it. */
function textOf(kind: string, a: number, b: number): string {
  const trace = createTrace(2, [
    { vm: 0, number: 0 },
    { vm: 1, number: 0 },
    { vm: 1, number: 10 },
  ]);
  trace.events.push({ time: 0, processor: 0, vcpu: 2, guest: false, kind, a, b });
  return ftraceText(trace)
    .replace(/^.*?: (?=kvm)/, '')
    .trimEnd();
}

describe('a kernel trace', () => {
  it('has a line per exit and entry, as trace-cmd prints them', () => {
    expect(ftraceText(sampleTrace())).toBe(
      '       CPU 0/KVM-1001  [000]     0.000000015: kvm_exit:             vcpu 0 reason MSR_WRITE rip 0x0 info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000\n' +
        '       CPU 0/KVM-1001  [000]     0.000000075: kvm_entry:            vcpu 0, rip 0x0\n',
    );
  });

  it('has nothing of what the processor delivers without an exit', () => {
    const traced = scenarioTraces();
    for (const { title, trace, from, to } of traced) {
      const lines = ftraceText({ ...trace, events: trace.events.filter(({ time }) => time > from && time <= to) });
      if (title.includes('IPI virtualization')) expect(lines).toBe('');
      else expect(lines).toMatch(/kvm_exit: .* reason (MSR|APIC)_WRITE .*\n.*kvm_entry: /s);
    }
  });

  it('has lines of one form: task, processor, time, event', () => {
    const lines = scenarioTraces().flatMap(({ trace }) => ftraceText(trace).split('\n').slice(0, -1));
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      expect(line).toMatch(/^ {7}CPU \d\/KVM-100\d {2}\[\d{3}\] {5}\d\.\d{9}: kvm_[a-z_]+: +[a-z]/);
    }
  });

  it('counts seconds in whole nanoseconds', () => {
    const trace = createTrace(2.5, [{ vm: 0, number: 0 }]);
    for (const time of [2.5e9, 5e9 - 1, 2_500_000_000_000]) {
      trace.events.push({ time, processor: 111, vcpu: -1, guest: true, kind: 'vm-entry', a: 0, b: 0 });
    }
    expect(
      ftraceText(trace)
        .split('\n')
        .map((line) => line.slice(0, 48)),
    ).toEqual([
      '          <idle>-0     [111]     1.000000000: kv',
      '          <idle>-0     [111]     2.000000000: kv',
      '          <idle>-0     [111]  1000.000000000: kv',
      '',
    ]);
  });

  // The layouts are those of the tracepoints of Linux 6.12.
  it.each([
    ['vm-entry', 2, 0, 'kvm_entry:            vcpu 10, rip 0x0'],
    [
      'vm-exit',
      56,
      0x300,
      'kvm_exit:             vcpu 10 reason APIC_WRITE rip 0x0 info1 0x0000000000000300 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000',
    ],
    ['vm-exit', 63, 0, expect.stringContaining('reason XSAVES rip')],
    ['vm-exit', 200, 0, expect.stringContaining('reason EXIT_200 rip')],
    ['send-ipi', 0x4020, 0x1f, 'kvm_apic_ipi:         dst 1f vec 32 (Fixed|physical|assert|edge|dst)'],
    ['send-ipi', 0xc_8cfd, 0, 'kvm_apic_ipi:         dst 0 vec 253 (NMI|logical|de-assert|level|all-but-self)'],
    ['accept-irq', 2, 0x20, 'kvm_apic_accept_irq:  apicid a vec 32 (Fixed|edge)'],
    ['accept-irq', 1, 0x8130, 'kvm_apic_accept_irq:  apicid 0 vec 48 (LowPrio|level)'],
    ['apicv-accept-irq', 2, 0xec, 'kvm_apicv_accept_irq: apicid a vec 236 (Fixed|edge)'],
    ['eoi', 2, 236, 'kvm_eoi:              apicid a vector 236'],
    ['msr-write', 0x830, 0x4020, 'kvm_msr:              msr_write 830 = 0x4020'],
    ['msr-read', 0x1b, 0xfee0_0d00, 'kvm_msr:              msr_read 1b = 0xfee00d00'],
    ['wakeup', 2, 0, 'kvm_vcpu_wakeup:      poll time 0 ns, polling valid'],
    ['delivered', 2, 32, ''],
    ['toString', 2, 32, ''],
  ])('prints %s %d %d', (kind, a, b, text) => {
    expect(textOf(kind, a, b)).toEqual(text);
  });

  it('says how long a virtual CPU was halted', () => {
    const trace = sampleTrace();
    const where = { processor: 0, vcpu: 0, guest: false, a: 0 };
    trace.events.length = 0;
    trace.events.push({ ...where, time: 1000, kind: 'halt', b: 1 }, { ...where, time: 5000, kind: 'halt', b: 0 });
    trace.events.push({ ...where, time: 5000, kind: 'wakeup', b: 1 });
    expect(ftraceText(trace)).toMatch(/kvm_vcpu_wakeup: {6}wait time 2000 ns, polling valid\n$/);
  });
});

it('says which interrupt or exception an exit was for', () => {
  const [traced] = traceScenario({
    vms: [{ features: { apicv: false } }],
    workload: { kind: 'smi', iterations: 1, warmup: 0 },
  });
  const text = ftraceText((traced as NonNullable<typeof traced>).trace);
  // The kick's vector, and the #UD that RSM is; no more with the next exit.
  expect(text).toMatch(/reason EXTERNAL_INTERRUPT .* intr_info 0x800000fd /);
  expect(text).toMatch(/reason EXCEPTION_NMI .* intr_info 0x80000306 /);
  expect(text).toMatch(/reason MSR_WRITE .* intr_info 0x00000000 /);
});
