import { IncompleteIpi } from '../arch/avic.js';
import type { AvicPhysicalEntry, AvicTables } from '../arch/avic-tables.js';
import { icrDestinationMode, icrShorthand, Shorthand } from '../arch/icr.js';
import { loadWord } from '../arch/virtual-apic-page.js';
import { call } from '../engine/frames.js';
import { notify } from '../engine/requests.js';
import { type Control, done, shared } from '../engine/routine.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { isBroadcast, matchesVcpu } from './apic-map.js';
import { kvmLapicRegWrite } from './lapic-write.js';
import { type KvmMachine, type KvmVcpu, kvm, vcpuOf, vmOf } from './machine.js';
import { kvmApicSendIpi } from './send-ipi.js';
import { svmCompleteInterruptDelivery } from './svm-deliver.js';

const { program, stage, glue } = kvm;

/** The virtual CPU's entry in its VM's physical APIC ID table. Linux `svm->avic_physical_id_cache`. */
function physicalEntryOf(machine: KvmMachine, vcpu: KvmVcpu): AvicPhysicalEntry {
  return (machine.avicTables[vcpu.vm] as AvicTables).physical[vcpu.avicIndex] as AvicPhysicalEntry;
}

/** Hardware has set IRR of everyone; KVM only has to make those notice that did not run. Linux `avic_kick_vcpu`. */
function kick(machine: KvmMachine, processor: LogicalProcessor, target: number): void {
  vcpuOf(machine, target).irrPending = 1;
  notify(machine, vcpuOf(machine, target).channel);
  call(machine, processor, svmCompleteInterruptDelivery).target = target;
}

/**
 * The one APIC ID that a destination means, or -1 if it takes the walk: shorthands, broadcasts, more than one bit. With x2AVIC a logical
 * destination's cluster and bit number make the ID. Linux `avic_kick_target_vcpus_fast`.
 */
function avicSingleTarget(machine: KvmMachine, vcpu: KvmVcpu, low: number, destination: number): number {
  if (icrShorthand(low) !== Shorthand.none || isBroadcast(machine, { source: vcpu.id, low, destination })) return -1;
  if (icrDestinationMode(low) === 0) return destination;
  const x2apic = vcpu.x2avic === 1;
  const flat = !x2apic && vcpu.page.dfr >>> 28 === 0xf;
  const bitmap = x2apic ? destination & 0xffff : destination & (flat ? 0xff : 0xf);
  if (bitmap === 0 || (bitmap & (bitmap - 1)) !== 0) return -1;
  const bit = 31 - Math.clz32(bitmap);
  if (x2apic) return (destination >>> 16) * 16 + bit;
  const index = flat ? bit : (destination >>> 4) * 4 + bit;
  const entry = (machine.avicTables[vcpu.vm] as AvicTables).logical[index];
  return entry?.valid === 1 ? entry.guestId : -1;
}

const kickLocals = () => ({ low: 0, destination: 0, next: 0 });

/** Wakes those whom an IPI found not running: the one target by its ID, or else by a walk over all. Linux `avic_kick_target_vcpus`. */
export const avicKickTargetVcpus = program('avic_kick_target_vcpus', kickLocals, [
  stage(
    'avic_kick_target_vcpus_fast',
    'apicMapLookup',
    shared,
    (m, cpu, f): Control<'kvm_for_each_vcpu'> => {
      const vcpu = currentVcpu(m, cpu);
      const id = avicSingleTarget(m, vcpu, f.low, f.destination);
      if (id < 0) return 'kvm_for_each_vcpu';
      // Virtual CPU ids are APIC IDs here: AVIC is inhibited otherwise.
      const target = vmOf(m, vcpu).vcpus[id];
      if (target !== undefined) kick(m, cpu, target);
      return undefined;
    },
    { to: ['kvm_for_each_vcpu'] },
  ),
  glue('kicked', () => done),
  stage(
    'kvm_for_each_vcpu',
    'deliveryLoopMatch',
    shared,
    (m, cpu, f) => {
      const source = currentVcpu(m, cpu);
      const target = vmOf(m, source).vcpus[f.next];
      if (target === undefined) return done;
      f.next++;
      const message = { source: source.id, low: f.low, destination: f.destination };
      if (!matchesVcpu(m, message, vcpuOf(m, target))) return 'kvm_for_each_vcpu';
      kick(m, cpu, target);
      return undefined;
    },
    { to: ['kvm_for_each_vcpu'] },
  ),
  glue('next', () => 'kvm_for_each_vcpu', { to: ['kvm_for_each_vcpu'] }),
]);

/**
 * Hardware did not complete an IPI. If a target was not there, or the type is not for hardware, nothing has been sent: software sends all of it.
 * If a target did not run, IRR is set everywhere already: who does not run is woken. Linux `avic_incomplete_ipi_interception`.
 */
export const avicIncompleteIpiInterception = program('avic_incomplete_ipi_interception', () => ({}), [
  stage('dispatch', 'avicIncompleteIpi', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const { qualification, low, high } = vcpu.exit;
    const cause = Math.floor(qualification / 0x1_0000);
    switch (cause) {
      case IncompleteIpi.invalidType:
      case IncompleteIpi.invalidTarget: {
        const send = call(m, cpu, kvmApicSendIpi);
        send.vm = vcpu.vm;
        send.source = vcpu.id;
        send.low = (low & ~0x1000) >>> 0;
        send.destination = high;
        return;
      }
      case IncompleteIpi.targetNotRunning: {
        const targets = call(m, cpu, avicKickTargetVcpus);
        targets.low = low;
        targets.destination = high;
        return;
      }
    }
  }),
  glue('completed', () => done),
]);

/** A register whose write hardware leaves to software after it has stored the value. Linux `avic_unaccel_trap_write`. */
export const avicUnaccelTrapWrite = program('avic_unaccel_trap_write', () => ({}), [
  stage('kvm_apic_write_nodecode', 'apicWriteNodecode', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    const write = call(m, cpu, kvmLapicRegWrite);
    write.offset = vcpu.exit.offset;
    write.value = vcpu.exit.offset === 0xb0 ? 0 : wordOf(vcpu);
  }),
  glue('written', () => done),
]);

function wordOf(vcpu: KvmVcpu): number {
  return loadWord(vcpu.page, vcpu.exit.offset);
}

/**
 * The virtual CPU is on this processor: its entry names it, and says that it runs, so that doorbells come here. Not while it is about to
 * block. Linux `avic_vcpu_load`, `__avic_vcpu_load`.
 */
export const avicVcpuLoad = program('avic_vcpu_load', () => ({ vcpu: 0 }), [
  stage(
    'write-entry',
    'avicTableWrite',
    shared,
    (m, cpu, f) => {
      const vcpu = vcpuOf(m, f.vcpu);
      if (vcpu.apicvActive === 0 || vcpu.waiter === 1) return;
      fence(m, cpu);
      const entry = physicalEntryOf(m, vcpu);
      entry.hostApicId = cpu.apic.id;
      entry.isRunning = 1;
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.vcpu).modeLine },
  ),
]);

/** It leaves, or is about to block: an IPI to it from now on exits at its sender. Linux `avic_vcpu_put`, `avic_vcpu_blocking`. */
export const avicVcpuPut = program('avic_vcpu_put', () => ({ vcpu: 0 }), [
  stage(
    'clear-is-running',
    'avicTableWrite',
    shared,
    (m, cpu, f) => {
      fence(m, cpu);
      physicalEntryOf(m, vcpuOf(m, f.vcpu)).isRunning = 0;
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.vcpu).modeLine },
  ),
]);
