/**
 * What a Linux kernel's KVM can do, and does by default. Features are named as in a scenario.
 */
export interface KernelFeatures {
  /** APIC virtualization: virtual-interrupt delivery and posted interrupts. Module parameter `enable_apicv`. */
  readonly apicv: boolean;
  /** IPI virtualization. Module parameter `enable_ipiv`. */
  readonly ipiVirtualization: boolean;
  /** A WRMSR of the x2APIC ICR handled right after the exit, with interrupts off. */
  readonly icrFastpath: boolean;
  /** The same for IA32_TSC_DEADLINE. */
  readonly tscDeadlineFastpath: boolean;
  /** Whether the first takes whatever the map of local APICs can tell the targets of, and the second whatever stands for the guest's timer. */
  readonly icrFastpathByMap: boolean;
  readonly deadlineFastpathAlways: boolean;
  /** The instructions that have the number of an MSR in them are offered to guests, and their exits handled. */
  readonly msrImmediate: boolean;
  /** The same for the VMX-preemption timer. */
  readonly preemptionTimerFastpath: boolean;
  /** The same for HLT. */
  readonly hltFastpath: boolean;
  /** The guest's timer on another processor, which posts its interrupt. Module parameter `pi_inject_timer`; off by default. */
  readonly postedTimer: boolean;
  /** Whether the posted timer is chosen for each virtual CPU, and not for all of a host. */
  readonly postedTimerPerVcpu: boolean;
  /** Whether timers are set early by an advance that adapts, by default. */
  readonly timerAdvance: boolean;
  /** Whether the advance can be given by hand. Module parameter `lapic_timer_advance_ns`. */
  readonly timerAdvanceNs: boolean;
  /** Whether the wait for an advanced timer's deadline is before the last preparations for the entry, and not right before it. */
  readonly timerWaitEarly: boolean;
  /** While APICv is inhibited the APIC-access page is unmapped, and each access to it is emulated after an EPT violation. */
  readonly hidesApicPage: boolean;
  /** AVIC is inhibited while its table of logical IDs cannot say who is meant: two virtual CPUs have the same one, or one of several bits. */
  readonly inhibitsAliases: boolean;
  /** Reserved bits in an x2APIC ICR are a general-protection fault. */
  readonly icrReservedFaults: boolean;
  /** SMRAM keeps whether STI or MOV SS blocked interrupts. */
  readonly smmKeepsShadow: boolean;
  /** Hyper-V's calls for IPIs. */
  readonly hypervPvIpi: boolean;
  /** A guest is told of a virtual CPU that is preempted only where no instruction of it is half done. */
  readonly preemptedAtBoundary: boolean;
  /** AVIC for guests in x2APIC mode: x2AVIC where the processor has it, else with their MSRs intercepted. */
  readonly x2avic: boolean;
  /** Default of `halt_poll_ns_shrink`. */
  readonly haltPollShrink: number;
  /** Whether a small halt-polling window grows to its first size at least, and whether one that shrinks below it is dropped. */
  readonly haltPollGrowStart: boolean;
  readonly haltPollDrop: boolean;
  /** Whether the loop of halt polling has a PAUSE, and whether it ends when the scheduler wants the processor. */
  readonly haltPollPause: boolean;
  /** Whether virtual CPUs sleep by rcuwait, and not on a wait queue whose lock their waker holds. */
  readonly rcuwait: boolean;
  /** Whether a virtual CPU that is sent no notification, because it is not in guest mode, is kicked, and not only woken. */
  readonly kicksUnposted: boolean;
  readonly haltPollStopsForResched: boolean;
  /** Whether the descriptor of a virtual CPU that sleeps is changed before it blocks (`pi_pre_block`), and not when it is switched out. */
  readonly blockHooks: boolean;
  /** The vendor's operations are called by static calls, not through pointers. */
  readonly staticCalls: boolean;
  /** The handlers of the most frequent exits are called directly where retpolines are in use. */
  readonly directExits: boolean;
  /** Whether a virtual CPU that is switched out while it is about to sleep does not count as preempted. */
  readonly preemptedByState: boolean;
  /** Whether a VM can have a maximum of its own. KVM_CAP_HALT_POLL. */
  readonly haltPollPerVm: boolean;
  /** Whether the scheduler picks the earliest eligible virtual deadline. */
  readonly eevdf: boolean;
  /** Whether wakers leave the work to an idle processor that shares their cache, too. */
  readonly wakeListIdle: boolean;
}

