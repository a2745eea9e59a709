import { exitReasonName } from './exit-reason-name.js';
import type { EventRecord, Trace } from './trace.js';

/** A line of a kernel trace: a tracepoint and its text. */
export interface KvmEvent {
  readonly event: string;
  readonly text: string;
}

/** What the formatters ask of the trace: KVM prints `vcpu_id`, which is the number in the VM. */
type Formatter = (record: EventRecord, vcpuId: (vcpu: number) => number) => KvmEvent | undefined;

const hex = (value: number, digits = 1): string => value.toString(16).padStart(digits, '0');

/** Delivery modes by their bits in an ICR. Linux `arch/x86/kvm/trace.h`. */
const deliveryModes = ['Fixed', 'LowPrio', 'SMI', 'Res3', 'NMI', 'INIT', 'SIPI', 'ExtINT'] as const;
const shorthands = ['dst', 'self', 'all', 'all-but-self'] as const;

function deliveryMode(icr: number): string {
  return deliveryModes[(icr >>> 8) & 7] as string;
}

function apicIpi(icr: number, destination: number): string {
  const words = [
    deliveryMode(icr),
    (icr & 0x800) === 0 ? 'physical' : 'logical',
    (icr & 0x4000) === 0 ? 'de-assert' : 'assert',
    (icr & 0x8000) === 0 ? 'edge' : 'level',
    shorthands[(icr >>> 18) & 3],
  ];
  return `dst ${hex(destination)} vec ${icr & 0xff} (${words.join('|')})`;
}

/** An interrupt as KVM accepts it: its low byte is the vector, the rest as in an ICR. */
function accept(vcpuId: number, interrupt: number): string {
  const trigger = (interrupt & 0x8000) === 0 ? 'edge' : 'level';
  return `apicid ${hex(vcpuId)} vec ${interrupt & 0xff} (${deliveryMode(interrupt)}|${trigger})`;
}

/** A posting in software. The processor's own, in the guest, leaves no trace on a real host either. */
const posted: Formatter = (record, vcpuId) =>
  record.guest ? undefined : { event: 'kvm_apicv_accept_irq', text: accept(vcpuId(record.a), record.b & 0xff) };

/**
 * What a tracepoint of KVM prints, by the kind of event that stands for it. To add one: a line here, and an `observe` in the routine.
 * The layouts are those of Linux 6.12 (`arch/x86/kvm/trace.h`); what a simulator does not have (addresses of instructions,
 * IDT-vectoring and interruption information, error codes) is 0.
 */
const formatters: Readonly<Record<string, Formatter>> = {
  'vm-entry': ({ a }, vcpuId) => ({ event: 'kvm_entry', text: `vcpu ${vcpuId(a)}, rip 0x0` }),
  'vm-exit': ({ vcpu, a, b }, vcpuId) => ({
    event: 'kvm_exit',
    text:
      `vcpu ${vcpuId(vcpu)} reason ${exitReasonName(a)} rip 0x0 info1 0x${hex(b, 16)} info2 0x${hex(0, 16)} ` +
      `intr_info 0x${hex(0, 8)} error_code 0x${hex(0, 8)}`,
  }),
  // Fields: descriptor (that of the virtual CPU of this number), vector.
  posted,
  coalesced: posted,
  // Fields: the low half of the ICR, the destination.
  kvm_apic_ipi: ({ kind, a, b }) => ({ event: kind, text: apicIpi(a, b) }),
  // Fields: the virtual CPU, the interrupt as in an ICR.
  kvm_apic_accept_irq: ({ kind, a, b }, vcpuId) => ({ event: kind, text: accept(vcpuId(a), b) }),
  kvm_apicv_accept_irq: ({ kind, a, b }, vcpuId) => ({ event: kind, text: accept(vcpuId(a), b) }),
  // Fields: the virtual CPU, the vector.
  kvm_eoi: ({ kind, a, b }, vcpuId) => ({ event: kind, text: `apicid ${hex(vcpuId(a))} vector ${b}` }),
  kvm_pv_eoi: ({ kind, a, b }, vcpuId) => ({ event: kind, text: `apicid ${hex(vcpuId(a))} vector ${b}` }),
  // Fields: the MSR, its value.
  kvm_msr_read: ({ a, b }) => ({ event: 'kvm_msr', text: `msr_read ${hex(a)} = 0x${hex(b)}` }),
  kvm_msr_write: ({ a, b }) => ({ event: 'kvm_msr', text: `msr_write ${hex(a)} = 0x${hex(b)}` }),
  // Fields: the vector.
  kvm_inj_virq: ({ kind, a }) => ({ event: kind, text: `IRQ 0x${hex(a)}` }),
  // Fields: the number of the call, its first argument.
  kvm_hypercall: ({ kind, a, b }) => ({ event: kind, text: `nr 0x${hex(a)} a0 0x${hex(b)} a1 0x0 a2 0x0 a3 0x0` }),
};

/** What KVM would have printed of an event, or undefined if it has no tracepoint for it. */
export function kvmEvent(trace: Trace, record: EventRecord): KvmEvent | undefined {
  const formatter = Object.hasOwn(formatters, record.kind) ? formatters[record.kind] : undefined;
  return formatter?.(record, (vcpu) => trace.vcpus[vcpu]?.number ?? vcpu);
}
