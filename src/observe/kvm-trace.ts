import { InputError } from '../engine/errors.js';

/** What all events of a trace taken on a host say. */
export interface KvmTraceLine {
  /** Nanoseconds, from wherever the trace counts. */
  readonly time: number;
  /** The logical processor. */
  readonly cpu: number;
  /** Number of the thread: a virtual CPU is a thread. */
  readonly tid: number;
  readonly comm: string;
  /** Line of the text, from 1. */
  readonly line: number;
}

/** An event of a KVM trace that is understood. Numbers are as KVM's tracepoints have them (Linux `arch/x86/kvm/trace.h`). */
export type KvmTraceEvent = KvmTraceLine &
  (
    | { readonly event: 'kvm_entry'; readonly vcpu: number }
    | {
        readonly event: 'kvm_exit';
        /** As `MSR_WRITE`; on AMD processors as `msr`. */
        readonly reason: string;
        /** `vcpu_id`; kernels before 5.10 do not say it. */
        readonly vcpu?: number;
        /** Interruption information of the exit, where the kernel says it. */
        readonly interruption?: number;
      }
    | { readonly event: 'kvm_msr'; readonly write: boolean; readonly index: number; readonly value: bigint }
    | { readonly event: 'kvm_apic'; readonly write: boolean; readonly register: string; readonly value: bigint }
    | {
        readonly event: 'kvm_apic_ipi';
        readonly destination: number;
        readonly vector: number;
        /** As `Fixed`, `NMI`. */
        readonly deliveryMode: string;
        readonly logical: boolean;
        readonly level: boolean;
        /** As `dst` (none), `self`, `all`, `all-but-self`. */
        readonly shorthand: string;
      }
    | {
        readonly event: 'kvm_apic_accept_irq';
        /** `vcpu_id` of the target. */
        readonly target: number;
        readonly vector: number;
        /** As `Fixed`, `NMI`. */
        readonly deliveryMode: string;
      }
    | {
        /** It was posted: hardware delivers it. */
        readonly event: 'kvm_apicv_accept_irq';
        readonly target: number;
        readonly vector: number;
        readonly deliveryMode: string;
      }
    | {
        readonly event: 'kvm_inj_virq';
        readonly vector: number;
        /** True if the kernel says that this is for a delivery that was called off. */
        readonly again: boolean;
      }
    | {
        readonly event: 'kvm_eoi';
        /** `vcpu_id`. */
        readonly target: number;
        /** -1 if nothing was in service. */
        readonly vector: number;
      }
    | {
        readonly event: 'kvm_vcpu_wakeup';
        /** True if the thread slept; false if polling met the wake-up. */
        readonly waited: boolean;
        /** From the beginning of the halt, polling included. */
        readonly ns: number;
      }
    | { readonly event: 'kvm_halt_poll_ns'; readonly vcpu: number; readonly ns: number }
    | {
        /** What the ring buffer lost; the time is that of the event before. */
        readonly event: 'lost';
        readonly count: number;
      }
    | {
        /** A comment begins another trace in the same text. */
        readonly event: 'break';
      }
  );

type Body = KvmTraceEvent extends infer Event
  ? Event extends KvmTraceLine
    ? Omit<Event, keyof KvmTraceLine>
    : never
  : never;
type Reader = (text: string) => Body | null | 'passed over';

/** `trace-cmd report` and ftrace's own `trace` file: task-tid [cpu] flags seconds: event: text. */
const ftraceLine =
  /^\s*(.+)-(\d+)\s+(?:\(\s*[\d-]+\)\s+)?\[(\d+)\]\s+(?:[^\s\d]\S*\s+)?(\d+)\.(\d+):\s+(?:\w+:)?(\w+):\s*(.*)$/;
/** `perf script`: task tid [cpu] seconds: system:event: text. */
const perfLine = /^\s*(.+?)\s+(?:\d+\/)?(\d+)\s+\[(\d+)\]\s+(\d+)\.(\d+):\s+(?:\d+\s+)?[\w-]+:(\w+):\s*(.*)$/;
/** What these tools print that is not an event. */
const otherLine = /^\s*(?:$|cpus=|version\b|trace-cmd\b|CPU \d+ is empty|entries-in-buffer)/;
const lostLine = /^\s*CPU:\s*\d+\s+\[(?:LOST (\d+) EVENTS|(\d+) EVENTS DROPPED)\]/i;

const integer = (text: string): number => Number.parseInt(text, 10);
const hexadecimal = (text: string): number => Number.parseInt(text, 16);

