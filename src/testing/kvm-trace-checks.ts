import type { KvmTraceEvent } from '../observe/kvm-trace.js';

/** The laws that {@link checkKvmTrace} holds a trace of KVM's tracepoints to, by name. */
export const kvmTraceLaws = {
  'entry and exit alternate':
    'A thread that entered a guest leaves it before it enters again, and leaves only what it entered.',
  'one place': 'A virtual CPU leaves its guest where it entered, and one guest at a time is entered on a processor.',
  'nothing spurious':
    'KVM injects a vector only if a local APIC accepted it since it was injected last, or to deliver again what was called off.',
  'priority order':
    'What is injected is of the highest class that was accepted before the last exit, and above what is in service.',
  'no lost interrupt': 'What was accepted before a virtual CPU halted is injected when it goes on.',
  'no lost wake-up': 'A halted virtual CPU enters its guest within a bounded time after something was accepted for it.',
  'one EOI per in-service vector': 'An EOI that KVM sees ends a vector that was injected and not ended.',
} as const;

/** Name of a law of KVM traces. */
export type KvmTraceLaw = keyof typeof kvmTraceLaws;

/** A law that a KVM trace breaks, and where. */
export interface BrokenKvmTraceLaw {
  readonly law: KvmTraceLaw;
  /** The line of the text at which it shows, from 1. */
  readonly line: number;
  readonly message: string;
}

/** An interrupt that is under way where the trace ends, or where it was cut: no error. */
export interface UnfinishedInterrupt {
  /** The line at which it came so far. */
  readonly line: number;
  /** The thread of its virtual CPU. */
  readonly tid: number;
  readonly vector: number;
  readonly state: 'accepted' | 'injected';
}

/** What checking a KVM trace came to. */
export interface KvmTraceCheck {
  /** In the order of lines; none if all is well. */
  readonly broken: readonly BrokenKvmTraceLaw[];
  readonly unfinished: readonly UnfinishedInterrupt[];
  /** How often each law could be applied: one that is 0 has not been tested by this trace. */
  readonly checked: Readonly<Record<KvmTraceLaw, number>>;
  /** What this trace cannot show, in words. */
  readonly limits: readonly string[];
}

/** Options of {@link checkKvmTrace}. */
export interface KvmTraceCheckOptions {
  /** Nanoseconds within which a halted virtual CPU must enter its guest; 1 second by default, for hosts that have more to do than processors. */
  readonly wakeWithinNs?: number;
  /** Broken laws after which to stop; 20 by default. */
  readonly most?: number;
}

type Of<Name extends KvmTraceEvent['event']> = Extract<KvmTraceEvent, { event: Name }>;

const hex = (vector: number): string => `${vector.toString(16).toUpperCase().padStart(2, '0')}H`;
const classOf = (vector: number): number => vector >> 4;

interface Injection {
  readonly line: number;
  /** Entries of the virtual CPU before it. */
  readonly entries: number;
  /** True once KVM saw an EOI of it. */
  ended: boolean;
}

/** What is known of a virtual CPU since the trace began, or was cut. */
interface Known {
  readonly tid: number;
  inside: boolean | undefined;
  cpu: number;
  entries: number;
  /** Line of its last exit; 0 for none. */
  exited: number;
  /** Since when, by which line, it halts. */
  halted: { readonly time: number; readonly line: number } | undefined;
  /** Injections since it halted. */
  injections: number;
  /** Vectors that its local APIC accepted and nobody injected: which line, when. */
  readonly accepted: Map<number, { readonly line: number; readonly time: number }>;
  /** Vectors that it accepted once. */
  readonly wasAccepted: Set<number>;
  readonly injected: Map<number, Injection>;
  /** Vectors whose EOI KVM saw once. */
  readonly wasEnded: Set<number>;
  readonly inService: Set<number>;
}

function known(tid: number): Known {
  return {
    tid,
    inside: undefined,
    cpu: -1,
    entries: 0,
    exited: 0,
    halted: undefined,
    injections: 0,
    accepted: new Map(),
    wasAccepted: new Set(),
    injected: new Map(),
    wasEnded: new Set(),
    inService: new Set(),
  };
}

