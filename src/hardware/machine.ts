import type { ApicMemory } from '../arch/apic-memory.js';
import type { Bits256 } from '../arch/bits256.js';
import type { MsrBitmap } from '../arch/msr-bitmap.js';
import type { VirtualProcessor } from '../arch/virtual-processor.js';
import { notation } from '../engine/routine.js';
import type { Machine, Processor } from '../engine/state.js';
import type { InterruptTable } from './interrupt-table.js';

/** A physical local APIC, as far as interrupts from the bus need it. The host's APICs are in x2APIC mode. */
export interface PhysicalApic {
  /** Physical APIC ID. */
  id: number;
  irr: Bits256;
  isr: Bits256;
}

/** A logical processor: engine state, its local APIC, and its VMX state. */
export interface LogicalProcessor extends Processor {
  apic: PhysicalApic;
  /** 1 in VMX non-root operation. */
  nonRoot: number;
  /** The virtual CPU whose VMCS is current, -1 for none. */
  vcpu: number;
  /** The thread that runs in root operation. */
  hostThread: number;
}

/** What a VM exit recorded in the VMCS. SDM vol. 3C, "VM-Exit Information Fields". */
export interface ExitInformation {
  reason: number;
  qualification: number;
  /** VM-exit interruption information; bit 31 says whether it is valid. */
  interruptionInformation: number;
  /** Operand of the instruction that exited: the MSR (WRMSR, RDMSR) and EDX:EAX. KVM reads them from the guest's registers. */
  msr: number;
  low: number;
  high: number;
}

/** A virtual CPU as the processor knows it: VMCS, virtual-APIC page, guest context. */
export interface VirtualCpu extends VirtualProcessor {
  id: number;
  /** Index in `machine.vms`. */
  vm: number;
  /** The thread of its guest context. */
  thread: number;
  /** Index of its posted-interrupt descriptor in `memory.descriptors`. */
  pid: number;
  msrBitmap: MsrBitmap;
  exit: ExitInformation;
  /** The cache line of its posted-interrupt descriptor. */
  descriptorLine: number;
  /** The guest's IDT. */
  guestInterrupts: InterruptTable;
}

/** The machine as the hardware room knows it. */
export interface HardwareMachine extends Machine {
  processors: LogicalProcessor[];
  vcpus: VirtualCpu[];
  memory: ApicMemory;
  /** The host's IDT, the same on every processor. */
  hostInterrupts: InterruptTable;
}

/** The notation of this room's routines. */
export const hardware = notation<HardwareMachine, LogicalProcessor>();

/** The virtual CPU whose VMCS is current on a processor. */
export function currentVcpu<V extends VirtualCpu>(machine: { vcpus: V[] }, processor: LogicalProcessor): V {
  return machine.vcpus[processor.vcpu] as V;
}
