import { recordKind } from '../engine/records.js';

/** What KVM's routines tell observers. */
export const KvmRecord = {
  /** A virtual CPU begins (1) or ends (0) to be halted. */
  halt: recordKind('halt', 'vcpu', 'begins'),
  /** It begins (1) or ends (0) to poll. */
  haltPoll: recordKind('halt-poll', 'vcpu', 'begins'),
  /** Somebody woke it. Statistic `halt_wakeup`. */
  haltWakeup: recordKind('halt-wakeup', 'vcpu'),
  /** It goes on: after sleep (1) or poll (0). */
  wakeup: recordKind('wakeup', 'vcpu', 'slept'),
  /** KVM sends an IPI: bits 31:0 of the ICR, the destination. Tracepoint `kvm_apic_ipi`. */
  sendIpi: recordKind('send-ipi', 'icr', 'destination'),
  /** A message reaches a local APIC: as bits 31:0 of an ICR. Tracepoint `kvm_apic_accept_irq`. */
  acceptIrq: recordKind('accept-irq', 'vcpu', 'icr'),
  /** It has been posted there. Tracepoint `kvm_apicv_accept_irq`. */
  apicvAcceptIrq: recordKind('apicv-accept-irq', 'vcpu', 'icr'),
  /** A read or write of an MSR has been emulated: bits 31:0 of the value. Tracepoint `kvm_msr`. */
  msrRead: recordKind('msr-read', 'msr', 'value'),
  msrWrite: recordKind('msr-write', 'msr', 'value'),
  /** The same, and it came to a general-protection fault. */
  msrReadFault: recordKind('msr-read-fault', 'msr', 'value'),
  msrWriteFault: recordKind('msr-write-fault', 'msr', 'value'),
  /** KVM injects an interrupt by the next entry: the vector, 100H more if it did so before and the entry was called off. Tracepoint `kvm_inj_virq`. */
  injectVirq: recordKind('inject-virq', 'vcpu', 'vector'),
  /** An exception is made for the guest: its vector, and 1 if it has an error code. Tracepoint `kvm_inj_exception`. */
  injectException: recordKind('inject-exception', 'vector', 'hasErrorCode'),
  /** A virtual CPU enters (1) or leaves (0) system-management mode. Tracepoint `kvm_smm_transition`. */
  smmTransition: recordKind('smm-transition', 'vcpu', 'entering'),
  /** INIT has reset it: nothing is pending or in service any more. */
  reset: recordKind('vcpu-reset', 'vcpu'),
  /** An advanced timer's expiry: cycles after its deadline, before it below 0. Tracepoint `kvm_wait_lapic_expire`. */
  waitLapicExpire: recordKind('wait-lapic-expire', 'vcpu', 'late'),
  /** What stands for the guest's timer: the VMX-preemption timer (1) or one of the host (0). Tracepoint `kvm_hv_timer_state`. */
  hvTimerState: recordKind('hv-timer-state', 'vcpu', 'hv'),
  /** The window of PAUSE-loop exiting changes: from, to. Tracepoint `kvm_ple_window_update`. */
  pleWindow: recordKind('ple-window', 'old', 'new'),
  /** A spinning virtual CPU tried to lend its processor: 1 if that came off. */
  directedYield: recordKind('directed-yield', 'vcpu', 'yielded'),
  /** A hypercall: its number, its first operand. Tracepoints `kvm_hypercall`, `kvm_hv_hypercall`. */
  hypercall: recordKind('hypercall', 'number', 'operand'),
  hvHypercall: recordKind('hv-hypercall', 'input', 'vcpu'),
  /** Hyper-V's call for IPIs: the vector, the mask of processors or of banks. Tracepoints `kvm_hv_send_ipi`, `kvm_hv_send_ipi_ex`. */
  hvSendIpi: recordKind('hv-send-ipi', 'vector', 'mask'),
  /** A virtual CPU is switched in, and 1 if the guest wants its TLB flushed. Tracepoint `kvm_pv_tlb_flush`. */
  pvTlbFlush: recordKind('pv-tlb-flush', 'vcpu', 'needed'),
  /** KVM saw that the guest ended an interrupt by memory. Tracepoint `kvm_pv_eoi`. */
  pvEoi: recordKind('pv-eoi', 'vcpu', 'vector'),
  /** L2 becomes active: its virtual CPU, and RVI and SVI as L1 left them. Tracepoint `kvm_nested_vmenter`. */
  nestedVmenter: recordKind('nested-vmenter', 'vcpu', 'interruptStatus'),
  /** L2 exits to L1: the reason, the interruption information. Tracepoint `kvm_nested_vmexit_inject`. */
  nestedVmexitInject: recordKind('nested-vmexit-inject', 'reason', 'interruptionInformation'),
  /** L1 acknowledges an interrupt, or an NMI (vector 2), by its exit. */
  nestedAcknowledge: recordKind('nested-acknowledge', 'vcpu', 'vector'),
  /** An interrupt for L1 is a notification for L2: it never reaches L1's APIC, or is taken out of it again. */
  nestedNotification: recordKind('nested-notification', 'vcpu', 'vector'),
  nestedNotificationTaken: recordKind('nested-notification-taken', 'vcpu', 'vector'),
  /** A pin of the I/O APIC is asserted: which, and 1 if its last interrupt has not ended. Tracepoint `kvm_ioapic_set_irq`. */
  ioapicSetIrq: recordKind('ioapic-set-irq', 'pin', 'coalesced'),
  /** Who has posted reads the mode of its target: the vector to notify it by, 100H more if it is not in guest mode. */
  modeRead: recordKind('mode-read', 'vcpu', 'notification'),
  /** KVM saw an EOI. */
  eoi: recordKind('eoi', 'vcpu', 'vector'),
} as const;
