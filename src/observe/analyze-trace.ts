import { InputError } from '../engine/errors.js';
import type { ExitTotals } from './exit-statistics.js';
import type { KvmTraceEvent } from './kvm-trace.js';
import { standardDeviation, summarize } from './statistics.js';

/** The time of halted virtual CPUs, in nanoseconds. `perf kvm stat` counts all of it as time of HLT exits. */
export interface HaltTimes {
  readonly exits: number;
  /** From exit to entry, all together. */
  readonly ns: number;
  /** Of that: polling; asleep; and the rest, which is work. Without `kvm_vcpu_wakeup` in the trace all counts as work. */
  readonly polledNs: number;
  readonly sleptNs: number;
  readonly workNs: number;
  /** Halts that polling met, and that slept. */
  readonly polled: number;
  readonly slept: number;
  /** What a longer poll would have done with the halts that slept: how many it meets, and what CPU time all of them cost. */
  readonly ifPolled: readonly { readonly windowNs: number; readonly met: number; readonly burntNs: number }[];
}

/** What a feature would change in a trace. */
export interface FeatureSaving {
  /** As in a scenario's `features`, or `disableExits: hlt`. */
  readonly feature: string;
  /** Exits that it would avoid. */
  readonly exits: number;
  /** Their time from exit to entry, in nanoseconds: the most it can save, the switches themselves not counted. */
  readonly ns: number;
  /** Which exits these are. */
  readonly which: string;
}

/** What a trace of KVM says. */
export interface TraceAnalysis {
  /** From its first event to its last, in nanoseconds; several traces in one text are added up. */
  readonly durationNs: number;
  /** Threads of virtual CPUs. */
  readonly vcpus: number;
  /** By reason, most time first; cycles are nanoseconds here. */
  readonly exits: readonly ExitTotals[];
  /** Exits whose entry is not in the trace: those at its end, and before events were lost. */
  readonly unfinished: number;
  /** Events that the ring buffer lost. */
  readonly lost: number;
  readonly halt: HaltTimes;
  readonly savings: readonly FeatureSaving[];
}

/** An exit that has its entry, with what the trace says happened between. */
interface Exit {
  readonly reason: string;
  readonly tid: number;
  readonly start: number;
  end: number;
  interruption: number | undefined;
  msr: { index: number; value: bigint } | undefined;
  register: string | undefined;
  ipis: Extract<KvmTraceEvent, { event: 'kvm_apic_ipi' }>[];
  eoi: boolean;
  wakeup: Extract<KvmTraceEvent, { event: 'kvm_vcpu_wakeup' }> | undefined;
  /** Window for polling when it began, if the trace says it. */
  window: number | undefined;
}

const windowsNs = [50_000, 200_000, 500_000, 2_000_000] as const;
/** ICR writes of a thread with less than this between them, each to another target, belong to one send. */
const burstNs = 2000;

const Msr = { tscDeadline: 0x6e0, x2apic: 0x800, tpr: 0x808, eoi: 0x80b, icr: 0x830, selfIpi: 0x83f } as const;
/** Linux `arch/x86/include/asm/irq_vectors.h`. */
const Vector = { localTimer: 0xec, reschedule: 0xfd } as const;

/**
 * The exit report of a trace, and what the features that it was taken without would save.
 *
 * An exit lasts from `kvm_exit` to the next `kvm_entry` of its thread, as for `perf kvm stat`. What is saved is counted from what the
 * trace says of each exit: which MSR was written (`kvm_msr`), to whom an IPI went (`kvm_apic_ipi`). Without these events less can be said.
 *
 * @param events - as {@link readKvmTrace} reads them
 * @throws InputError if there is no exit with its entry
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { analyzeTrace, readKvmTrace } from 'vmx-apic/observe';
 *
 * const { exits, savings } = analyzeTrace(readKvmTrace(`
 *  CPU 0/KVM-71 [000] 1.000001000: kvm_exit: vcpu 0 reason MSR_WRITE rip 0x0 info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0
 *  CPU 0/KVM-71 [000] 1.000001400: kvm_apic_ipi: dst 1 vec 251 (Fixed|physical|assert|edge|dst)
 *  CPU 0/KVM-71 [000] 1.000001500: kvm_msr: msr_write 830 = 0x1000008fb
 *  CPU 0/KVM-71 [000] 1.000002000: kvm_entry: vcpu 0, rip 0x0
 * `));
 * assert.equal(exits[0]?.cycles, 1000);
 * assert.deepEqual(savings.find(({ feature }) => feature === 'ipiVirtualization')?.exits, 1);
 * ```
 */
