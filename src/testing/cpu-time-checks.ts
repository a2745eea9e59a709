import type { CpuTime, ProcessorTime, VcpuTime } from '../observe/cpu-time.js';
import { spansByProcessor, type Trace } from '../observe/trace.js';

/** What is known of a law of processor time beside how it is checked. */
export interface CpuTimeLawInfo {
  /** What has to hold, in one sentence. */
  readonly statement: string;
  /** Who says so: functions of the kernel that keep the same accounts. */
  readonly source: string;
  /** The smallest account that breaks it. */
  readonly example: string;
}

/** The laws that {@link checkCpuTime} and {@link checkTraceTime} hold processor time to, by name: all of them to the cycle. */
export const cpuTimeLaws = {
  'time of a processor': {
    statement:
      'Of each processor, time in guests, in the host, polling, idle and with other load add up to the time that passed.',
    source: 'Linux account_user_time, account_guest_time, account_system_time, account_idle_time',
    example: 'In 1000 cycles a processor was 400 in a guest and 500 in the host.',
  },
  'time of a virtual CPU': {
    statement:
      'Of each virtual CPU, time in the guest, in the host for it, polling, blocked and waiting for a processor add up to the time that passed.',
    source: 'Linux sched_info_arrive, sched_info_depart (run_delay), kvm_vcpu_halt',
    example: 'In 1000 cycles a virtual CPU ran for 600 and was blocked for 500.',
  },
  'idle states': {
    statement: 'Of each processor, the time in each idle state adds up to the time that it was idle.',
    source: 'Linux cpuidle_enter_state: the time of a state is added to that state alone',
    example: 'A processor was idle for 300 cycles, 200 of them in C1 and none in another state.',
  },
  'guests are on processors': {
    statement:
      'Processors were in guests, and polled, exactly as long as virtual CPUs were in their guests, and polled.',
    source: 'Linux guest_enter_irqoff, guest_exit_irqoff: both accounts change together',
    example: 'Processors were in guests for 500 cycles, and virtual CPUs in their guests for 400.',
  },
  totals: {
    statement: 'What is told of all processors together is the sum of what is told of each, and no part is negative.',
    source: 'Linux /proc/stat: the line cpu is the sum of the lines cpu0, cpu1, …',
    example: 'Two processors were idle for 100 cycles each, and all together for 100.',
  },
  'no time unaccounted': {
    statement:
      'From the first to the last that a recorded run tells of a processor, each cycle belongs to exactly one stage or wait, unless its guest\u2019s program has ended.',
    source: 'The engine runs one stage of a processor at a time, and a processor without a stage waits in one',
    example: 'Of one processor, a stage ends at cycle 100 and the next one begins at cycle 101.',
  },
} as const satisfies Record<string, CpuTimeLawInfo>;

/** Name of a law of processor time. */
export type CpuTimeLaw = keyof typeof cpuTimeLaws;

/** A law of processor time that does not hold, and where. */
export interface BrokenCpuTimeLaw {
  readonly law: CpuTimeLaw;
  /** `processor 0`, `virtual CPU 1`, or `all`. */
  readonly whose: string;
  /** Cycles: what there is, and what the law wants. */
  readonly found: number;
  readonly wanted: number;
}

const processorParts = ['guest', 'host', 'haltPoll', 'idle', 'otherLoad'] as const;
const vcpuParts = ['guest', 'host', 'haltPoll', 'blocked', 'steal'] as const;

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function idleOf({ idleByState }: ProcessorTime): number {
  return sum(Object.values(idleByState));
}

/**
 * Holds an account of processor time to {@link cpuTimeLaws}: that of a report (`variants[0].cpu`), or one's own in the same form.
 *
 * @returns what does not hold; nothing if all is well
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { presets, runScenario } from 'vmx-apic';
 * import { checkCpuTime } from 'vmx-apic/testing';
 *
 * const [variant] = runScenario(presets['ipi-virtualization']).variants;
 * assert.ok(variant);
 * assert.deepEqual(checkCpuTime(variant.cpu), []);
 *
 * // A cycle that nobody has.
 * const [broken] = checkCpuTime({ ...variant.cpu, elapsed: variant.cpu.elapsed + 1 });
 * assert.equal(broken?.law, 'time of a processor');
 * assert.equal((broken?.wanted ?? 0) - (broken?.found ?? 0), 1);
 * ```
 */