class Checks {
  readonly broken: BrokenKvmTraceLaw[] = [];
  readonly unfinished: UnfinishedInterrupt[] = [];
  readonly checked: Record<KvmTraceLaw, number> = {
    'entry and exit alternate': 0,
    'one place': 0,
    'nothing spurious': 0,
    'priority order': 0,
    'no lost interrupt': 0,
    'no lost wake-up': 0,
    'one EOI per in-service vector': 0,
  };
  /** Threads whose processor delivers: KVM sees neither delivery nor EOI. */
  private readonly accelerated: ReadonlySet<number>;
  private vcpus = new Map<number, Known>();
  /** By processor: the thread that is in its guest there. */
  private guests = new Map<number, number>();
  private last = 0;
  private readonly threads: ReadonlyMap<number, number>;
  private readonly has: ReadonlySet<string>;
  private readonly wakeWithinNs: number;

  constructor(
    threads: ReadonlyMap<number, number>,
    accelerated: ReadonlySet<number>,
    has: ReadonlySet<string>,
    wakeWithinNs: number,
  ) {
    this.threads = threads;
    this.accelerated = accelerated;
    this.has = has;
    this.wakeWithinNs = wakeWithinNs;
  }

  take(event: KvmTraceEvent): void {
    if (event.event === 'break' || event.event === 'lost') {
      this.cut();
      return;
    }
    this.last = event.time;
    if (event.event === 'kvm_entry') this.enter(event);
    else if (event.event === 'kvm_exit') this.exit(event);
    else if (event.event === 'kvm_apic_accept_irq') this.accept(event);
    else if (event.event === 'kvm_inj_virq') this.inject(event);
    else if (event.event === 'kvm_eoi') this.end(event);
  }

  /** What comes next does not continue what came before. */
  cut(): void {
    for (const of of this.vcpus.values()) {
      this.checkWakeUp(of, this.last, of.halted?.line ?? 0, 'and the trace ends');
      const visible = this.has.has('kvm_inj_virq') && !this.accelerated.has(of.tid);
      for (const [vector, { line }] of of.accepted) {
        if (visible) this.unfinished.push({ line, tid: of.tid, vector, state: 'accepted' });
      }
      for (const vector of of.inService) {
        if (!of.wasEnded.has(vector)) continue;
        const { line } = of.injected.get(vector) as Injection;
        this.unfinished.push({ line, tid: of.tid, vector, state: 'injected' });
      }
    }
    this.vcpus = new Map();
    this.guests = new Map();
  }

  private of(tid: number): Known {
    let found = this.vcpus.get(tid);
    if (found === undefined) {
      found = known(tid);
      this.vcpus.set(tid, found);
    }
    return found;
  }

  /** The virtual CPU that an `apicid` names, if the trace says which thread that is. */
  private target(id: number): Known | undefined {
    const tid = this.threads.get(id);
    return tid === undefined ? undefined : this.of(tid);
  }

  private breaks(law: KvmTraceLaw, line: number, message: string): void {
    this.broken.push({ law, line, message });
  }

  private enter({ tid, cpu, line, time }: Of<'kvm_entry'>): void {
    const of = this.of(tid);
    if (of.inside !== undefined && this.has.has('kvm_exit')) {
      this.checked['entry and exit alternate']++;
      if (of.inside)
        this.breaks('entry and exit alternate', line, `thread ${tid} enters its guest twice without an exit`);
    }
    const there = this.guests.get(cpu);
    if (there !== undefined && there !== tid && this.has.has('kvm_exit')) {
      this.breaks(
        'one place',
        line,
        `thread ${tid} enters its guest on processor ${cpu}, where thread ${there} is in its own`,
      );
    }
    this.checkWakeUp(of, time, line, `and goes on at line ${line}`);
    this.checkDelivery(of, line);
    of.inside = true;
    of.cpu = cpu;
    of.entries++;
    of.halted = undefined;
    this.guests.set(cpu, tid);
  }

