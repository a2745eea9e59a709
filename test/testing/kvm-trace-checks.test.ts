import { describe, expect, test } from 'vitest';
import { ftraceText } from '../../src/observe/ftrace.js';
import { readKvmTrace } from '../../src/observe/kvm-trace.js';
import { presets } from '../../src/scenarios/presets.js';
import { traceScenario } from '../../src/scenarios/run.js';
import { checkKvmTrace, type KvmTraceCheckOptions, type KvmTraceLaw } from '../../src/testing/kvm-trace-checks.js';

/**
 * A trace as `trace-cmd report` prints it, a microsecond a line: `vcpu cpu event text`. Threads are 71, 72, ...; the first line is line 2,
 * behind the heading.
 */
function traceOf(...lines: string[]): string {
  const body = lines.map((line, index) => {
    const match = /^(\d) (\d) (\w+): (.*)$/.exec(line);
    if (match === null) return line;
    const [, vcpu, cpu, event, text] = match;
    const time = `81.${String(1000 + index).padStart(6, '0')}`;
    return ` CPU ${vcpu}/KVM-${71 + Number(vcpu)} [00${cpu}] d..1. ${time}: ${`${event}:`.padEnd(20)} ${text}`;
  });
  return ['cpus=4', ...body].join('\n');
}

const check = (text: string, options?: KvmTraceCheckOptions) => checkKvmTrace(readKvmTrace(text), options);
const entry = (vcpu: number, cpu = vcpu) => `${vcpu} ${cpu} kvm_entry: vcpu ${vcpu}, rip 0xffffffff81e3c0ad`;
const exit = (vcpu: number, reason: string, cpu = vcpu) =>
  `${vcpu} ${cpu} kvm_exit: vcpu ${vcpu} reason ${reason} rip 0xffffffff81e3c0ad info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000`;
const accept = (by: number, to: number, vector: number) =>
  `${by} ${by} kvm_apic_accept_irq: apicid ${to} vec ${vector} (Fixed|edge)`;
const post = (by: number, to: number, vector: number) =>
  `${by} ${by} kvm_apicv_accept_irq: apicid ${to} vec ${vector} (Fixed|edge)`;
const inject = (vcpu: number, vector: number) => `${vcpu} ${vcpu} kvm_inj_virq: IRQ 0x${vector.toString(16)}`;
const end = (vcpu: number, vector: number) => `${vcpu} ${vcpu} kvm_eoi: apicid ${vcpu} vector ${vector}`;

/** A vector that comes, is taken and ended: from an exit to the next entry after its EOI. */
const round = (vector: number) => [
  exit(0, 'EXTERNAL_INTERRUPT'),
  accept(1, 0, vector),
  inject(0, vector),
  entry(0),
  exit(0, 'EPT_MISCONFIG'),
  end(0, vector),
  entry(0),
];

describe('a good trace', () => {
  test('breaks nothing, and says how much of it was tested', () => {
    const result = check(
      traceOf(
        entry(0),
        entry(1),
        ...round(0xec),
        ...round(0xfb),
        exit(0, 'HLT'),
        exit(1, 'MSR_WRITE'),
        accept(1, 0, 0xfb),
        entry(1),
        inject(0, 0xfb),
        entry(0),
      ),
    );
    expect(result.broken).toEqual([]);
    expect(result.limits).toEqual([]);
    expect(result.checked).toMatchObject({ 'nothing spurious': 3, 'one EOI per in-service vector': 2 });
    expect(result.checked['no lost wake-up']).toBe(1);
    // Not ended before the trace is over.
    expect(result.unfinished).toEqual([{ line: 22, tid: 71, vector: 0xfb, state: 'injected' }]);
  });

  test.each([
    ['begins anywhere', [inject(0, 0x31), entry(0), exit(0, 'HLT'), end(0, 0x31), entry(0)]],
    [
      'has vectors of the PIC, which no local APIC accepts',
      [...round(0x31), exit(0, 'HLT'), inject(0, 0x30), entry(0), exit(0, 'HLT'), inject(0, 0x30), entry(0)],
    ],
    [
      'delivers again what an exit interrupted, as old kernels do without a word',
      [
        entry(0),
        exit(0, 'HLT'),
        accept(1, 0, 0x31),
        inject(0, 0x31),
        entry(0),
        exit(0, 'EPT_VIOLATION'),
        inject(0, 0x31),
        entry(0),
      ],
    ],
    [
      'delivers again, and says so',
      [...round(0x31), exit(0, 'HLT'), entry(0), exit(0, 'HLT'), `0 0 kvm_inj_virq: IRQ 0x31 [reinjected]`, entry(0)],
    ],
    ['has software interrupts', [...round(0x80), exit(0, 'CPUID'), '0 0 kvm_inj_virq: Soft/INTn 0x80', entry(0)]],
    [
      'accepts too late for the entry that is on its way',
      [
        ...round(0x31),
        ...round(0x51),
        exit(0, 'CPUID'),
        accept(1, 0, 0x31),
        accept(1, 0, 0x51),
        inject(0, 0x31),
        entry(0),
      ],
    ],
    ['ends what was never in service', [...round(0x31), exit(0, 'CPUID'), end(0, -1), entry(0)]],
    [
      'resets a virtual CPU',
      [
        ...round(0x31),
        exit(0, 'CPUID'),
        accept(1, 0, 0x31),
        '1 1 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)',
        exit(1, 'CPUID'),
        entry(0),
        exit(0, 'HLT'),
        entry(0),
      ],
    ],
    ['moves a virtual CPU between exit and entry', [entry(0), exit(0, 'HLT'), entry(0, 3), exit(0, 'HLT', 3)]],
  ])('%s', (_what, lines) => {
    expect(check(traceOf(...lines)).broken).toEqual([]);
  });
});

