import { notation } from '../engine/routine.js';
import type { HardwareMachine, LogicalProcessor, VirtualCpu } from '../hardware/machine.js';

/** `vcpu->mode`. Linux `include/linux/kvm_host.h`. */
export const VcpuMode = { outsideGuestMode: 0, inGuestMode: 1, exitingGuestMode: 2 } as const;

/** What a fastpath came to. Linux `enum exit_fastpath_completion`. */
export const Fastpath = { none: 0, reenterGuest: 1, exitHandled: 2 } as const;

/** A virtual CPU as KVM knows it. */
export interface KvmVcpu extends VirtualCpu {
  /** {@link VcpuMode}. */
  mode: number;
  /** `vcpu->requests`, as bits. */
  requests: number;
  /** `vcpu->cpu`: the processor on which it is loaded. */
  cpu: number;
  /** 1 while APICv is active on it. */
  apicvActive: number;
  /** The cache line that holds `mode`. */
  modeLine: number;
}

/** A VM as KVM knows it. */
export interface KvmVm {
  /** 1 if its guest has the local APICs in x2APIC mode, 0 for xAPIC mode. */
  x2apic: number;
  /** The local-APIC map: virtual CPU by APIC ID, -1 for none. Linux `struct kvm_apic_map`. */
  apicMap: number[];
  /** 1 if the ICR fastpath is in use. */
  icrFastpath: number;
}

/** The machine as KVM knows it. */
export interface KvmMachine extends HardwareMachine {
  vcpus: KvmVcpu[];
  vms: KvmVm[];
}

/** The notation of this room's routines. */
export const kvm = notation<KvmMachine, LogicalProcessor>();

/** Physical vectors that KVM uses. Linux `arch/x86/include/asm/irq_vectors.h`. */
export const HostVector = { postedInterrupt: 0xf2, postedInterruptWakeup: 0xf1, postedInterruptNested: 0xf0 } as const;
