import * as v from 'valibot';
import { kernelVersions } from '../kvm/kernels.js';
import { kernelVersion } from './kernel-version.js';
import { count, nonNegative, positive } from './schema-values.js';

/** Tasks of the host that are no virtual CPUs. */
const load = v.strictObject({
  /** How many such tasks. */
  count: v.optional(count(1, 65_536), 1),
  /** Each computes for so long, then sleeps for so long; 0: never. */
  busyNs: positive,
  idleNs: v.optional(nonNegative, 0),
  /** The logical processors that they may run on. */
  pinning: v.optional(
    v.lazy((input) => (typeof input === 'string' ? v.picklist(['float']) : v.array(count(0, 65_535)))),
    'float',
  ),
  /** -20 (most) to 19 (least). */
  nice: v.optional(v.pipe(v.number(), v.integer(), v.minValue(-20), v.maxValue(19)), 0),
});

/** Interrupts of the host that mean nothing to guests. */
const hostInterrupts = v.strictObject({
  /** A device of the host's own; the scheduler's tick, also where nothing runs; or NMIs, as of `perf` or the watchdog. */
  what: v.picklist(['device', 'tick', 'nmi']),
  /** On each of its processors; for the tick `host.tickHz` if not given. */
  perSecond: v.optional(positive),
  /** How long the handler works beside what any handler costs. */
  handlerNs: v.optional(nonNegative, 1000),
  /** The logical processors that get them. */
  processors: v.optional(
    v.lazy((input) => (typeof input === 'string' ? v.picklist(['all']) : v.array(count(0, 65_535)))),
    'all',
  ),
});

/** The host: its kernel and what is set there. */
export const hostSchema = v.strictObject({
  /** Its version, 3.10 or newer; one between those that are known counts as the nearest. */
  kernel: v.optional(kernelVersion(kernelVersions), '6.1'),
  /** Module parameter `halt_poll_ns` of kvm; 0: no halt polling. */
  haltPollNs: v.optional(nonNegative, 200_000),
  haltPollGrow: v.optional(nonNegative, 2),
  haltPollGrowStart: v.optional(nonNegative, 10_000),
  /** The kernel's default if not given. */
  haltPollShrink: v.optional(nonNegative),
  /** Whether the loop of halt polling has a PAUSE, which leaves the core to its other thread; what the kernel has if not given. */
  haltPollPause: v.optional(v.boolean()),
  /** Whether halt polling stops when the scheduler wants the processor, and not only when another task is ready; what the kernel does if not given. */
  haltPollStopsForResched: v.optional(v.boolean()),
  /** How long a task runs while others wait for its processor; what the kernel makes of the number of processors if not given. */
  sliceNs: v.optional(positive),
  /** Whether a task that wakes up may take the processor from the one that runs. Scheduler feature `WAKEUP_PREEMPTION`. */
  wakeupPreemption: v.optional(v.boolean(), true),
  /** Frequency of the tick, CONFIG_HZ: what bounds how long an idle processor expects to be idle. */
  tickHz: v.optional(count(100, 1000), 250),
  /** How an idle processor waits: in the state that a governor chooses (`mwait`: a waker need not send it an interrupt), in HLT, or in a loop (`idle=poll`). */
  idle: v.optional(v.picklist(['hlt', 'mwait', 'poll']), 'mwait'),
  /** What chooses the idle state. */
  governor: v.optional(v.picklist(['menu', 'teo', 'haltpoll']), 'menu'),
  /** Governor `haltpoll`: the longest that it polls. */
  idlePollNs: v.optional(nonNegative, 200_000),
  /** The C-states that idle processors may use, of those that the profile lists; all by default. */
  cStates: v.optional(
    v.lazy((input) => (Array.isArray(input) ? v.array(v.string()) : v.picklist(['default']))),
    'default',
  ),
  /** By how much a thread is slower while its core's other thread spins in a loop without PAUSE. */
  smtFactor: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(4)), 1.4),
  /** Other work on the host. */
  load: v.optional(v.array(load), []),
  /** Interrupts of its own. */
  interrupts: v.optional(v.pipe(v.array(hostInterrupts), v.maxLength(16)), []),
  /** Pause-loop exiting: module parameters `ple_gap` (0 switches it off), `ple_window` and so on of kvm-intel, in TSC cycles. */
  ple: v.optional(
    v.strictObject({
      gap: v.optional(nonNegative, 128),
      window: v.optional(positive, 4096),
      grow: v.optional(nonNegative, 2),
      shrink: v.optional(nonNegative, 0),
      max: v.optional(positive, 4_294_967_295),
    }),
    {},
  ),
  /** Module parameter `vector_hashing` of kvm: a lowest-priority message goes by its vector; else by turns. */
  vectorHashing: v.optional(v.boolean(), true),
  /** Module parameter `flexpriority` of kvm-intel: an APIC-access page for guests in xAPIC mode. */
  flexpriority: v.optional(v.boolean(), true),
  /** Whether the processor has the TPR shadow, without which it has no APIC virtualization at all. */
  tprShadow: v.optional(v.boolean(), true),
  /** Module parameter `preemption_timer` of kvm-intel. */
  preemptionTimer: v.optional(v.boolean(), true),
  /** Guest timers set early by an advance that adapts (module parameter `lapic_timer_advance` of kvm), not at all, or by so many nanoseconds (`lapic_timer_advance_ns`); what the kernel does by default if not given. */
  timerAdvance: v.optional(v.union([v.boolean(), nonNegative])),
  /** A processor that a host keeps for housekeeping, which isolates the others: it runs posted timers, and those are then on by default. Each virtual CPU's own runs them if not given. */
  housekeeping: v.optional(count(0, 65_535)),
  mitigations: v.optional(v.record(v.string(), v.boolean()), {}),
});
