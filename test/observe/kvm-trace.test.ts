import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyzeTrace } from '../../src/observe/analyze-trace.js';
import { ftraceText } from '../../src/observe/ftrace.js';
import { readKvmTrace } from '../../src/observe/kvm-trace.js';
import { runScenario, traceScenario } from '../../src/scenarios/run.js';

const one = (line: string) => readKvmTrace(line)[0];

describe('a line of a trace', () => {
  const exit = { event: 'kvm_exit', reason: 'MSR_WRITE', cpu: 3, tid: 4711, time: 81_000_001_500 };

  test.each([
    ['trace-cmd report', ' CPU 0/KVM-4711  [003]    81.000001500: kvm_exit:   reason MSR_WRITE rip 0x1 info 0 0'],
    [
      'trace-cmd report with flags',
      ' CPU 0/KVM-4711  [003] d..1.  81.000001500: kvm_exit: reason MSR_WRITE rip 0x1 info 0 0',
    ],
    [
      'ftrace with process numbers',
      ' CPU 0/KVM-4711 ( 4700) [003] d..1   81.000001500: kvm_exit: reason MSR_WRITE rip 0x1',
    ],
    ['perf script', 'CPU 0/KVM  4711 [003]    81.000001500:   kvm:kvm_exit: vcpu 0 reason MSR_WRITE rip 0x1 info1 0x0'],
    [
      'perf script, process and thread',
      'CPU 0/KVM  4700/4711 [003] 81.000001500:  1 kvm:kvm_exit: reason MSR_WRITE rip 0x1',
    ],
  ])('of %s', (_tool, line) => {
    expect(one(line)).toMatchObject(exit);
  });

  test('microseconds and nanoseconds are both read', () => {
    expect(one('a-1 [000] 2.000003: kvm_entry: vcpu 5')).toMatchObject({ time: 2_000_003_000, vcpu: 5 });
  });

  test.each([
    [
      'kvm_exit: vcpu 2 reason EXTERNAL_INTERRUPT rip 0x0 info1 0x0 info2 0x0 intr_info 0x800000ec error_code 0x0',
      { interruption: 0x8000_00ec, vcpu: 2 },
    ],
    ['kvm_msr: msr_write 6e0 = 0x1234', { write: true, index: 0x6e0, value: 0x1234n }],
    ['kvm_msr: msr_read 1b = 0xfee00900 (#GP)', { write: false, index: 0x1b }],
    ['kvm_apic: apic_write APIC_EOI = 0x0', { write: true, register: 'APIC_EOI' }],
    [
      'kvm_apic_ipi: dst ff vec 251 (Fixed|logical|assert|edge|all-but-self)',
      { destination: 0xff, vector: 251, logical: true, level: false, shorthand: 'all-but-self' },
    ],
    ['kvm_eoi: apicid 1 vector 236', { vector: 236 }],
    ['kvm_vcpu_wakeup: wait time 54321 ns, polling valid', { waited: true, ns: 54_321 }],
    ['kvm_vcpu_wakeup: poll time 900 ns, polling valid', { waited: false, ns: 900 }],
    ['kvm_halt_poll_ns: vcpu 3: halt_poll_ns 20000 (grow 10000)', { vcpu: 3, ns: 20_000 }],
  ])('%s', (event, fields) => {
    expect(one(`CPU 2/KVM-9 [001] 1.000000: ${event}`)).toMatchObject(fields);
  });

  test('other events and headings are passed over; a comment between traces and lost events are not', () => {
    const text = [
      'cpus=4',
      '# tracer: nop',
      'a-1 [000] 1.000000: sched_switch: a:1 [120] S ==> b:2 [120]',
      'a-1 [000] 1.000001: kvm_entry: vcpu 0',
      'CPU:1 [LOST 17 EVENTS]',
      '# another',
      '',
    ].join('\n');
    expect(readKvmTrace(text).map(({ event }) => event)).toEqual(['kvm_entry', 'lost', 'break']);
  });

  test.each([
    ['what is this', 'host.txt:2: is not a line of trace-cmd report, perf script or ftrace: "what is this"'],
    ['a-1 [000] 1.000001: kvm_exit: nonsense', 'host.txt:2: has a kvm_exit that cannot be read: nonsense'],
  ])('%s is refused with the name and the line', (line, message) => {
    expect(() => readKvmTrace(`a-1 [000] 1.000000: kvm_entry: vcpu 0\n${line}\n`, 'host.txt')).toThrow(message);
  });

  test('no text makes it fail otherwise than with an InputError', () => {
    const piece = fc.constantFrom(
      'a-1 ',
      '[000] ',
      '1.000000: ',
      'kvm_exit: ',
      'kvm_entry:',
      ' vcpu 0',
      'reason HLT',
      '\n',
      '#',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        try {
          readKvmTrace(pieces.join(''));
        } catch (error) {
          expect((error as Error).name).toBe('InputError');
        }
      }),
    );
  });
});