export function analyzeTrace(events: readonly KvmTraceEvent[]): TraceAnalysis {
  const { exits, unfinished, lost, durationNs } = pairExits(events);
  if (exits.length === 0) throw new InputError('trace', 'has no kvm_exit that a kvm_entry of its thread follows');
  return {
    durationNs,
    vcpus: new Set(events.flatMap(({ event, tid }) => (event === 'kvm_entry' || event === 'kvm_exit' ? [tid] : [])))
      .size,
    exits: totalsOf(exits),
    unfinished,
    lost,
    halt: haltTimes(exits),
    savings: savingsOf(exits),
  };
}

function totalsOf(exits: readonly Exit[]): ExitTotals[] {
  const times = new Map<string, number[]>();
  for (const { reason, start, end } of exits) {
    const own = times.get(reason);
    if (own === undefined) times.set(reason, [end - start]);
    else own.push(end - start);
  }
  return [...times]
    .map(([reason, own]) => {
      const { n: count, min, max, mean } = summarize(own);
      return { reason, count, cycles: Math.round(mean * count), min, max, stdev: standardDeviation(own) };
    })
    .sort((a, b) => b.cycles - a.cycles);
}

function pairExits(events: readonly KvmTraceEvent[]): {
  exits: Exit[];
  unfinished: number;
  lost: number;
  durationNs: number;
} {
  const exits: Exit[] = [];
  let open = new Map<number, Exit>();
  const windows = new Map<number, number>();
  let unfinished = 0;
  let lost = 0;
  let durationNs = 0;
  let first: number | undefined;
  let last = 0;
  const cut = (): void => {
    unfinished += open.size;
    open = new Map();
  };
  const finish = (): void => {
    if (first !== undefined) durationNs += last - first;
    first = undefined;
  };
  for (const event of events) {
    if (event.event === 'break') {
      cut();
      finish();
      continue;
    }
    if (event.event === 'lost') {
      cut();
      lost += event.count;
      continue;
    }
    first ??= event.time;
    last = Math.max(last < first ? first : last, event.time);
    const { tid } = event;
    const current = open.get(tid);
    switch (event.event) {
      case 'kvm_exit':
        if (current !== undefined) unfinished++;
        open.set(tid, {
          reason: event.reason,
          tid,
          start: event.time,
          end: event.time,
          interruption: event.interruption,
          msr: undefined,
          register: undefined,
          ipis: [],
          eoi: false,
          wakeup: undefined,
          window: windows.get(tid),
        });
        break;
      case 'kvm_entry':
        open.delete(tid);
        if (current !== undefined && event.time >= current.start) exits.push({ ...current, end: event.time });
        else if (current !== undefined) unfinished++;
        break;
      case 'kvm_halt_poll_ns':
        windows.set(tid, event.ns);
        break;
      case 'kvm_msr':
        if (current !== undefined && event.write) current.msr ??= { index: event.index, value: event.value };
        break;
      case 'kvm_apic':
        if (current !== undefined && event.write) current.register ??= event.register;
        break;
      case 'kvm_apic_ipi':
        current?.ipis.push(event);
        break;
      case 'kvm_eoi':
        if (current !== undefined) current.eoi = true;
        break;
      case 'kvm_vcpu_wakeup':
        if (current !== undefined) current.wakeup = event;
        break;
    }
  }
  cut();
  finish();
  return { exits, unfinished, lost, durationNs };
}

/** AMD's names of exits are in lower case. */
function isReason({ reason }: Exit, ...names: readonly string[]): boolean {
  return names.includes(reason.toUpperCase());
}

function haltTimes(exits: readonly Exit[]): HaltTimes {
  const halts = exits.filter((exit) => isReason(exit, 'HLT'));
  let [ns, polledNs, sleptNs, polled, slept] = [0, 0, 0, 0, 0];
  const sleeps: number[] = [];
  for (const { start, end, wakeup, window = 0 } of halts) {
    const whole = end - start;
    const halted = Math.min(whole, wakeup?.ns ?? 0);
    ns += whole;
    if (wakeup === undefined) continue;
    // What a sleep was preceded by is the window, no longer than the halt.
    const polling = wakeup.waited ? Math.min(window, halted) : halted;
    polledNs += polling;
    sleptNs += halted - polling;
    if (wakeup.waited) {
      slept++;
      sleeps.push(halted);
    } else {
      polled++;
    }
  }
  return {
    exits: halts.length,
    ns,
    polledNs,
    sleptNs,
    workNs: ns - polledNs - sleptNs,
    polled,
    slept,
    ifPolled: windowsNs.map((windowNs) => ({
      windowNs,
      met: sleeps.filter((sleep) => sleep <= windowNs).length,
      burntNs: sleeps.reduce((sum, sleep) => sum + Math.min(sleep, windowNs), 0),
    })),
  };
}