const v4x19: KernelFeatures = {
  apicv: true,
  ipiVirtualization: false,
  icrFastpath: false,
  tscDeadlineFastpath: false,
  icrFastpathByMap: false,
  deadlineFastpathAlways: false,
  msrImmediate: false,
  preemptionTimerFastpath: false,
  hltFastpath: false,
  postedTimer: false,
  postedTimerPerVcpu: false,
  timerAdvance: false,
  timerAdvanceNs: true,
  timerWaitEarly: true,
  hidesApicPage: false,
  inhibitsAliases: false,
  x2avic: false,
  icrReservedFaults: false,
  smmKeepsShadow: false,
  hypervPvIpi: false,
  preemptedAtBoundary: false,
  haltPollShrink: 0,
  haltPollGrowStart: false,
  haltPollDrop: false,
  haltPollPause: false,
  rcuwait: false,
  kicksUnposted: true,
  blockHooks: true,
  staticCalls: false,
  directExits: false,
  preemptedByState: true,
  haltPollStopsForResched: false,
  haltPollPerVm: false,
  eevdf: false,
  wakeListIdle: false,
};
const v5x4: KernelFeatures = {
  ...v4x19,
  hypervPvIpi: true,
  postedTimer: true,
  timerAdvance: true,
  timerWaitEarly: false,
  haltPollGrowStart: true,
};
const v5x8: KernelFeatures = {
  ...v5x4,
  directExits: true,
  icrFastpath: true,
  tscDeadlineFastpath: true,
  preemptionTimerFastpath: true,
  rcuwait: true,
  haltPollPerVm: true,
};
const v5x15: KernelFeatures = {
  ...v5x8,
  staticCalls: true,
  preemptedByState: false,
  hidesApicPage: true,
  haltPollDrop: true,
  haltPollPause: true,
  haltPollStopsForResched: true,
};
const v5x19: KernelFeatures = {
  ...v5x15,
  kicksUnposted: false,
  blockHooks: false,
  ipiVirtualization: true,
  postedTimerPerVcpu: true,
  preemptedAtBoundary: true,
};
const v6x1: KernelFeatures = { ...v5x19, x2avic: true, wakeListIdle: true };
const v6x12: KernelFeatures = {
  ...v6x1,
  inhibitsAliases: true,
  hltFastpath: true,
  smmKeepsShadow: true,
  icrReservedFaults: true,
  haltPollShrink: 2,
  timerAdvanceNs: false,
  eevdf: true,
};
const v6x18: KernelFeatures = { ...v6x12, icrFastpathByMap: true, deadlineFastpathAlways: true, msrImmediate: true };

/**
 * Kernel versions and what they have; all but the posted timer is on by default where the processor has it too. APICv since 4.1 at the
 * latest; the posted timer since 5.3 (commit 0c5f81dad46c), chosen per virtual CPU since 5.18 (commit 1714a4eb6fb0); an advance of timers
 * that adapts since 4.20 (commit 3b8a5df6c4dc), with its wait right before the entry since 5.3 (commit b6c4bc659ccc), and no longer set by
 * hand since 6.11; the fastpaths in the run
 * function since 5.8 (commit a9ab13ff6e84 and the series around it); that of the ICR by the map, that of IA32_TSC_DEADLINE without a condition and the exits of
 * the immediate forms since 6.18 (series of 5 August 2025, "Fastpath cleanups and PMU prep work", and the one of the immediate forms with it); x2AVIC since
 * 6.0; the HLT fastpath and a shrinking halt-polling window (6.11) shortly before 6.12. Virtual CPUs sleep by rcuwait since 5.8 (commit da4ad88cab58), and their
 * descriptors are changed by put and load since 5.17 (commit d76fb40637fc). Who is not notified is only woken, and not kicked, since 5.17 (commit 0f65a9d33767). Who is preempted is asked of the run queue since 5.14 (commit 3ba9f93b1287).
 * Exit handlers are called directly where retpolines are in use since 5.6 (commit 4289d2728664), vendor operations by static calls since 5.12 (commit
 * b3646477d458). AVIC minds logical IDs that are not one virtual CPU's alone since 6.3. SMRAM keeps blocking by STI since 6.2 (commit fb28875fd7da).
 *
 * IPI virtualization is counted here from 5.19: its series was applied in May 2022 on 5.18 and backported to kernels of that age; mainline has it since 6.0.
 *
 * Halt polling: a first size since 5.1, kept by shrinking windows since 5.15; a maximum by VM since 5.8; the loop ends for the scheduler
 * since 5.13 (commit 262de4102c7b) and has its PAUSE since 5.15 (commit 74775654332b). The scheduler: the wake list for idle processors since 6.0
 * (commit f3dd3f674555), EEVDF since 6.6.
 */
export const kernels = {
  '4.19': v4x19,
  '5.4': v5x4,
  '5.8': v5x8,
  '5.15': v5x15,
  '5.19': v5x19,
  '6.1': v6x1,
  '6.12': v6x12,
  '6.18': v6x18,
} as const satisfies Record<string, KernelFeatures>;

/** A kernel version that the library knows. */
export type KernelVersion = keyof typeof kernels;

/** The kernel versions in order of age. */
export const kernelVersions = Object.keys(kernels) as [KernelVersion, ...KernelVersion[]];
