import type { ApicMode } from '../arch/apic-mode.js';
import type { PostedInterruptDescriptor } from '../arch/posted-interrupt-descriptor.js';
import { notation } from '../engine/routine.js';
import { location } from '../engine/store-buffer.js';
import type { LogicalProcessor, VirtualCpu } from '../hardware/machine.js';
import type { HostMachine } from '../host/machine.js';
import type { NestedState } from './nested/nested-state.js';
import type { ParavirtMemory } from './paravirt.js';

/** `vcpu->mode`. Linux `include/linux/kvm_host.h`. */
export const VcpuMode = { outsideGuestMode: 0, inGuestMode: 1, exitingGuestMode: 2 } as const;

/** What a fastpath came to. Linux `enum exit_fastpath_completion`. */
export const Fastpath = { none: 0, reenterGuest: 1, exitHandled: 2 } as const;

/** `vcpu->arch.mp_state`. Linux `include/uapi/linux/kvm.h`. */
export const MpState = { runnable: 0, uninitialized: 1, initReceived: 2, halted: 3 } as const;

/** `vcpu->requests`, as masks. Linux `KVM_REQ_*`. */
export const VcpuRequest = {
  event: 0x1,
  unblock: 0x2,
  nmi: 0x4,
  smi: 0x8,
  apicvUpdate: 0x10,
  scanIoapic: 0x20,
  loadEoiExitmap: 0x40,
  migrateTimer: 0x1000,
} as const;

/** `apic->pending_events`, as masks. Linux `KVM_APIC_INIT`, `KVM_APIC_SIPI`. */
export const PendingEvent = { init: 1, sipi: 2 } as const;

/** A virtual CPU as KVM knows it. */
export interface KvmVcpu extends VirtualCpu {
  /** `vcpu->vcpu_id`, within its VM. */
  vcpuId: number;
  /** The task of its thread. */
  task: number;
  /** {@link VcpuMode}. */
  mode: number;
  /** {@link VcpuRequest}. */
  requests: number;
  /** `vcpu->cpu`: the processor on which it is loaded, or was last. */
  cpu: number;
  /** 1 while it is loaded there. */
  loaded: number;
  /** 1 if it was runnable when it was switched out. */
  preempted: number;
  /** 1 while APICv is active on it. */
  apicvActive: number;
  /** {@link MpState}. */
  mpState: number;
  /** 1 while `vcpu->wait` names its task: whoever wants to wake it finds it there. */
  waiter: number;
  /** 1 while the lock of its wait queue is held; kernels with rcuwait have none. */
  waitLock: number;
  /** The processor on whose list of sleeping virtual CPUs it is, -1 for none. Linux `vmx->pi_wakeup_list`. */
  wakeupList: number;
  /** `apic->irr_pending`: IRR may hold something. Always 1 while APICv is active. */
  irrPending: number;
  /** {@link PendingEvent}. */
  pendingEvents: number;
  /** Vector of the SIPI that is pending or was last. */
  sipiVector: number;
  /** 1 after KVM_HC_KICK_CPU, until it runs. */
  pvUnhalted: number;
  /** NMIs sent and not seen by the virtual CPU's own thread (`nmi_queued`), and those to inject (`nmi_pending`). */
  nmiQueued: number;
  nmiPending: number;
  /** 1 while an SMI is to be taken; 1 in system-management mode; 1 if NMIs were masked when it went there. Linux `smi_pending`, `HF_SMM_MASK`, `HF_SMM_INSIDE_NMI_MASK`. */
  smiPending: number;
  smm: number;
  smmInsideNmiMask: number;
  /** What SMRAM has of its state, as far as interrupts go: RFLAGS.IF, blocking by STI and MOV SS. */
  smram: { interruptFlag: number; shadow: number };
  /** 1 if the guest has to exit as soon as what is injected has been delivered: an event waits behind that. Linux `req_immediate_exit`. */
  immediateExit: number;
  /** The event that was acknowledged but perhaps not delivered, as interruption information; 0 for none. */
  injected: number;
  /** The exception that its instruction has come to, to inject with the next entry, as interruption information; 0 for none. */
  exception: number;
  /** `apic_arb_prio`: lowest-priority messages that it has had. */
  arbitration: number;
  /** `spin_loop`: 1 while it handles a PAUSE exit, and whether others may be yielded to it then. */
  inSpinLoop: number;
  dyEligible: number;
  /** 1 if its last exit left no instruction half done: only then the guest may be told that it was preempted. */
  atInstructionBoundary: number;
  /** 1 while KVM has offered the guest to end the interrupt in service by memory. Linux `KVM_APIC_PV_EOI_PENDING`. */
  pvEoiPending: number;
  /** The highest vector whose EOI is intercepted only for an interrupt of a pin that goes to somebody else now; -1 for none. Linux `highest_stale_pending_ioapic_eoi`. */
  highestStaleEoi: number;
  /** 1 while a signal is pending for its thread: KVM_RUN returns to user space. */
  signalPending: number;
  /** 1 while its thread waits in user space. */
  stopped: number;
  /** Mode of its local APIC, {@link ApicMode}. */
  apicMode: ApicMode;
  /** Halt-polling window, in cycles. Linux `vcpu->halt_poll_ns`. */
  haltPoll: number;
  /** 0 if the guest polls itself and has told KVM not to. MSR_KVM_POLL_CONTROL, bit 0. */
  pollControl: number;
  /** The timer that ends halt polling. */
  pollTimer: number;
  /** Its APIC timer. */
  lapicTimer: LapicTimer;
  /** The cache line that holds `mode`, `requests` and `wait`. */
  modeLine: number;
  /** The line of `vcpu->arch` that has CR2, which each exit stores, and what a sender reads: `hflags`, `apic_base`, `apic`, `apicv_active`. */
  archLine: number;
  /** 1 while its guest's guest is active. Linux `is_guest_mode`. */
  guestMode: number;
  /** Its place in `machine.nested` if it has VMX or stands for an L2, else -1. */
  nested: number;
}