describe('the analysis', () => {
  /** A trace of one thread: each event with its microseconds. */
  const trace = (...events: [number, string][]) =>
    readKvmTrace(
      events.map(([time, event]) => ` CPU 0/KVM-7 [000] 1.${String(time).padStart(6, '0')}: ${event}\n`).join(''),
    );
  const ipi = (destination: string) => `kvm_apic_ipi: dst ${destination} vec 251 (Fixed|physical|assert|edge|dst)`;
  const savingOf = (feature: string, ...events: [number, string][]) =>
    analyzeTrace(trace(...events)).savings.find((saving) => saving.feature === feature);

  test('an exit lasts to the next entry of its thread; one without its entry does not count', () => {
    const { exits, unfinished, durationNs } = analyzeTrace(
      trace([1, 'kvm_exit: reason CPUID rip 0x0'], [3, 'kvm_entry: vcpu 0'], [9, 'kvm_exit: reason HLT rip 0x0']),
    );
    expect(exits).toMatchObject([{ reason: 'CPUID', count: 1, cycles: 2000 }]);
    expect([unfinished, durationNs]).toEqual([1, 8000]);
  });

  test('lost events end what is open', () => {
    const text =
      'a-1 [000] 1.000000: kvm_exit: reason HLT rip 0\nCPU:0 [LOST 3 EVENTS]\na-1 [000] 2.000000: kvm_entry: vcpu 0\n';
    const whole = `${text}a-1 [000] 2.000001: kvm_exit: reason HLT rip 0\na-1 [000] 2.000002: kvm_entry: vcpu 0\n`;
    expect(analyzeTrace(readKvmTrace(whole))).toMatchObject({
      lost: 3,
      unfinished: 1,
      exits: [{ count: 1, cycles: 1000 }],
    });
  });

  test('a halt is work, polling and sleep', () => {
    const { halt } = analyzeTrace(
      trace(
        [0, 'kvm_halt_poll_ns: vcpu 0: halt_poll_ns 10000 (grow 0)'],
        [100, 'kvm_exit: reason HLT rip 0x0'],
        [151, 'kvm_vcpu_wakeup: wait time 50000 ns, polling valid'],
        [153, 'kvm_entry: vcpu 0'],
        [200, 'kvm_exit: reason HLT rip 0x0'],
        [205, 'kvm_vcpu_wakeup: poll time 4000 ns, polling valid'],
        [206, 'kvm_entry: vcpu 0'],
      ),
    );
    expect(halt).toMatchObject({
      exits: 2,
      ns: 59_000,
      polledNs: 14_000,
      sleptNs: 40_000,
      workNs: 5000,
      polled: 1,
      slept: 1,
    });
    expect(halt.ifPolled[0]).toEqual({ windowNs: 50_000, met: 1, burntNs: 50_000 });
  });

  test('IPI virtualization saves the exits of sends to one processor, not of broadcasts', () => {
    const write = (at: number, text: string): [number, string][] => [
      [at, 'kvm_exit: reason MSR_WRITE rip 0x0'],
      [at + 1, text],
      [at + 2, 'kvm_msr: msr_write 830 = 0xfb'],
      [at + 3, 'kvm_entry: vcpu 0'],
    ];
    const sends = [...write(0, ipi('1')), ...write(50, ipi('ff')), ...write(100, ipi('1').replace('dst)', 'all)'))];
    expect(savingOf('ipiVirtualization', ...sends)).toMatchObject({ exits: 1, ns: 3000 });
    // A hypercall would replace sends to several targets in a row, but not the same send again and again.
    const row = [...write(0, ipi('1')), ...write(4, ipi('2')), ...write(8, ipi('3')), ...write(12, ipi('3'))];
    expect(savingOf('pvIpi', ...row)).toMatchObject({ exits: 2, ns: 6000 });
  });

  test.each([
    ['apicv', 'reason TPR_BELOW_THRESHOLD rip 0x0'],
    ['postedTimer', 'reason PREEMPTION_TIMER rip 0x0'],
    ['postedTimer', 'vcpu 0 reason EXTERNAL_INTERRUPT rip 0x0 info1 0x0 info2 0x0 intr_info 0x800000ec error_code 0x0'],
    ['apicv', 'vcpu 0 reason EXTERNAL_INTERRUPT rip 0x0 info1 0x0 info2 0x0 intr_info 0x800000fd error_code 0x0'],
    ['disableExits: hlt', 'reason HLT rip 0x0'],
    ['disableExits: hlt', 'reason hlt rip 0x0'],
    ['disableExits: pause', 'reason PAUSE_INSTRUCTION rip 0x0'],
  ])('%s saves: %s', (feature, exit) => {
    expect(savingOf(feature, [0, `kvm_exit: ${exit}`], [1, 'kvm_entry: vcpu 0'])).toMatchObject({ exits: 1 });
  });

  test('a trace without exits is refused', () => {
    expect(() => analyzeTrace(trace([0, 'kvm_entry: vcpu 0']))).toThrow(
      'has no kvm_exit that a kvm_entry of its thread follows',
    );
  });

  test('of a simulated machine, it finds the exits that the report has', () => {
    const input = {
      jitter: 0,
      host: { kernel: '5.15' },
      workload: { kind: 'vmexit', test: 'ipi', iterations: 1, warmup: 3 },
    } as const;
    const [variant] = runScenario(input).variants;
    const [traced] = traceScenario(input);
    const { exits, savings } = analyzeTrace(
      readKvmTrace(ftraceText(traced?.trace as NonNullable<typeof traced>['trace'])),
    );
    expect(exits.map(({ reason }) => reason)).toEqual(variant?.exits.map(({ reason }) => reason));
    expect(savings.find(({ feature }) => feature === 'ipiVirtualization')?.exits).toBe(exits[0]?.count);
  });
});