function accepted(event: 'kvm_apic_accept_irq' | 'kvm_apicv_accept_irq', text: string): Body | null {
  const match = /^apicid ([0-9a-f]+) vec (\d+) \(([^|]*)\|/.exec(text);
  return (
    match && {
      event,
      target: hexadecimal(match[1] as string),
      vector: integer(match[2] as string),
      deliveryMode: match[3] as string,
    }
  );
}

/** How the text of each tracepoint is read. To add one: a line here and a member of {@link KvmTraceEvent}. */
const readers: Readonly<Record<string, Reader>> = {
  kvm_entry: (text) => {
    const match = /^vcpu (\d+)/.exec(text);
    return match && { event: 'kvm_entry', vcpu: integer(match[1] as string) };
  },
  kvm_exit: (text) => {
    const match = /^(?:vcpu (\d+) )?reason (\S+)(?:.*?\bintr_info 0x([0-9a-f]+))?/.exec(text);
    return (
      match && {
        event: 'kvm_exit',
        reason: match[2] as string,
        ...(match[1] === undefined ? {} : { vcpu: integer(match[1]) }),
        ...(match[3] === undefined ? {} : { interruption: hexadecimal(match[3]) }),
      }
    );
  },
  kvm_msr: (text) => {
    const match = /^msr_(read|write) ([0-9a-f]+) = 0x([0-9a-f]+)/.exec(text);
    return (
      match && {
        event: 'kvm_msr',
        write: match[1] === 'write',
        index: hexadecimal(match[2] as string),
        value: BigInt(`0x${match[3]}`),
      }
    );
  },
  kvm_apic: (text) => {
    const match = /^apic_(read|write) (\S+) = 0x([0-9a-f]+)/.exec(text);
    return (
      match && {
        event: 'kvm_apic',
        write: match[1] === 'write',
        register: match[2] as string,
        value: BigInt(`0x${match[3]}`),
      }
    );
  },
  kvm_apic_ipi: (text) => {
    const match = /^dst ([0-9a-f]+) vec (\d+) \(([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|)]*)\)/.exec(text);
    return (
      match && {
        event: 'kvm_apic_ipi',
        destination: hexadecimal(match[1] as string),
        vector: integer(match[2] as string),
        deliveryMode: match[3] as string,
        logical: match[4] === 'logical',
        level: match[6] === 'level',
        shorthand: match[7] as string,
      }
    );
  },
  kvm_apic_accept_irq: (text) => accepted('kvm_apic_accept_irq', text),
  kvm_apicv_accept_irq: (text) => accepted('kvm_apicv_accept_irq', text),
  // A software interrupt is the guest's own: nothing that its local APIC knows of.
  kvm_inj_virq: (text) => {
    if (text.startsWith('Soft/INTn ')) return 'passed over';
    const match = /^(?:irq (\d+)|IRQ 0x([0-9a-f]+))( \[reinjected\])?/.exec(text);
    return (
      match && {
        event: 'kvm_inj_virq',
        vector: match[1] === undefined ? hexadecimal(match[2] as string) : integer(match[1]),
        again: match[3] !== undefined,
      }
    );
  },
  kvm_eoi: (text) => {
    const match = /^apicid ([0-9a-f]+) vector (-?\d+)/.exec(text);
    return match && { event: 'kvm_eoi', target: hexadecimal(match[1] as string), vector: integer(match[2] as string) };
  },
  kvm_vcpu_wakeup: (text) => {
    const match = /^(wait|poll) time (\d+) ns/.exec(text);
    return match && { event: 'kvm_vcpu_wakeup', waited: match[1] === 'wait', ns: integer(match[2] as string) };
  },
  kvm_halt_poll_ns: (text) => {
    const match = /^vcpu (\d+): halt_poll_ns (\d+)/.exec(text);
    return match && { event: 'kvm_halt_poll_ns', vcpu: integer(match[1] as string), ns: integer(match[2] as string) };
  },
};

/**
 * Reads a trace of KVM's tracepoints that was taken on a host: what `trace-cmd report`, `perf script` or ftrace's `trace` file print, and
 * what {@link ftraceText} writes. Events of other kinds are passed over.
 *
 * @param text - the whole text
 * @param name - what errors call it, as the name of its file
 * @returns its events in the order of the text
 * @throws InputError that names the first line that is none of a trace, or whose event cannot be read
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { readKvmTrace } from 'vmx-apic/observe';
 *
 * const [exit] = readKvmTrace(' CPU 0/KVM-4711  [003] d..1.  81.000001: kvm_exit: reason MSR_WRITE rip 0xffffffff8106 info 0 0\n');
 * assert.ok(exit?.event === 'kvm_exit' && exit.reason === 'MSR_WRITE' && exit.tid === 4711);
 * assert.throws(() => readKvmTrace('hello\n', 'trace.txt'), /trace\.txt:1: is not a line of/);
 * ```
 */
export function readKvmTrace(text: string, name = 'trace'): KvmTraceEvent[] {
  const events: KvmTraceEvent[] = [];
  let nothing: KvmTraceLine = { time: 0, cpu: 0, tid: 0, comm: '', line: 0 };
  for (const [index, whole] of text.split('\n').entries()) {
    const content = whole.trimEnd();
    const line = index + 1;
    if (content.startsWith('#')) {
      if (events.length > 0) events.push({ ...nothing, line, event: 'break' });
      continue;
    }
    const lost = lostLine.exec(content);
    if (lost !== null) {
      events.push({ ...nothing, line, event: 'lost', count: integer((lost[1] ?? lost[2]) as string) });
      continue;
    }
    if (otherLine.test(content)) continue;
    const match = ftraceLine.exec(content) ?? perfLine.exec(content);
    if (match === null) {
      throw new InputError(
        `${name}:${line}`,
        `is not a line of trace-cmd report, perf script or ftrace: ${JSON.stringify(content.slice(0, 60))}`,
      );
    }
    const [, comm, tid, cpu, seconds, fraction, event, rest] = match as unknown as string[];
    const read = Object.hasOwn(readers, event as string) ? readers[event as string] : undefined;
    if (read === undefined) continue;
    const body = read((rest as string).trim());
    if (body === 'passed over') continue;
    if (body === null) throw new InputError(`${name}:${line}`, `has a ${event} that cannot be read: ${rest}`);
    nothing = {
      time: integer(seconds as string) * 1e9 + integer((fraction as string).padEnd(9, '0').slice(0, 9)),
      cpu: integer(cpu as string),
      tid: integer(tid as string),
      comm: comm as string,
      line,
    };
    events.push({ ...nothing, ...body } as KvmTraceEvent);
  }
  return events;
}