export function checkCpuTime(cpu: CpuTime): BrokenCpuTimeLaw[] {
  const broken: BrokenCpuTimeLaw[] = [];
  const expect = (law: CpuTimeLaw, whose: string, found: number, wanted: number): void => {
    if (found !== wanted) broken.push({ law, whose, found, wanted });
  };
  cpu.processors.forEach((processor, i) => {
    expect('time of a processor', `processor ${i}`, sum(processorParts.map((part) => processor[part])), cpu.elapsed);
    expect('idle states', `processor ${i}`, idleOf(processor), processor.idle);
  });
  cpu.vcpus.forEach((vcpu, i) => {
    expect('time of a virtual CPU', `virtual CPU ${i}`, sum(vcpuParts.map((part) => vcpu[part])), cpu.elapsed);
  });
  for (const part of ['guest', 'haltPoll'] as const) {
    const of = (times: readonly (ProcessorTime | VcpuTime)[]): number => sum(times.map((time) => time[part]));
    expect('guests are on processors', 'all', of(cpu.processors), of(cpu.vcpus));
  }
  for (const part of processorParts) {
    expect('totals', 'all', cpu[part], sum(cpu.processors.map((processor) => processor[part])));
  }
  expect('totals', 'all', cpu.steal, sum(cpu.vcpus.map(({ steal }) => steal)));
  expect('idle states', 'all', idleOf(cpu), cpu.idle);
  for (const part of [
    ...cpu.processors.flatMap((processor) => processorParts.map((name) => processor[name])),
    ...cpu.vcpus.flatMap((vcpu) => vcpuParts.map((name) => vcpu[name])),
  ]) {
    if (part < 0 || !Number.isInteger(part)) expect('totals', 'all', part, Math.max(0, Math.round(part)));
  }
  return broken;
}

/**
 * Holds a recorded run to the law that no time is unaccounted for: of each processor, stages and waits follow each other without a gap and
 * without an overlap. For traces of this library, or others that tell everything that a processor does.
 *
 * @returns where it does not hold (`found` is where the next one begins, `wanted` where the one before ends); nothing if all is well
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { presets, traceScenario } from 'vmx-apic';
 * import { checkTraceTime } from 'vmx-apic/testing';
 *
 * const [traced] = traceScenario(presets['ipi-virtualization']);
 * assert.ok(traced);
 * assert.deepEqual(checkTraceTime(traced.trace), []);
 * const holed = { ...traced.trace, stages: traced.trace.stages.filter((_, i) => i !== 20) };
 * assert.equal(checkTraceTime(holed)[0]?.law, 'no time unaccounted');
 * ```
 */
export function checkTraceTime(trace: Trace): BrokenCpuTimeLaw[] {
  const broken: BrokenCpuTimeLaw[] = [];
  // When the program of each guest, the outermost routine that is seen first, does what it does last: after that its guest may do nothing.
  const ended = new Map<number, number>();
  const programs = new Map<number, number>();
  const { activations } = trace;
  for (const { guest, vcpu, activation, end } of [...trace.stages].sort((x, y) => x.start - y.start)) {
    const of = activations[activation];
    if (!guest || of?.kind !== 'program' || of.caller !== -1) continue;
    if (!programs.has(vcpu)) programs.set(vcpu, activation);
    if (programs.get(vcpu) === activation) ended.set(vcpu, end);
  }
  for (const [processor, spans] of spansByProcessor(trace)) {
    let until = spans[0]?.start ?? 0;
    for (const { start, end, vcpu } of spans) {
      if (start < until || (start > until && until < (ended.get(vcpu) ?? start))) {
        broken.push({ law: 'no time unaccounted', whose: `processor ${processor}`, found: start, wanted: until });
      }
      until = Math.max(until, end);
    }
  }
  return broken;
}