  private exit({ tid, cpu, line, time, reason }: Of<'kvm_exit'>): void {
    const of = this.of(tid);
    if (of.inside !== undefined && this.has.has('kvm_entry')) {
      this.checked['entry and exit alternate']++;
      if (!of.inside) this.breaks('entry and exit alternate', line, `thread ${tid} exits twice without an entry`);
      else {
        this.checked['one place']++;
        if (of.cpu !== cpu) {
          this.breaks(
            'one place',
            line,
            `thread ${tid} entered its guest on processor ${of.cpu}, and leaves it on ${cpu}`,
          );
        }
      }
    }
    if (this.guests.get(of.cpu) === tid) this.guests.delete(of.cpu);
    of.inside = false;
    of.exited = line;
    of.injections = 0;
    // Its processor may have delivered all that was posted before.
    if (this.accelerated.has(tid)) of.accepted.clear();
    of.halted = reason === 'HLT' || reason === 'hlt' ? { time, line } : undefined;
  }

  private accept({ target, vector, deliveryMode, line, time }: Of<'kvm_apic_accept_irq'>): void {
    const of = this.target(target);
    if (of === undefined) return;
    if (deliveryMode === 'INIT') {
      for (const list of [of.accepted, of.injected, of.inService]) list.clear();
      of.halted = undefined;
    }
    if ((deliveryMode !== 'Fixed' && deliveryMode !== 'LowPrio') || vector < 16) return;
    if (!of.accepted.has(vector)) of.accepted.set(vector, { line, time });
    of.wasAccepted.add(vector);
  }

  private inject({ tid, vector, again, line, time }: Of<'kvm_inj_virq'>): void {
    const of = this.of(tid);
    of.injections++;
    if (this.accelerated.has(tid)) return;
    this.checkWakeUp(of, time, line, `and something is injected at line ${line}`);
    of.halted = undefined;
    const before = of.injected.get(vector);
    // What an entry could not deliver is injected by the next.
    const repeats = again || (before !== undefined && !before.ended && before.entries + 1 === of.entries);
    const fresh = of.accepted.delete(vector);
    if (!fresh && repeats) {
      if (before !== undefined) of.injected.set(vector, { ...before, entries: of.entries });
      return;
    }
    if (!fresh && of.wasAccepted.has(vector)) {
      this.checked['nothing spurious']++;
      const since = before === undefined ? '' : ` since line ${before.line}, where it was injected last`;
      this.breaks('nothing spurious', line, `thread ${tid} injects ${hex(vector)}, which nobody has accepted${since}`);
    } else if (fresh) {
      this.checked['nothing spurious']++;
      this.checkPriority(of, vector, line);
    }
    of.injected.set(vector, { line, entries: of.entries, ended: false });
    of.inService.add(vector);
  }

  private checkPriority(of: Known, vector: number, line: number): void {
    this.checked['priority order']++;
    for (const [other, { line: since }] of of.accepted) {
      // One that came after the exit may have come too late for this entry.
      if (classOf(other) > classOf(vector) && since < of.exited) {
        this.breaks(
          'priority order',
          line,
          `thread ${of.tid} injects ${hex(vector)} before ${hex(other)}, accepted at line ${since}`,
        );
      }
    }
    for (const other of of.inService) {
      // Only if KVM sees its EOIs: some vectors end by themselves.
      if (classOf(other) >= classOf(vector) && of.wasEnded.has(other)) {
        const { line: since } = of.injected.get(other) as Injection;
        this.breaks(
          'priority order',
          line,
          `thread ${of.tid} injects ${hex(vector)} while ${hex(other)}, injected at line ${since}, has not ended`,
        );
      }
    }
  }

