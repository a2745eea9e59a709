import type { ApicMemory } from '../arch/apic-memory.js';
import type { AvicTables } from '../arch/avic-tables.js';
import type { Bits256 } from '../arch/bits256.js';
import type { MsrBitmap } from '../arch/msr-bitmap.js';
import type { VirtualProcessor } from '../arch/virtual-processor.js';
import { notation } from '../engine/routine.js';
import type { Machine, Processor } from '../engine/state.js';
import type { InterruptTable } from './interrupt-table.js';
import type { TimerUse } from './timer-uses.js';

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
  /** The idle state in which the host has it halted (HLT or MWAIT), an index in `idleStates`, 0 while it runs: the next interrupt first ends that. */
  halted: number;
  /** 1 while it spins in a loop without PAUSE, which slows its core's other thread. */
  spinning: number;
  /**
   * 1 if the next VM entry has to flush the L1 data cache: something ran since the last one that may have left secrets there. -1 where nobody asks. Linux
   * `kvm_cpu_l1tf_flush_l1d`, `l1tf_flush_l1d`.
   */
  flushL1d: number;
  /** 1 while a non-maskable interrupt is pending. */
  nmi: number;
  /** Timers of its local timer that have expired and have not been handled, oldest first. */
  expiredTimers: number[];
}

/** What a VM exit recorded in the VMCS. SDM vol. 3C, "VM-Exit Information Fields". */
export interface ExitInformation {
  reason: number;
  qualification: number;
  /** VM-exit interruption information; bit 31 says whether it is valid. */
  interruptionInformation: number;
  /** Operand of the instruction that exited: the MSR (WRMSR, RDMSR), the number of a hypercall or a control register's value, and EDX:EAX. KVM reads them from the guest's registers. */
  msr: number;
  low: number;
  high: number;
  /** Of a hypercall: its registers in order, in 32-bit halves. */
  operands: number[];
  /** Of an access to the page of the APIC's registers that software has to emulate: 1 read, 2 write; its offset. */
  access: number;
  offset: number;
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
  /** Notified when something is posted to it: the channel of the processor it is loaded on. */
  channel: number;
  /** The guest's IDT: handlers by vector; above 255 what hypervisor or guest define. */
  guestInterrupts: InterruptTable;
  /** VM-entry interruption information: the event to inject with the next VM entry; bit 31 says whether there is one. */
  entryInterruption: number;
  /** 1 while its guest spins in a loop with PAUSE; the timer for that loop, -1 for none; and PLE_Window, in cycles. */
  pauseLoop: number;
  pauseTimer: number;
  pleWindow: number;
  /** The timer that stands for its VMX-preemption timer, -1 for none. */
  preemptionTimer: number;
  /** VMX-preemption timer-value: what it counts down from at the next VM entry, in its own ticks. */
  preemptionTimerValue: number;
  /** 1 on an AMD processor: SVM, and VMCB instead of VMCS. */
  svm: number;
  /** 1 while AVIC is enabled in its VMCB, and 1 if x2APIC MSRs then go to hardware, too. */
  avic: number;
  x2avic: number;
  /** Its index in the physical APIC ID table. */
  avicIndex: number;
  /** V_TPR of the VMCB: the priority class that the guest's CR8 has. */
  vTpr: number;
}

/**
 * What EPT says of the guest-physical page of the APIC's registers: nothing, that each access is a misconfiguration, or that it is the
 * APIC-access page.
 */
export const ApicPageMapping = { notPresent: 0, misconfigured: 1, accessPage: 2 } as const;

/** A state of an idle processor. Times in cycles. */
export interface IdleState {
  /** How much longer than leaving the lightest halted state it takes to leave it. */
  exitLatency: number;
  /** How long the processor has to be idle for it to pay. */
  targetResidency: number;
}

/** The machine as the hardware room knows it. */
export interface HardwareMachine extends Machine {
  processors: LogicalProcessor[];
  vcpus: VirtualCpu[];
  memory: ApicMemory;
  /** The host's IDT, the same on every processor. */
  hostInterrupts: InterruptTable;
  /** The first stage of what runs on the way out of an interrupt's handler (saved by name), -1 for nothing. */
  interruptExit: number;
  /** The states of an idle processor: the first polls, the second is the lightest that halts. */
  idleStates: IdleState[];
  /** Threads of a core, whose numbers follow one another. */
  threadsPerCore: number;
  /** By timer: what it is for. */
  timerUses: TimerUse[];
  /** By VM: the tables of AVIC. */
  avicTables: AvicTables[];
  /** By VM: {@link ApicPageMapping}. */
  apicPageMapping: number[];
}

/** The notation of this room's routines. */
export const hardware = notation<HardwareMachine, LogicalProcessor>();

/** The virtual CPU whose VMCS is current on a processor. */
export function currentVcpu<V extends VirtualCpu>(machine: { vcpus: V[] }, processor: LogicalProcessor): V {
  return machine.vcpus[processor.vcpu] as V;
}
