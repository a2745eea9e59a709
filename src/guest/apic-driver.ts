import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { apicPageRead, apicPageWrite } from '../hardware/apic-page-access.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { Record } from '../hardware/records.js';
import { type GuestMachine, guest, guestMemory } from './machine.js';
import { writeMsr } from './msr.js';
import { kvmGuestApicEoiWrite } from './paravirt.js';

const { program, stage, glue } = guest;

const ICR_LOW = 0x300;
const ICR_HIGH = 0x310;
const EOI = 0x0b0;
const BUSY = 0x1000;

/** Sends an IPI through the xAPIC: waits for the delivery status, writes ICR high, then low. kvm-unit-tests `xapic_icr_write`. */
export const xapicIcrWrite = program('xapic_icr_write', () => ({ value: 0, destination: 0 }), [
  glue('read-icr', (m, cpu) => {
    call(m, cpu, apicPageRead).offset = ICR_LOW;
  }),
  glue('test-busy', (_m, _cpu, _f, icr) => ((icr & BUSY) === 0 ? undefined : 'read-icr'), { to: ['read-icr'] }),
  glue('write-icr2', (m, cpu, f) => {
    const store = call(m, cpu, apicPageWrite);
    store.offset = ICR_HIGH;
    store.value = (f.destination << 24) >>> 0;
  }),
  glue('write-icr', (m, cpu, f) => {
    const store = call(m, cpu, apicPageWrite);
    store.offset = ICR_LOW;
    store.value = f.value;
    observe(m, Record.ipiSent, cpu.vcpu, f.value & 0xff);
  }),
]);

/** Sends an IPI through the x2APIC: a fence, then one WRMSR. kvm-unit-tests `x2apic_icr_write`. */
export const x2apicIcrWrite = program('x2apic_icr_write', () => ({ value: 0, destination: 0 }), [
  stage('mfence', 'mfence', shared, () => {}),
  glue('wrmsr-icr', (m, cpu, f) => {
    writeMsr(m, cpu, 0x830, f.value, f.destination);
    observe(m, Record.ipiSent, cpu.vcpu, f.value & 0xff);
  }),
]);

/** `apic_icr_write` through the guest's `apic_ops`. */
export function apicIcrWrite(
  machine: GuestMachine,
  processor: LogicalProcessor,
  value: number,
  destination: number,
): undefined {
  const write = call(machine, processor, guestMemory(machine, processor).x2apic === 1 ? x2apicIcrWrite : xapicIcrWrite);
  write.value = value;
  write.destination = destination;
}

/** `apic_write(APIC_EOI, 0)` through the guest's `apic_ops`. */
export function apicEoi(machine: GuestMachine, processor: LogicalProcessor): void {
  if (machine.paravirt[processor.vcpu]?.eoi === 1) {
    call(machine, processor, kvmGuestApicEoiWrite);
  } else if (guestMemory(machine, processor).x2apic === 1) {
    writeMsr(machine, processor, 0x80b, 0);
  } else {
    call(machine, processor, apicPageWrite).offset = EOI;
  }
}

/** Sends a self-IPI by the ICR's shorthand, in either mode. kvm-unit-tests `apic_self_ipi`. */
export function apicSelfIpi(machine: GuestMachine, processor: LogicalProcessor, vector: number): undefined {
  return apicIcrWrite(machine, processor, 0x4_4000 | vector, 0);
}

/** Sends a self-IPI by the register that x2APIC mode has for it. kvm-unit-tests `x2apic_self_ipi`. */
export function x2apicSelfIpi(machine: GuestMachine, processor: LogicalProcessor, vector: number): undefined {
  writeMsr(machine, processor, 0x83f, vector);
  observe(machine, Record.ipiSent, processor.vcpu, vector);
}
