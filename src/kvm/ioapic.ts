import { testBit } from '../arch/bits256.js';
import { call } from '../engine/frames.js';
import { arm, observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { addTimer, TimerKind, timerUse } from '../hardware/timer-uses.js';
import { SystemVector } from '../host/machine.js';
import { matchesVcpu } from './apic-map.js';
import { kvmVcpuKick } from './kick.js';
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
import { KvmRecord } from './records.js';
import { kvmIrqDeliveryToApic } from './send-ipi.js';
import { syncPirToIrr } from './sync-pir-to-irr.js';

const { program, stage, glue } = kvm;

const masked = 0x1_0000;
const level = 0x8000;

function pinOf(machine: KvmMachine, vm: number, pin: number): IoapicPin {
  return (machine.vms[vm] as KvmVm).ioapic[pin] as IoapicPin;
}

/** What a pin has to deliver is sent: by the entry as it was when that was decided. Linux `ioapic_service`. */
export const ioapicService = program('ioapic_service', () => ({ vm: 0, low: 0, destination: 0 }), [
  stage('service', 'ioapicService', shared, (m, cpu, f) => {
    const delivery = call(m, cpu, kvmIrqDeliveryToApic);
    delivery.vm = f.vm;
    delivery.low = (f.low & 0x8fff) | 0x4000;
    delivery.destination = f.destination;
  }),
  glue('serviced', () => done),
]);

/**
 * Delivers a pin's interrupt and returns true, if its entry lets it: a level-triggered one not again before its EOI. The I/O APIC's lock makes
 * that one step with what led to it.
 */
function service(machine: KvmMachine, processor: LogicalProcessor, vm: number, number: number): boolean {
  const pin = pinOf(machine, vm, number);
  if ((pin.low & masked) !== 0 || (pin.remoteIrr === 1 && (pin.low & level) !== 0)) return false;
  if ((pin.low & level) !== 0) pin.remoteIrr = 1;
  const { low, destination } = pin;
  Object.assign(call(machine, processor, ioapicService), { vm, low, destination });
  return true;
}

/** The line of a pin changes. An edge-triggered entry fires on its rise. Linux `kvm_ioapic_set_irq`, `ioapic_set_irq`. */
export const kvmIoapicSetIrq = program('kvm_ioapic_set_irq', () => ({ vm: 0, pin: 0, level: 0 }), [
  stage('set-line', 'ioapicSetIrq', shared, (m, cpu, f) => {
    const pin = pinOf(m, f.vm, f.pin);
    const rose = pin.line === 0 && f.level === 1;
    pin.line = f.level;
    if (f.level === 0 || ((pin.low & level) === 0 && !rose)) return done;
    observe(m, KvmRecord.ioapicSetIrq, f.pin, pin.remoteIrr);
    return service(m, cpu, f.vm, f.pin) ? undefined : done;
  }),
  glue('set', () => done),
]);

/** As often as this in a row an EOI finds the line asserted and delivers again at once; then the guest gets a breath. Linux `IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT`. */
export const successiveIrqMaxCount = 10_000;

/**
 * A virtual CPU's EOI of a vector: the level-triggered pins that have it may fire again, and do if their line still is asserted. A line that has
 * done so for thousands of EOIs waits for 10 ms, so that a guest whose handler does not quiet its device gets somewhere at all. Linux
 * `kvm_ioapic_send_eoi`, `kvm_ioapic_update_eoi`.
 */
export const kvmIoapicSendEoi = program('kvm_ioapic_send_eoi', () => ({ vm: 0, vector: 0, pin: 0 }), [
  // Its own bitmap and requests: what comes before is one step with this.
  glue('kvm_ioapic_handles_vector', (m, cpu, f) => {
    const vcpu = vcpuOf(m, cpu.vcpu);
    if (!handlesVector(vcpu, f.vector)) return done;
    // It was intercepted for what was under way when its pin went to somebody else, and that is over now.
    if (vcpu.highestStaleEoi === f.vector) makeRequest(vcpu, VcpuRequest.scanIoapic);
    return undefined;
  }),
  stage('kvm_ioapic_update_eoi_one', 'ioapicEoi', shared, (m, cpu, f) => {
    const vm = m.vms[f.vm] as KvmVm;
    const { ioapic } = vm;
    // The end of an edge-triggered interrupt of this vector is none of a level-triggered pin's.
    if (f.pin === 0 && !testBit(vcpuOf(m, cpu.vcpu).page.tmr, f.vector)) return done;
    while (f.pin < ioapic.length) {
      const number = f.pin++;
      const pin = ioapic[number] as IoapicPin;
      if ((pin.low & 0xff) !== f.vector || (pin.low & level) === 0 || pin.remoteIrr === 0) continue;
      pin.remoteIrr = 0;
      if (pin.resample === 1) pin.line = 0;
      if (pin.line === 0 || (pin.low & masked) !== 0) {
        pin.successiveEois = 0;
        continue;
      }
      pin.successiveEois++;
      if (pin.successiveEois >= vm.successiveIrqMax) {
        pin.successiveEois = 0;
        timerUse(m, vm.eoiInject).processor = cpu.id;
        arm(m, vm.eoiInject, 10_000 * vm.cyclesPerMicrosecond);
        continue;
      }
      if (service(m, cpu, f.vm, number)) return undefined;
    }
    return done;
  }),
  glue('next', () => 'kvm_ioapic_update_eoi_one', { to: ['kvm_ioapic_update_eoi_one'] }),
]);

/** What was held back at an EOI is delivered, if its line still is asserted. A worker does that in KVM, here the timer that starts it. Linux `kvm_ioapic_eoi_inject_work`. */
export const kvmIoapicEoiInjectWork = program('kvm_ioapic_eoi_inject_work', () => ({ timer: 0, vm: -1, pin: 0 }), [
  stage('ioapic_service', 'ioapicService', shared, (m, cpu, f) => {
    if (f.vm < 0) f.vm = timerUse(m, f.timer).owner;
    const { ioapic } = m.vms[f.vm] as KvmVm;
    while (f.pin < ioapic.length) {
      const number = f.pin++;
      const pin = ioapic[number] as IoapicPin;
      if ((pin.low & level) === 0 || pin.line === 0 || pin.remoteIrr === 1) continue;
      if (service(m, cpu, f.vm, number)) return undefined;
    }
    return done;
  }),
  glue('next', () => 'ioapic_service', { to: ['ioapic_service'] }),
]);

/**
 * A write to the redirection entry of a pin. Read-only bits stay, but remote IRR goes with an entry that is edge-triggered now. An asserted
 * level-triggered line fires by the new entry, unless its last interrupt has not ended.
 */
function writeEntry(machine: KvmMachine, vm: number, pin: number, low: number, destination: number): void {
  const entry = pinOf(machine, vm, pin);
  entry.low = low;
  entry.destination = destination;
  if ((low & level) === 0) {
    entry.remoteIrr = 0;
    return;
  }
  const owner = machine.vms[vm] as KvmVm;
  if (owner.eoiInject >= 0) return;
  owner.eoiInject = addTimer(machine, {
    kind: TimerKind.localTimer,
    vector: SystemVector.localTimer,
    owner: vm,
    handler: kvmIoapicEoiInjectWork.entry,
  });
}

/** Before anything runs: the redirection entry of a pin, and who may get its vector has to see its EOI. */
export function writeRedirection(machine: KvmMachine, vm: number, pin: number, low: number, destination: number): void {
  writeEntry(machine, vm, pin, low, destination);
  for (const vcpu of (machine.vms[vm] as KvmVm).vcpus) makeRequest(vcpuOf(machine, vcpu), VcpuRequest.scanIoapic);
}

/** A guest writes a redirection entry: those who may get its vector, and those who might, look whose EOI they must intercept. Linux `ioapic_write_indirect`. */
export const ioapicWriteIndirect = program(
  'ioapic_write_indirect',
  () => ({ vm: 0, pin: 0, low: 0, destination: 0, next: 0, oldLow: 0, oldDestination: 0 }),
  [
    stage('redirtbl', 'ioapicSetIrq', shared, (m, cpu, f) => {
      const pin = pinOf(m, f.vm, f.pin);
      f.oldLow = pin.low;
      f.oldDestination = pin.destination;
      writeEntry(m, f.vm, f.pin, f.low, f.destination);
      if ((f.low & level) !== 0 && pin.line === 1) service(m, cpu, f.vm, f.pin);
    }),
    stage(
      'kvm_make_scan_ioapic_request_mask',
      'makeRequest',
      shared,
      (m, cpu, f) => {
        const id = (m.vms[f.vm] as KvmVm).vcpus[f.next++];
        if (id === undefined) return done;
        const vcpu = vcpuOf(m, id);
        const is = matchesVcpu(m, { source: -1, low: f.low & 0xfff, destination: f.destination }, vcpu);
        const was = matchesVcpu(m, { source: -1, low: f.oldLow & 0xfff, destination: f.oldDestination }, vcpu);
        if (!is && !was) return 'kvm_make_scan_ioapic_request_mask';
        fence(m, cpu);
        makeRequest(vcpu, VcpuRequest.scanIoapic);
        call(m, cpu, kvmVcpuKick).target = id;
        return undefined;
      },
      { to: ['kvm_make_scan_ioapic_request_mask'] },
    ),
    glue('next', () => 'kvm_make_scan_ioapic_request_mask', { to: ['kvm_make_scan_ioapic_request_mask'] }),
  ],
);

type Bitmap = readonly [number, number][];

function exitBitmap({ vmcs }: KvmVcpu): Bitmap {
  return [vmcs.eoiExitBitmap0, vmcs.eoiExitBitmap1, vmcs.eoiExitBitmap2, vmcs.eoiExitBitmap3];
}

/** True if a virtual CPU's EOI of a vector is told to the I/O APIC. Linux `kvm_ioapic_handles_vector`, with the bitmap that hardware has. */
function handlesVector(vcpu: KvmVcpu, vector: number): boolean {
  const word = exitBitmap(vcpu)[vector >> 6] as [number, number];
  return (((word[(vector >> 5) & 1] as number) >>> (vector & 31)) & 1) === 1;
}

/**
 * The EOI-exit bitmap of a virtual CPU: the vectors of level-triggered entries that it may get, and of those that it got before they went to
 * somebody else and that are still in its IRR or ISR: their end, too, has to reach the I/O APIC. Linux `vcpu_scan_ioapic`,
 * `kvm_scan_ioapic_irq`, `kvm_apic_pending_eoi`, `vcpu_load_eoi_exitmap`.
 */
export function loadEoiExitmap(machine: KvmMachine, vcpu: KvmVcpu): void {
  const vm = machine.vms[vcpu.vm] as KvmVm;
  const words = exitBitmap(vcpu);
  for (const word of words) word.fill(0);
  vcpu.highestStaleEoi = -1;
  // What was posted is on its way, too.
  if (vm.apicv === 1) syncPirToIrr(machine, vcpu);
  const { irr, isr } = vcpu.page;
  for (const pin of vm.ioapic) {
    if ((pin.low & level) === 0) continue;
    const vector = pin.low & 0xff;
    if (!matchesVcpu(machine, { source: -1, low: pin.low & 0xfff, destination: pin.destination }, vcpu)) {
      if (!testBit(irr, vector) && !testBit(isr, vector)) continue;
      if (vm.rescansStaleEoi === 1) vcpu.highestStaleEoi = Math.max(vcpu.highestStaleEoi, vector);
    }
    const word = words[vector >> 6] as [number, number];
    const half = (vector >> 5) & 1;
    word[half] = ((word[half] as number) | (1 << (vector & 31))) >>> 0;
  }
}
