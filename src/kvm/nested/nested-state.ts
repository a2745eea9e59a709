import type { MsrBitmap } from '../../arch/msr-bitmap.js';
import type { ApicVmcs } from '../../arch/virtual-processor.js';

/**
 * What KVM knows of the guest (L2) of a guest hypervisor (L1), for one virtual CPU: Linux `struct nested_vmx`. vmcs01, L1's own VMCS, is that
 * of the virtual CPU; vmcs02, with which L2 runs, is that of a virtual CPU of its own, to the processor: with L2's registers, its
 * virtual-APIC page and the descriptor that L1 keeps for it.
 */
export interface NestedState {
  /** The virtual CPU itself, and the one that stands for its L2. */
  l1: number;
  l2: number;
  /** `posted_intr_nv`: L1's notification vector for L2, a copy that others may read; -1 while L2 does not use posted interrupts. */
  postedIntrNv: number;
  /** 1 while a notification for L2 waits to be processed by software. */
  piPending: number;
  /** `nested_run_pending`: 1 from VMRESUME until L2 has been entered: L1 must not see an exit before that. */
  runPending: number;
  /** What has to be done to vmcs01 once L1 runs again: controls of APICv, and SVI. */
  updateVmcs01ApicvStatus: number;
  updateVmcs01HwapicIsr: number;
  /** vmcs12, as far as interrupts go: what L1 made, and what it reads after an exit. */
  vmcs12: ApicVmcs;
  msrBitmap12: MsrBitmap;
  /** Activity state of L2: 0 active, 1 HLT. */
  activity12: number;
  exitReason12: number;
  exitInterruptionInformation12: number;
}