/** Linux `struct kvm_timer`. Times are guest TSC cycles. */
export interface LapicTimer {
  /** The timer of the machine that runs as hrtimer, and the one that stands for the VMX-preemption timer. */
  hrtimer: number;
  /** The deadline that the guest set, or its count stands for; 0 for none. */
  deadline: number;
  /** What the initial count stands for; 0 for none, and in TSC-deadline mode. */
  period: number;
  /** By what the clock is divided, as the last period was made. Linux `divide_count`. */
  divisor: number;
  /** When the hrtimer expires, if it is armed. */
  expires: number;
  /** 1 while the VMX-preemption timer stands for it. */
  hvInUse: number;
  /** Expiries not yet made interrupts. */
  pending: number;
  /** `timer_advance_ns`, in cycles. */
  advance: number;
  /** The deadline of the last expiry, for the wait before entry; 0 for none. */
  expiredDeadline: number;
}

/** A pin of the I/O APIC: its redirection entry and the level of its line. */
export interface IoapicPin {
  /** As bits 31:0 of an ICR: vector, delivery mode, destination mode, trigger mode; bit 16 masks. */
  low: number;
  destination: number;
  /** 1 from a level-triggered interrupt's delivery to its EOI. */
  remoteIrr: number;
  /** 1 while the line is asserted. */
  line: number;
  /** EOIs in a row that found the line asserted. Linux `irq_eoi`. */
  successiveEois: number;
  /** 1 if the EOI de-asserts the line, for a device that asserts it again if it has to. Linux `kvm_irqfd_resampler`. */
  resample: number;
}

/** A device assigned to a VM, and how its interrupt gets there. */
export interface AssignedDevice {
  vm: number;
  /** Its timer: the device's next interrupt; and the cycles from an acknowledgement to that. */
  timer: number;
  interval: number;
  /** 1 if the IOMMU posts its messages. */
  posted: number;
  /** Its message as bits 31:0 of an ICR, to this virtual CPU. */
  low: number;
  target: number;
  /** The pin of the I/O APIC that its line is, -1 for messages. */
  pin: number;
  /** The processor that takes its interrupt for the host, the vector there, the task that asserts the line, and 1 while that has to. */
  processor: number;
  hostVector: number;
  worker: number;
  pending: number;
}

