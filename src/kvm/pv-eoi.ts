import { highestBit } from '../arch/bits256.js';
import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { currentVcpu } from '../hardware/machine.js';
import { kvmLapicRegWrite } from './lapic-write.js';
import { type KvmMachine, type KvmVcpu, type KvmVm, kvm, vmOf } from './machine.js';
import type { ParavirtMemory } from './paravirt.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;

const level = 0x8000;

/** True if the I/O APIC waits for the EOI of a vector. Linux `kvm_ioapic_handles_vector`. */
function ioapicHandles(vm: KvmVm, vector: number): boolean {
  return vm.ioapic.some(({ low }) => (low & level) !== 0 && (low & 0xff) === vector);
}

/**
 * True if the guest may end the interrupt in service by memory: one is in service whose EOI nobody waits for, and nothing else is pending
 * that the EOI would let through. Never with APICv active, under which something counts as pending always. Linux
 * `apic_sync_pv_eoi_to_guest`.
 */
export function mayOfferPvEoi(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  const inService = highestBit(vcpu.page.isr);
  return vm.pvEoi === 1 && vcpu.irrPending === 0 && inService >= 0 && !ioapicHandles(vm, inService);
}

/** Offers it. */
export function offerPvEoi(machine: KvmMachine, vcpu: KvmVcpu): void {
  (machine.paravirt[vcpu.id] as ParavirtMemory).eoi = 1;
  vcpu.pvEoiPending = 1;
}

/**
 * After an exit: if the guest has cleared the word, the interrupt is over; if not, the offer is withdrawn. Linux
 * `apic_sync_pv_eoi_from_guest`, `pv_eoi_test_and_clr_pending`.
 */
export const apicSyncPvEoiFromGuest = program('apic_sync_pv_eoi_from_guest', () => ({}), [
  stage('pv_eoi_test_and_clr_pending', 'pvEoi', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const memory = m.paravirt[vcpu.id] as ParavirtMemory;
    vcpu.pvEoiPending = 0;
    if (memory.eoi === 1) {
      memory.eoi = 0;
      return done;
    }
    observe(m, KvmRecord.pvEoi, vcpu.id, highestBit(vcpu.page.isr));
    call(m, cpu, kvmLapicRegWrite).offset = 0xb0;
    return undefined;
  }),
  glue('ended', () => done),
]);