describe('a broken trace', () => {
  test.each<[KvmTraceLaw, number, string[]]>([
    // Twice for one.
    ['nothing spurious', 12, [...round(0x31), exit(0, 'HLT'), entry(0), exit(0, 'HLT'), inject(0, 0x31)]],
    ['nothing spurious', 10, [...round(0x31), exit(0, 'HLT'), inject(0, 0x31), entry(0)]],
    // 51H was there when 31H was chosen.
    [
      'priority order',
      12,
      [...round(0x31), accept(1, 0, 0x51), accept(1, 0, 0x31), exit(0, 'HLT'), inject(0, 0x31), entry(0)],
    ],
    // 51H has not ended.
    [
      'priority order',
      14,
      [
        ...round(0x51),
        exit(0, 'CPUID'),
        accept(1, 0, 0x51),
        inject(0, 0x51),
        entry(0),
        accept(1, 0, 0x41),
        inject(0, 0x41),
      ],
    ],
    // It slept, was woken, and went on without it.
    [
      'no lost interrupt',
      12,
      [...round(0x31), accept(1, 0, 0x31), exit(0, 'HLT'), '1 1 kvm_eoi: apicid 1 vector -1', entry(0)],
    ],
    ['one EOI per in-service vector', 10, [...round(0x31), exit(0, 'CPUID'), end(0, 0x31), entry(0)]],
    ['entry and exit alternate', 3, [entry(0), entry(0), exit(0, 'HLT')]],
    ['entry and exit alternate', 4, [entry(0), exit(0, 'HLT'), exit(0, 'HLT')]],
    ['one place', 3, [entry(0), exit(0, 'HLT', 2)]],
    ['one place', 3, [entry(0), entry(1, 0), exit(1, 'HLT', 0)]],
  ])('%s, line %i', (law, line, lines) => {
    expect(check(traceOf(...lines)).broken.map((one) => [one.law, one.line])).toEqual([[law, line]]);
  });

  test('a wake-up that comes late, or never', () => {
    const lines = [entry(1), exit(0, 'HLT'), accept(1, 0, 0x31), exit(1, 'HLT'), entry(1), exit(1, 'HLT'), entry(1)];
    const never = check(traceOf(...lines), { wakeWithinNs: 3000 });
    expect(never.broken).toMatchObject([{ law: 'no lost wake-up', line: 3 }]);
    expect(never.broken[0]?.message).toContain('31H is accepted for it at line 4, and the trace ends');
    const late = check(traceOf(...lines, inject(0, 0x31), entry(0)), { wakeWithinNs: 3000 });
    expect(late.broken).toMatchObject([{ law: 'no lost wake-up', line: 9 }]);
    expect(late.broken[0]?.message).toContain('and something is injected at line 9');
    const asleep = check(traceOf(...lines, entry(0)), { wakeWithinNs: 3000 });
    expect(asleep.broken).toMatchObject([{ law: 'no lost wake-up', line: 9 }]);
    expect(check(traceOf(...lines)).broken).toEqual([]);
  });

  test('with APICv, where only wake-ups show', () => {
    const posted = [accept(1, 0, 0x31), post(1, 0, 0x31)];
    const lines = [entry(0), entry(1), ...posted, exit(0, 'HLT'), entry(0), exit(0, 'HLT'), ...posted];
    const result = check(traceOf(...lines, exit(1, 'HLT'), entry(1), exit(1, 'HLT')), { wakeWithinNs: 1500 });
    expect(result.broken).toMatchObject([{ law: 'no lost wake-up', line: 8 }]);
    expect(result.limits).toEqual([expect.stringContaining('1 virtual CPU has APICv or AVIC')]);
    expect(result.checked['nothing spurious']).toBe(0);
  });
});

