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
  /** The same for the VMX-preemption timer. */
  readonly preemptionTimerFastpath: boolean;
}

const none: KernelFeatures = {
  apicv: true,
  ipiVirtualization: false,
  icrFastpath: false,
  tscDeadlineFastpath: false,
  preemptionTimerFastpath: false,
};
const fastpaths = { icrFastpath: true, tscDeadlineFastpath: true, preemptionTimerFastpath: true };

/**
 * Kernel versions and what they have; all of it is on by default where the processor has it too. APICv since 4.1 at the latest;
 * the fastpaths in the run function since 5.8 (commit a9ab13ff6e84 and the series around it); IPI virtualization with the
 * series that was applied in May 2022 (v9, on 5.18), counted here from 5.19.
 */
export const kernels = {
  '4.19': none,
  '5.4': none,
  '5.8': { ...none, ...fastpaths },
  '5.15': { ...none, ...fastpaths },
  '5.19': { ...none, ...fastpaths, ipiVirtualization: true },
  '6.1': { ...none, ...fastpaths, ipiVirtualization: true },
  '6.12': { ...none, ...fastpaths, ipiVirtualization: true },
} as const satisfies Record<string, KernelFeatures>;

/** A kernel version that the library knows. */
export type KernelVersion = keyof typeof kernels;

/** The kernel versions in order of age. */
export const kernelVersions = Object.keys(kernels) as [KernelVersion, ...KernelVersion[]];