/** A VM as KVM knows it. */
export interface KvmVm {
  /** Its virtual CPUs, by `vcpu_idx`. */
  vcpus: number[];
  /** The local-APIC map: virtual CPU by physical APIC ID, -1 for none. Linux `struct kvm_apic_map`. */
  apicMap: number[];
  /** Virtual CPU by 16 × cluster + bit of logical ID, -1 for none. */
  logicalMap: number[];
  /** {@link LogicalMode}. */
  logicalMode: number;
  /** The pins of its I/O APIC. */
  ioapic: IoapicPin[];
  /** EOIs in a row that may find a line asserted and deliver again at once, and the timer for what has to wait then (-1 before there is a level-triggered entry). */
  successiveIrqMax: number;
  eoiInject: number;
  /** 1 if an EOI that was intercepted for an old route alone is the last one (since 6.15, commit 87e4951e250b). */
  rescansStaleEoi: number;
  /** Reasons against APICv, one bit each. */
  apicvInhibits: number;
  /** Interrupts that an IOMMU may post to it. */
  bypassCount: number;
  /** Physical address of its PID-pointer table, and how many ids that is for (`max_vcpu_ids`). */
  pidTableAddress: number;
  maxVcpuIds: number;
  /** 1 if its guest gets an APIC-access page. Module parameter `flexpriority`, on processors that have it. */
  flexpriority: number;
  /** 1 if the processor has the TPR shadow: it shows MOV to and from CR8 nobody. */
  tprShadow: number;
  /** 1 if the kernel unmaps the APIC-access page while APICv is inhibited. */
  hidesApicPage: number;
  /** 1 if AVIC is inhibited while the map of logical IDs cannot say who is meant. */
  inhibitsAliases: number;
  /** 1 if a lowest-priority message goes by its vector, 0 if by turns. Module parameter `vector_hashing` of kvm. */
  vectorHashing: number;
  /** 1 if the kernel minds reserved bits in an x2APIC ICR. */
  icrReservedFaults: number;
  /** 1 if blocking by STI and MOV SS is kept in SMRAM. */
  smmKeepsShadow: number;
  /** What it may use, each 0 or 1: decided when it is made. */
  apicv: number;
  ipiVirtualization: number;
  /** 1 on an AMD host, where `apicv` says AVIC; 1 if it has x2AVIC. */
  svm: number;
  x2avic: number;
  icrFastpath: number;
  tscDeadlineFastpath: number;
  /** 1 if the ICR fastpath takes whatever the map of local APICs can tell; 1 if that of IA32_TSC_DEADLINE does not ask for the VMX-preemption timer. */
  icrFastpathByMap: number;
  deadlineFastpathAlways: number;
  preemptionTimerFastpath: number;
  hltFastpath: number;
  /** 1 if the VMX-preemption timer may stand for the guest's APIC timer. Module parameter `preemption_timer`. */
  preemptionTimer: number;
  /** Posted timer: {@link PostedTimer}; the processor that then runs the guest's timers. */
  postedTimer: number;
  timerProcessor: number;
  /** {@link TimerAdvance}; the advance that timers begin with, in cycles; 1 if the wait for the deadline is before the last preparations for an entry. */
  timerAdvance: number;
  timerAdvanceCycles: number;
  timerWaitEarly: number;
  /** Cycles of the time-stamp counter per tick of the APIC timer's clock and per microsecond. */
  apicTick: number;
  cyclesPerMicrosecond: number;
  /** What its guest may do without an exit: KVM_CAP_X86_DISABLE_EXITS. */
  hltInGuest: number;
  mwaitInGuest: number;
  pauseInGuest: number;
  /** Pause-loop exiting: 1 if the processor does it, its window in cycles, and how that changes. */
  ple: number;
  pleWindow: number;
  pleWindowGrow: number;
  pleWindowShrink: number;
  pleWindowMax: number;
  /** The virtual CPU, by its place in the VM, that a spinning one was lent to last. */
  lastBoosted: number;
  /** What of the paravirtual interface the guest was offered. */
  pvIpi: number;
  pvTlbFlush: number;
  pvUnhalt: number;
  pvSchedYield: number;
  pvEoi: number;
  hypervPvIpi: number;
  /** 1 if the guest is told that a virtual CPU is preempted only where no instruction of it is half done. */
  preemptedAtBoundary: number;
  /** Halt polling: window's maximum and first size in cycles, factors. */
  haltPollMax: number;
  haltPollGrow: number;
  haltPollGrowStart: number;
  haltPollShrink: number;
  /** What the first size is to other windows: `HaltPollFloor`. */
  haltPollFloor: number;
  /** 1 if the loop of halt polling has a PAUSE, and if it ends when the scheduler wants the processor. */
  haltPollPause: number;
  /** 1 if the descriptor of who sleeps is changed before it blocks, and not when it is switched out. */
  blockHooks: number;
  /** Where indirect calls are left that a retpoline makes dear: 1 if those of the vendor's operations are static, 1 if frequent exits are called directly. */
  staticCalls: number;
  directExits: number;
  /** 1 if one that is switched out while it is about to sleep does not count as preempted. */
  preemptedByState: number;
  /** 1 if virtual CPUs sleep by rcuwait, 0 if on a wait queue with a lock. */
  rcuwait: number;
  /** 1 if one that is sent no notification is kicked, 0 if it is only woken. */
  kicksUnposted: number;
  haltPollStopsForResched: number;
}