  private end({ tid, target, vector, line }: Of<'kvm_eoi'>): void {
    // KVM sees a virtual CPU's EOI in its thread; there are writes to the local APIC by others.
    const of = this.threads.get(target) === tid || !this.threads.has(target) ? this.of(tid) : this.target(target);
    if (of === undefined || vector < 16 || this.accelerated.has(of.tid)) return;
    const injection = of.injected.get(vector);
    if (injection === undefined) return;
    this.checked['one EOI per in-service vector']++;
    if (!of.inService.delete(vector)) {
      this.breaks(
        'one EOI per in-service vector',
        line,
        `thread ${of.tid} ends ${hex(vector)}, injected at line ${injection.line}, a second time`,
      );
    }
    injection.ended = true;
    of.wasEnded.add(vector);
  }

  /** A virtual CPU that halted goes on: what was accepted before must be delivered now, if only it was of a vector that it takes. */
  private checkDelivery(of: Known, line: number): void {
    if (of.halted === undefined || of.injections > 0 || this.accelerated.has(of.tid)) return;
    for (const [vector, { line: since }] of of.accepted) {
      if (since > of.halted.line || !of.wasEnded.has(vector)) continue;
      if ([...of.inService].some((other) => classOf(other) >= classOf(vector))) continue;
      this.checked['no lost interrupt']++;
      this.breaks(
        'no lost interrupt',
        line,
        `thread ${of.tid} goes on from its halt at line ${of.halted.line} without ${hex(vector)}, accepted at line ${since}`,
      );
    }
    if (of.accepted.size === 0) this.checked['no lost interrupt']++;
  }

  private checkWakeUp(of: Known, time: number, line: number, what: string): void {
    const { halted } = of;
    if (halted === undefined || !this.has.has('kvm_entry')) return;
    // What came before it halted is something that it takes only if it took it before.
    const first = [...of.accepted].find(([vector, { line: since }]) => since > halted.line || of.wasEnded.has(vector));
    if (first === undefined) return;
    this.checked['no lost wake-up']++;
    const [vector, { line: since, time: asked }] = first;
    const waited = time - Math.max(asked, halted.time);
    if (waited <= this.wakeWithinNs) return;
    this.breaks(
      'no lost wake-up',
      line,
      `thread ${of.tid} halts at line ${halted.line}, ${hex(vector)} is accepted for it at line ${since}, ${what}: ${(waited / 1e6).toFixed(1)} ms later`,
    );
  }
}

/** Which thread each `vcpu_id` is; ids that several have are left out, and told. */
function threadsOf(events: readonly KvmTraceEvent[]): { threads: Map<number, number>; ambiguous: number[] } {
  const all = new Map<number, Set<number>>();
  for (const event of events) {
    if ((event.event !== 'kvm_entry' && event.event !== 'kvm_exit') || event.vcpu === undefined) continue;
    const own = all.get(event.vcpu);
    if (own === undefined) all.set(event.vcpu, new Set([event.tid]));
    else own.add(event.tid);
  }
  const threads = new Map<number, number>();
  const ambiguous: number[] = [];
  for (const [id, tids] of all) {
    if (tids.size === 1) threads.set(id, [...tids][0] as number);
    else ambiguous.push(id);
  }
  return { threads, ambiguous: ambiguous.sort((a, b) => a - b) };
}