describe('what a trace cannot show', () => {
  test('is told: lost events', () => {
    const result = check(traceOf(...round(0x31), accept(1, 0, 0x31), 'CPU:0 [LOST 17 EVENTS]', entry(0), entry(0, 0)));
    // Two entries, and what was between them is not among what was lost.
    expect(result.broken.map(({ law }) => law)).toEqual(['entry and exit alternate']);
    expect(check(traceOf(...round(0x31), 'CPU:0 [LOST 17 EVENTS]', entry(0))).broken).toEqual([]);
    expect(result.limits).toEqual(['17 events are lost (line 10): checks begin anew after each gap']);
    expect(result.unfinished).toEqual([{ line: 9, tid: 71, vector: 0x31, state: 'accepted' }]);
  });

  test('is told: tracepoints that were not recorded', () => {
    const { limits, broken, checked } = check(traceOf(entry(0), exit(0, 'HLT'), entry(0), exit(0, 'HLT')));
    expect(broken).toEqual([]);
    expect(limits).toHaveLength(3);
    expect(limits.join()).toContain('there is no kvm_apic_accept_irq');
    expect(checked['entry and exit alternate']).toBe(3);
    // Exits alone alternate with nothing.
    expect(check(traceOf(exit(0, 'HLT'), exit(0, 'HLT'), exit(0, 'HLT'))).broken).toEqual([]);
  });

  test('is told: two virtual machines whose virtual CPUs have the same ids', () => {
    const text = traceOf(...round(0x31), exit(0, 'HLT'), inject(0, 0x31)).replace('KVM-71', 'KVM-99');
    const { limits, broken } = check(text);
    expect(broken).toEqual([]);
    expect(limits).toContainEqual(expect.stringContaining('vcpu 0 is in several threads'));
  });

  test('does not go over from one trace of a text to the next', () => {
    const two = [traceOf(entry(0)), '# tracer: nop', traceOf(entry(0))].join('\n');
    expect(check(two).broken).toEqual([]);
  });
});

describe('the traces that this library writes', () => {
  test.each(['ipi-virtualization', 'ipi-in-kvm-guest'] as const)('of %s break nothing', (name) => {
    for (const { title, trace } of traceScenario(presets[name])) {
      const result = check(ftraceText(trace));
      expect(result.broken, title).toEqual([]);
    }
  });

  test('show interrupts that KVM injects from beginning to end', () => {
    const [traced] = traceScenario({
      name: 'without APICv',
      vms: [{ vcpus: 2, apicMode: 'x2apic', features: { apicv: false } }],
      workload: { kind: 'vmexit', test: 'ipi_halt', iterations: 20, warmup: 5 },
    });
    const text = ftraceText(traced?.trace as never);
    const { broken, checked, limits } = check(text);
    expect(broken).toEqual([]);
    expect(limits).toEqual([]);
    expect(checked['nothing spurious']).toBeGreaterThan(0);
    expect(checked['one EOI per in-service vector']).toBeGreaterThan(0);
    // One injection more than were asked for.
    const lines = text.split('\n');
    const at = lines.findLastIndex((line) => line.includes('kvm_eoi:'));
    const [, prefix = '', vector = ''] = /^(.*: )kvm_eoi: +apicid \d+ vector (\d+)$/.exec(lines[at] as string) ?? [];
    lines.splice(at + 1, 0, `${prefix}kvm_inj_virq: IRQ 0x${Number(vector).toString(16)}`);
    expect(check(lines.join('\n')).broken[0]).toMatchObject({ law: 'nothing spurious', line: at + 2 });
  });
});
