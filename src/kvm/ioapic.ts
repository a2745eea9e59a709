import { call } from '../engine/frames.js';
import { done, shared } from '../engine/routine.js';
import { matchesVcpu } from './apic-map.js';
import {
  type IoapicPin,
  type KvmMachine,
  type KvmVcpu,
  type KvmVm,
  kvm,
  makeRequest,
  VcpuRequest,
  vcpuOf,
} from './machine.js';
import { kvmIrqDeliveryToApic } from './send-ipi.js';

const { program, stage, glue } = kvm;

const masked = 0x1_0000;
const level = 0x8000;

function pinOf(machine: KvmMachine, vm: number, pin: number): IoapicPin {
  return (machine.vms[vm] as KvmVm).ioapic[pin] as IoapicPin;
}

/**
 * Delivers a pin's interrupt, if its entry lets it: a level-triggered one not again before its EOI. Linux `ioapic_service`.
 */
export const ioapicService = program('ioapic_service', () => ({ vm: 0, pin: 0 }), [
  stage('service', 'ioapicService', shared, (m, cpu, f) => {
    const pin = pinOf(m, f.vm, f.pin);
    if ((pin.low & masked) !== 0 || (pin.remoteIrr === 1 && (pin.low & level) !== 0)) return done;
    if ((pin.low & level) !== 0) pin.remoteIrr = 1;
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = f.vm;
    delivery.low = (pin.low & 0x8fff) | 0x4000;
    delivery.destination = pin.destination;
    return undefined;
  }),
  glue('serviced', () => done),
]);

/** The line of a pin changes. An edge-triggered entry fires on its rise. Linux `kvm_ioapic_set_irq`, `ioapic_set_irq`. */
export const kvmIoapicSetIrq = program('kvm_ioapic_set_irq', () => ({ vm: 0, pin: 0, level: 0 }), [
  stage('set-line', 'ioapicSetIrq', shared, (m, cpu, f) => {
    const pin = pinOf(m, f.vm, f.pin);
    const rose = pin.line === 0 && f.level === 1;
    pin.line = f.level;
    if (f.level === 0 || ((pin.low & level) === 0 && !rose)) return done;
    const service = call(m, cpu, ioapicService);
    service.vm = f.vm;
    service.pin = f.pin;
    return undefined;
  }),
  glue('set', () => done),
]);

/**
 * A virtual CPU's EOI of a level-triggered vector: the pins that have it may fire again, and do if their line still is asserted. Linux
 * `kvm_ioapic_update_eoi`.
 */
export const kvmIoapicSendEoi = program('kvm_ioapic_send_eoi', () => ({ vm: 0, vector: 0, pin: 0 }), [
  stage('kvm_ioapic_update_eoi_one', 'ioapicEoi', shared, (m, cpu, f) => {
    const { ioapic } = m.vms[f.vm] as KvmVm;
    while (f.pin < ioapic.length) {
      const number = f.pin++;
      const pin = ioapic[number] as IoapicPin;
      if ((pin.low & 0xff) !== f.vector || (pin.low & level) === 0 || pin.remoteIrr === 0) continue;
      pin.remoteIrr = 0;
      if (pin.resample === 1) pin.line = 0;
      if (pin.line === 0) continue;
      const service = call(m, cpu, ioapicService);
      service.vm = f.vm;
      service.pin = number;
      return undefined;
    }
    return done;
  }),
  glue('next', () => 'kvm_ioapic_update_eoi_one', { to: ['kvm_ioapic_update_eoi_one'] }),
]);

/** The redirection entry of a pin is written: who may get its vector has to see its EOI. Linux `ioapic_write_indirect`. */
export function writeRedirection(machine: KvmMachine, vm: number, pin: number, low: number, destination: number): void {
  const entry = pinOf(machine, vm, pin);
  entry.low = low;
  entry.destination = destination;
  for (const vcpu of (machine.vms[vm] as KvmVm).vcpus) makeRequest(vcpuOf(machine, vcpu), VcpuRequest.scanIoapic);
}

/** The EOI-exit bitmap of a virtual CPU: the vectors of level-triggered entries that it may get. Linux `kvm_ioapic_scan_entry`, `vcpu_load_eoi_exitmap`. */
export function loadEoiExitmap(machine: KvmMachine, vcpu: KvmVcpu): void {
  const { vmcs } = vcpu;
  vmcs.eoiExitBitmap0 = [0, 0];
  vmcs.eoiExitBitmap1 = [0, 0];
  vmcs.eoiExitBitmap2 = [0, 0];
  vmcs.eoiExitBitmap3 = [0, 0];
  const words = [vmcs.eoiExitBitmap0, vmcs.eoiExitBitmap1, vmcs.eoiExitBitmap2, vmcs.eoiExitBitmap3];
  for (const pin of (machine.vms[vcpu.vm] as KvmVm).ioapic) {
    if ((pin.low & level) === 0 || (pin.low & masked) !== 0) continue;
    if (!matchesVcpu(machine, { source: -1, low: pin.low & 0xfff, destination: pin.destination }, vcpu)) continue;
    const vector = pin.low & 0xff;
    const word = words[vector >> 6] as [number, number];
    if ((vector & 32) === 0) word[0] = (word[0] | (1 << (vector & 31))) >>> 0;
    else word[1] = (word[1] | (1 << (vector & 31))) >>> 0;
  }
}
