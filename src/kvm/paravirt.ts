/** What a virtual CPU and the hypervisor share in guest memory: the binary interface of KVM's and Hyper-V's paravirtual calls. Plain data. */
export interface ParavirtMemory {
  /** `preempted` of the steal-time record: masks of {@link Preempted}. */
  preempted: number;
  /** Bit 0 of the word of MSR_KVM_PV_EOI_EN: the guest may end the interrupt in service by clearing it. */
  eoi: number;
  /** The input page of a Hyper-V hypercall, in 32-bit words. */
  input: number[];
  /** Times that the hypervisor has flushed its TLB on its own. */
  tlbFlushes: number;
  /** The cache line of the steal-time record. */
  line: number;
}

/** Bits of the steal-time record's `preempted`. Linux `arch/x86/include/uapi/asm/kvm_para.h`. */
export const Preempted = { preempted: 1, flushTlb: 2 } as const;

/** KVM's hypercalls. Linux `include/uapi/linux/kvm_para.h`. */
export const Hypercall = { kickCpu: 5, sendIpi: 10, schedYield: 11 } as const;

/** Hyper-V's hypercalls for IPIs, and the bit of the input value that says that the operands are in registers. */
export const HvCall = { sendIpi: 0x0b, sendIpiEx: 0x15, fast: 0x1_0000 } as const;

/** What KVM's hypercalls return that fail, as the 32 bits that a guest of this library looks at: -1000, -22. */
export const HypercallError = { noSuchCall: 0xffff_fc18, invalid: 0xffff_ffea } as const;

/** What Hyper-V's hypercalls return. */
export const HvStatus = { success: 0, invalidCode: 2, invalidInput: 3 } as const;

/** Memory as a guest finds it before it has set anything up. */
export function createParavirtMemory(line: number): ParavirtMemory {
  return { preempted: 0, eoi: 0, input: [], tlbFlushes: 0, line };
}