/** True for a write to the ICR that IPI virtualization does without an exit. SDM vol. 3C, "Virtualizing IPIs". */
function isVirtualizable({ ipis }: Exit): boolean {
  const [ipi] = ipis;
  return (
    ipis.length === 1 &&
    ipi !== undefined &&
    ipi.deliveryMode === 'Fixed' &&
    !ipi.logical &&
    !ipi.level &&
    ipi.vector >= 16 &&
    (ipi.shorthand === 'dst' || ipi.shorthand === '') &&
    ipi.destination !== 0xff &&
    ipi.destination !== 0xffff_ffff
  );
}

function isIcrWrite(exit: Exit): boolean {
  return (
    (isReason(exit, 'MSR_WRITE', 'MSR', 'MSR_WRITE_IMM') && exit.msr?.index === Msr.icr) ||
    (isReason(exit, 'APIC_WRITE', 'APIC_ACCESS', 'EPT_MISCONFIG', 'EPT_VIOLATION', 'NPF') && exit.ipis.length > 0)
  );
}

function savingsOf(exits: readonly Exit[]): FeatureSaving[] {
  const x2apicWrite = (exit: Exit, ...indices: readonly number[]): boolean =>
    isReason(exit, 'MSR_WRITE', 'MSR', 'MSR_WRITE_IMM') && exit.msr !== undefined && indices.includes(exit.msr.index);
  const vector = (exit: Exit): number | undefined =>
    isReason(exit, 'EXTERNAL_INTERRUPT') && (exit.interruption ?? 0) >>> 31 === 1
      ? (exit.interruption as number) & 0xff
      : undefined;
  const saving = (feature: string, which: string, test: (exit: Exit) => boolean): FeatureSaving => {
    const own = exits.filter(test);
    return { feature, which, exits: own.length, ns: own.reduce((sum, { start, end }) => sum + end - start, 0) };
  };
  return [
    saving(
      'apicv',
      'APIC accesses, EOI, TPR and self-IPI writes, interrupt windows, TPR thresholds, kicks for an interrupt',
      (exit) =>
        isReason(exit, 'TPR_BELOW_THRESHOLD', 'PENDING_INTERRUPT', 'INTERRUPT_WINDOW', 'VINTR') ||
        (isReason(exit, 'APIC_ACCESS', 'EPT_MISCONFIG', 'EPT_VIOLATION', 'NPF') &&
          exit.ipis.length === 0 &&
          (exit.eoi || exit.register !== undefined)) ||
        x2apicWrite(exit, Msr.tpr, Msr.eoi, Msr.selfIpi) ||
        vector(exit) === Vector.reschedule,
    ),
    saving(
      'ipiVirtualization',
      'ICR writes for one processor: fixed, physical, edge, without shorthand',
      (exit) => isIcrWrite(exit) && isVirtualizable(exit),
    ),
    bursts(exits),
    saving(
      'postedTimer',
      "TSC-deadline expiries: preemption timer, and the host's timer interrupt",
      (exit) => isReason(exit, 'PREEMPTION_TIMER') || vector(exit) === Vector.localTimer,
    ),
    saving('disableExits: hlt', 'HLT, sleep included', (exit) => isReason(exit, 'HLT')),
    saving('disableExits: mwait', 'MWAIT and MONITOR', (exit) =>
      isReason(exit, 'MWAIT_INSTRUCTION', 'MWAIT', 'MONITOR_INSTRUCTION', 'MONITOR'),
    ),
    saving('disableExits: pause', 'PAUSE', (exit) => isReason(exit, 'PAUSE_INSTRUCTION', 'PAUSE')),
  ].filter((one) => one.exits > 0);
}

/** Runs of ICR writes that one hypercall would replace: all of each but one. */
function bursts(exits: readonly Exit[]): FeatureSaving {
  const last = new Map<number, { exit: Exit; reached: Set<number> }>();
  let count = 0;
  let ns = 0;
  for (const exit of exits) {
    const before = last.get(exit.tid);
    const [ipi] = exit.ipis;
    last.delete(exit.tid);
    if (ipi === undefined || !isIcrWrite(exit)) continue;
    const burst =
      before !== undefined &&
      before.exit.ipis[0]?.vector === ipi.vector &&
      exit.start - before.exit.end < burstNs &&
      !before.reached.has(ipi.destination);
    last.set(exit.tid, { exit, reached: burst ? before.reached.add(ipi.destination) : new Set([ipi.destination]) });
    if (!burst) continue;
    count++;
    ns += exit.end - exit.start;
  }
  const which = `ICR writes of one vector to one target after another, less than ${burstNs / 1000} µs apart: one hypercall sends to all`;
  return { feature: 'pvIpi', which, exits: count, ns };
}
