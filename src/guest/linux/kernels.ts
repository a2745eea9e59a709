/** What a Linux kernel does as a guest, as far as interrupts between its CPUs go. */
export interface GuestKernelFeatures {
  /** A CPU whose idle task polls is sent no IPI for a function call: its flag is set instead. Commit b2a02fc43a1f. */
  readonly pollingIdleRunsCalls: boolean;
  /** Functions whose caller waits run before the others of a batch. Commit 52103be07d8b. */
  readonly synchronousFirst: boolean;
  /** A broadcast to all others is one ICR write with a shorthand, whatever the APIC's addressing. Commit 6a1cb5f5c641 and the series around it. */
  readonly broadcastShorthand: boolean;
  /** The cpuidle governor and driver haltpoll. */
  readonly haltpoll: boolean;
  /** Call-function IPIs by hypercall. Commit aaffcfd1e82d. */
  readonly pvIpi: boolean;
  /** Shootdowns leave out virtual CPUs that do not run. Commit 858a43aae236. */
  readonly pvTlbFlush: boolean;
  /** After a call-function IPI, a hypercall that lends the processor to a target that does not run. Commit f85f6e7bc9d8. */
  readonly pvSchedYield: boolean;
  /** Shootdowns that free no page tables leave out CPUs whose TLB is lazy. Commit 145f573b89a6. */
  readonly lazyTlb: boolean;
  /** An interrupt on an idle CPU looks for its next timer on the way out. Until 4.16 ('sched: idle: Do not stop the tick before cpuidle_idle_call()'). */
  readonly tickOnIrqExit: boolean;
  /** Where there are retpolines, a switch is a jump through one. Until 5.0 ('x86/retpolines: Disable switch jump tables when retpolines are enabled'; GCC bug 86952). */
  readonly jumpTables: boolean;
  /** The local APIC's driver is called by static calls, and not through pointers. Since 6.6 ('x86/apic: Turn on static calls'). */
  readonly apicStaticCalls: boolean;
}

const v3x10: GuestKernelFeatures = {
  pollingIdleRunsCalls: false,
  synchronousFirst: false,
  broadcastShorthand: false,
  haltpoll: false,
  pvIpi: false,
  pvTlbFlush: false,
  pvSchedYield: false,
  lazyTlb: false,
  tickOnIrqExit: true,
  jumpTables: true,
  apicStaticCalls: false,
};
const v4x18: GuestKernelFeatures = { ...v3x10, pvTlbFlush: true, tickOnIrqExit: false };
const v4x19: GuestKernelFeatures = { ...v4x18, pvIpi: true };
const v5x4: GuestKernelFeatures = {
  ...v4x19,
  pvSchedYield: true,
  lazyTlb: true,
  jumpTables: false,
  broadcastShorthand: true,
  haltpoll: true,
};
const v5x8: GuestKernelFeatures = { ...v5x4, pollingIdleRunsCalls: true, synchronousFirst: true };
const v6x12: GuestKernelFeatures = { ...v5x8, apicStaticCalls: true };

/** Guest kernels by version. */
export const guestKernels = {
  '3.10': v3x10,
  '4.18': v4x18,
  '4.19': v4x19,
  '5.4': v5x4,
  '5.8': v5x8,
  '5.15': v5x8,
  '6.1': v5x8,
  '6.12': v6x12,
} as const satisfies Record<string, GuestKernelFeatures>;

/** A guest kernel that the library knows. */
export type GuestKernelVersion = keyof typeof guestKernels;

/** The guest kernels in order of age. */
export const guestKernelVersions = Object.keys(guestKernels) as [GuestKernelVersion, ...GuestKernelVersion[]];