function limitsOf(events: readonly KvmTraceEvent[], ambiguous: readonly number[], accelerated: number): string[] {
  const has = new Set<string>(events.map(({ event }) => event));
  const limits: string[] = [];
  const without = (names: readonly string[], what: string): void => {
    const missing = names.filter((name) => !has.has(name));
    if (missing.length > 0) limits.push(`there is no ${missing.join(' and no ')}: ${what}`);
  };
  without(['kvm_entry', 'kvm_exit'], 'where a virtual CPU is cannot be told');
  without(['kvm_apic_accept_irq'], 'what was asked for cannot be told, so nothing is known to be lost or spurious');
  if (accelerated === 0) {
    without(['kvm_inj_virq'], 'what was injected cannot be told');
    without(['kvm_eoi'], 'what was ended cannot be told');
  }
  const lost = events.flatMap((event) => (event.event === 'lost' ? [event] : []));
  if (lost.length > 0) {
    const count = lost.reduce((sum, event) => sum + event.count, 0);
    limits.push(
      `${count} events are lost (line${lost.length === 1 ? '' : 's'} ${lost.map(({ line }) => line).join(', ')}): checks begin anew after each gap`,
    );
  }
  if (accelerated > 0) {
    limits.push(
      `${accelerated} virtual CPU${accelerated === 1 ? ' has' : 's have'} APICv or AVIC: their processors deliver and end interrupts, which no event says; their wake-ups are checked`,
    );
  }
  if (ambiguous.length > 0) {
    limits.push(
      `vcpu ${ambiguous.join(', ')} ${ambiguous.length === 1 ? 'is' : 'are'} in several threads (several virtual machines?): what is accepted for ${ambiguous.length === 1 ? 'it' : 'them'} is passed over`,
    );
  }
  return limits;
}

/**
 * Looks for what cannot happen in a trace of KVM's tracepoints that was taken on a host: interrupts that are lost, that come twice, or in
 * the wrong order, wake-ups that are too late, entries and exits that do not fit. It tolerates what a trace may do: begin and end
 * anywhere, lose events, leave tracepoints out; {@link KvmTraceCheck.limits} says what could not be checked for that.
 *
 * It is most telling without APICv, where KVM does it all: `kvm_apic_accept_irq`, `kvm_inj_virq`, `kvm_eoi`. Interrupts of the
 * emulated PIC have no `kvm_apic_accept_irq`, so vectors that no local APIC ever accepted are passed over.
 *
 * @param events - as `readKvmTrace` reads them
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { readKvmTrace } from 'vmx-apic/observe';
 * import { checkKvmTrace } from 'vmx-apic/testing';
 *
 * const { broken, unfinished } = checkKvmTrace(readKvmTrace(`
 *  CPU 0/KVM-71 [000] 1.000001: kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x0 info1 0x0 info2 0x0
 *  CPU 1/KVM-72 [001] 1.000002: kvm_apic_accept_irq: apicid 0 vec 49 (Fixed|edge)
 *  CPU 0/KVM-71 [000] 1.000003: kvm_inj_virq: IRQ 0x31
 *  CPU 0/KVM-71 [000] 1.000004: kvm_entry: vcpu 0, rip 0x0
 *  CPU 0/KVM-71 [000] 1.000005: kvm_exit: vcpu 0 reason MSR_WRITE rip 0x0 info1 0x0 info2 0x0
 *  CPU 0/KVM-71 [000] 1.000006: kvm_eoi: apicid 0 vector 49
 *  CPU 0/KVM-71 [000] 1.000007: kvm_inj_virq: IRQ 0x31
 * `));
 * assert.deepEqual(broken, [
 *   { law: 'nothing spurious', line: 8, message: 'thread 71 injects 31H, which nobody has accepted since line 4, where it was injected last' },
 * ]);
 * assert.equal(unfinished[0]?.state, 'injected');
 * ```
 */
export function checkKvmTrace(events: readonly KvmTraceEvent[], options: KvmTraceCheckOptions = {}): KvmTraceCheck {
  const { wakeWithinNs = 1e9, most = 20 } = options;
  const { threads, ambiguous } = threadsOf(events);
  const accelerated = new Set<number>();
  for (const event of events) {
    const tid = event.event === 'kvm_apicv_accept_irq' ? threads.get(event.target) : undefined;
    if (tid !== undefined) accelerated.add(tid);
  }
  const checks = new Checks(threads, accelerated, new Set(events.map(({ event }) => event)), wakeWithinNs);
  for (const event of events) checks.take(event);
  checks.cut();
  const { broken, unfinished, checked } = checks;
  return {
    broken: broken.sort((a, b) => a.line - b.line).slice(0, most),
    unfinished: unfinished.sort((a, b) => a.line - b.line),
    checked,
    limits: limitsOf(events, ambiguous, accelerated.size),
  };
}