/** When an expiring timer is posted by another processor: never, for each virtual CPU that halts without an exit, or (older kernels) for all. */
export const PostedTimer = { off: 0, perVcpu: 1, global: 2 } as const;

/** Whether timers are set early by what the way to the guest takes, so much as has proved right (adaptive) or a fixed time. Module parameters `lapic_timer_advance_ns`, since 6.11 `lapic_timer_advance`. */
export const TimerAdvance = { off: 0, adaptive: 1, fixed: 2 } as const;

/** How the logical APIC IDs of a VM can be looked up. Linux `enum kvm_apic_logical_mode`. */
export const LogicalMode = { disabled: 0, flat: 1, cluster: 2, x2apic: 3, mapDisabled: 4 } as const;

/** The machine as KVM knows it. */
export interface KvmMachine extends HostMachine {
  vcpus: KvmVcpu[];
  vms: KvmVm[];
  /** Devices that were given to VMs. */
  devices: AssignedDevice[];
  /** By processor: the virtual CPUs that sleep there and are woken by the wakeup vector. */
  wakeupLists: number[][];
  /** What KVM knows of guests of guests: one for each virtual CPU that has VMX. */
  nested: NestedState[];
  /** By virtual CPU: the memory that guest and hypervisor share. */
  paravirt: ParavirtMemory[];
  /** What the host does against speculation at each entry and exit: masks of {@link Mitigation}. */
  mitigations: number;
}

/** Mitigations, by when they are paid: two before the entry, one around the guest. */
export const Mitigation = { l1dFlush: 1, mds: 2, ibrs: 4, bhb: 8, retpoline: 16, l1dFlushCond: 32 } as const;

/** The notation of this room's routines. */
export const kvm = notation<KvmMachine, LogicalProcessor>();

/** Physical vectors that KVM uses. Linux `arch/x86/include/asm/irq_vectors.h`. */
export const HostVector = { postedInterrupt: 0xf2, postedInterruptWakeup: 0xf1, postedInterruptNested: 0xf0 } as const;

/** `vcpu->mode`, of which the order of plain stores and loads matters. */
export const vcpuMode = location<KvmMachine>('vcpu.mode', {
  get: (machine, vcpu) => (machine.vcpus[vcpu] as KvmVcpu).mode,
  set: (machine, vcpu, mode) => {
    (machine.vcpus[vcpu] as KvmVcpu).mode = mode;
  },
});

/** The virtual CPU of that number. */
export function vcpuOf(machine: KvmMachine, vcpu: number): KvmVcpu {
  return machine.vcpus[vcpu] as KvmVcpu;
}

/** The VM of a virtual CPU. */
export function vmOf(machine: KvmMachine, vcpu: KvmVcpu): KvmVm {
  return machine.vms[vcpu.vm] as KvmVm;
}

/** The posted-interrupt descriptor of a virtual CPU. */
export function descriptorOf(machine: KvmMachine, vcpu: KvmVcpu): PostedInterruptDescriptor {
  return machine.memory.descriptors[vcpu.pid] as PostedInterruptDescriptor;
}

/** `kvm_make_request`: a locked bit operation. */
export function makeRequest(vcpu: KvmVcpu, request: number): void {
  vcpu.requests |= request;
}
