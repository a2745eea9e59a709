import { exitReasonName } from './exit-reason-name.js';
import type { EventRecord, Trace } from './trace.js';

/** A line of a kernel trace: what happened, the tracepoint, its text. */
export interface KvmEvent {
  readonly record: EventRecord;
  readonly event: string;
  readonly text: string;
}

/** What formatters ask of the trace. */
interface Context {
  /** KVM prints `vcpu_id`: the number in the VM. */
  vcpuId(vcpu: number): number;
  /** What its exit recorded as interruption information; 0 if nothing. */
  interruption(vcpu: number): number;
  /** Nanoseconds since a virtual CPU began to be halted. */
  halted(record: EventRecord): number;
}

type Formatter = (record: EventRecord, context: Context) => readonly [event: string, text: string];

const hex = (value: number, digits = 1): string => value.toString(16).padStart(digits, '0');

/** Delivery modes by their bits in an ICR. Linux `arch/x86/kvm/trace.h`. */
const deliveryModes = ['Fixed', 'LowPrio', 'SMI', 'Res3', 'NMI', 'INIT', 'SIPI', 'ExtINT'] as const;
const shorthands = ['dst', 'self', 'all', 'all-but-self'] as const;

function deliveryMode(icr: number): string {
  return deliveryModes[(icr >>> 8) & 7] as string;
}

function triggerMode(icr: number): string {
  return (icr & 0x8000) === 0 ? 'edge' : 'level';
}

function accepted(event: string): Formatter {
  return ({ a, b }, { vcpuId }) => [
    event,
    `apicid ${hex(vcpuId(a))} vec ${b & 0xff} (${deliveryMode(b)}|${triggerMode(b)})`,
  ];
}

/** The exceptions that are made for guests here. Linux `kvm_trace_sym_exc`. */
function exceptionName(vector: number): string {
  return vector === 13 ? '#GP' : `#${vector}`;
}

/**
 * What KVM's tracepoints print, by the kind of event that stands for them; beside each what `a` and `b` are. To add one: a line here, and
 * an `observe` in the routine. The layouts are those of Linux 6.12 (`arch/x86/kvm/trace.h`, `include/trace/events/kvm.h`); what a
 * simulator does not have (addresses of instructions, IDT-vectoring information, error codes) is 0.
 */
const formatters: Readonly<Record<string, Formatter>> = {
  // The virtual CPU.
  'vm-entry': ({ a }, { vcpuId }) => ['kvm_entry', `vcpu ${vcpuId(a)}, rip 0x0`],
  // Exit reason, exit qualification.
  'vm-exit': ({ vcpu, a, b }, { vcpuId, interruption }) => [
    'kvm_exit',
    `vcpu ${vcpuId(vcpu)} reason ${exitReasonName(a)} rip 0x0 info1 0x${hex(b, 16)} info2 0x${hex(0, 16)} ` +
      `intr_info 0x${hex(interruption(vcpu), 8)} error_code 0x${hex(0, 8)}`,
  ],
  // ICR bits 31:0, destination.
  'send-ipi': ({ a, b }) => [
    'kvm_apic_ipi',
    `dst ${hex(b)} vec ${a & 0xff} (${deliveryMode(a)}|${(a & 0x800) === 0 ? 'physical' : 'logical'}|` +
      `${(a & 0x4000) === 0 ? 'de-assert' : 'assert'}|${triggerMode(a)}|${shorthands[(a >>> 18) & 3]})`,
  ],
  // The virtual CPU, the interrupt as in an ICR.
  'accept-irq': accepted('kvm_apic_accept_irq'),
  'apicv-accept-irq': accepted('kvm_apicv_accept_irq'),
  // The virtual CPU, the vector; 100H more if it is injected again.
  'inject-virq': ({ b }) => ['kvm_inj_virq', `IRQ 0x${hex(b & 0xff)}${b > 0xff ? ' [reinjected]' : ''}`],
  // The virtual CPU, the vector.
  eoi: ({ a, b }, { vcpuId }) => ['kvm_eoi', `apicid ${hex(vcpuId(a))} vector ${b}`],
  // The MSR, its value.
  'msr-read': ({ a, b }) => ['kvm_msr', `msr_read ${hex(a)} = 0x${hex(b)}`],
  'msr-write': ({ a, b }) => ['kvm_msr', `msr_write ${hex(a)} = 0x${hex(b)}`],
  'msr-read-fault': ({ a, b }) => ['kvm_msr', `msr_read ${hex(a)} = 0x${hex(b)} (#GP)`],
  'msr-write-fault': ({ a, b }) => ['kvm_msr', `msr_write ${hex(a)} = 0x${hex(b)} (#GP)`],
  'pv-eoi': ({ a, b }, { vcpuId }) => ['kvm_pv_eoi', `apicid ${hex(vcpuId(a))} vector ${b}`],
  // Window before and after.
  'ple-window': ({ vcpu, a, b }, { vcpuId }) => [
    'kvm_ple_window_update',
    `vcpu ${vcpuId(vcpu)} old ${a} new ${b} (${b < a ? 'shrinked' : 'growed'})`,
  ],
  // The number, the first operand; the others are 0 here.
  hypercall: ({ a, b }) => ['kvm_hypercall', `nr 0x${hex(a)} a0 0x${hex(b)} a1 0x0 a2 0x0 a3 0x0`],
  'hv-send-ipi': ({ a, b }) => ['kvm_hv_send_ipi', `vector ${hex(a)} processor_mask 0x${hex(b)}`],
  'pv-tlb-flush': ({ a, b }, { vcpuId }) => [
    'kvm_pv_tlb_flush',
    `vcpu ${vcpuId(a)} need_flush_tlb ${b === 1 ? 'true' : 'false'}`,
  ],
  // The vector, 1 if there is an error code: it is 0.
  'inject-exception': ({ a, b }) => ['kvm_inj_exception', `${exceptionName(a)}${b === 1 ? ' (0x0)' : ''}`],
  // The virtual CPU, whether it slept.
  wakeup: (record, { halted }) => [
    'kvm_vcpu_wakeup',
    `${record.b === 1 ? 'wait' : 'poll'} time ${halted(record)} ns, polling valid`,
  ],
};

/** What KVM would have printed of the events of a trace, in their order; nothing of those for which it has no tracepoint. */
export function kvmEvents(trace: Trace): KvmEvent[] {
  const haltedSince: number[] = [];
  const interruptions: number[] = [];
  const context: Context = {
    interruption: (vcpu) => interruptions[vcpu] ?? 0,
    vcpuId: (vcpu) => trace.vcpus[vcpu]?.number ?? vcpu,
    halted: ({ a, time }) => Math.round((time - (haltedSince[a] ?? time)) / trace.tscGhz),
  };
  const events: KvmEvent[] = [];
  for (const record of trace.events) {
    if (record.kind === 'halt' && record.b === 1) haltedSince[record.a] = record.time;
    if (record.kind === 'exit-interruption') interruptions[record.a] = record.b;
    if (!Object.hasOwn(formatters, record.kind)) continue;
    const [event, text] = (formatters[record.kind] as Formatter)(record, context);
    events.push({ record, event, text });
    if (record.kind === 'vm-exit') interruptions[record.vcpu] = 0;
  }
  return events;
}
