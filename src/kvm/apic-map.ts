import { ApicMode } from '../arch/apic-mode.js';
import {
  type Addressee,
  apicId,
  broadcastDestination,
  matchesDestination,
  matchesShorthand,
} from '../arch/destination.js';
import { DeliveryMode, icrDeliveryMode, icrDestinationMode, icrShorthand, icrVector, Shorthand } from '../arch/icr.js';
import { type KvmMachine, type KvmVcpu, type KvmVm, LogicalMode, vcpuOf } from './machine.js';

/** Where an interrupt message goes: what `struct kvm_lapic_irq` says of it. */
export interface Destination {
  /** The sending virtual CPU, -1 for a device. */
  source: number;
  /** As bits 31:0 of an ICR: delivery mode, destination mode, shorthand, vector. */
  low: number;
  destination: number;
}

function addressee(vcpu: KvmVcpu): Addressee {
  return { mode: vcpu.apicMode, registers: vcpu.page };
}

/** True if an APIC takes part in lowest-priority arbitration and accepts fixed interrupts: SVR bit 8. */
export function isApicEnabled(vcpu: KvmVcpu): boolean {
  return vcpu.apicMode !== ApicMode.disabled && (vcpu.page.svr & 0x100) !== 0;
}

/** The broadcast destination as KVM tests it by default: by the sender's mode; a device has xAPIC's. Linux `kvm_apic_is_broadcast_dest`. */
export function isBroadcast(machine: KvmMachine, message: Destination): boolean {
  const mode = message.source < 0 ? ApicMode.xapic : vcpuOf(machine, message.source).apicMode;
  return message.destination === broadcastDestination(mode);
}

/** Recomputes the maps after an APIC's ID, LDR, DFR, mode or enable bit has changed. Linux `kvm_recalculate_apic_map`. */
export function recalculateApicMap(machine: KvmMachine, vm: KvmVm): void {
  vm.apicMap = [];
  vm.logicalMap = [];
  vm.logicalMode = LogicalMode.disabled;
  updateAvicLogicalTable(machine, vm);
  const set = (list: number[], index: number, vcpu: number): void => {
    while (list.length <= index) list.push(-1);
    list[index] = vcpu;
  };
  for (const id of vm.vcpus) {
    const vcpu = vcpuOf(machine, id);
    if (vcpu.apicMode === ApicMode.disabled) continue;
    set(vm.apicMap, apicId(addressee(vcpu)), id);
    if (!isApicEnabled(vcpu)) continue;
    addLogical(vm, vcpu, set);
  }
}

/** The logical APIC ID table of AVIC: an entry for each xAPIC logical ID of one bit. Linux `avic_handle_ldr_update`, `avic_get_logical_id_entry`. */
function updateAvicLogicalTable(machine: KvmMachine, vm: KvmVm): void {
  const tables = machine.avicTables[machine.vms.indexOf(vm)];
  if (tables === undefined || vm.svm === 0) return;
  tables.logical = Array.from({ length: 60 }, () => ({ valid: 0, guestId: 0 }));
  for (const id of vm.vcpus) {
    const { apicMode, page, avicIndex } = vcpuOf(machine, id);
    const logical = page.ldr >>> 24;
    if (apicMode !== ApicMode.xapic || logical === 0) continue;
    const flat = page.dfr >>> 28 === 0xf;
    const bits = flat ? logical : logical & 0xf;
    const index = (flat ? 0 : (logical >>> 4) * 4) + 31 - Math.clz32(bits & -bits);
    const entry = bits === 0 ? undefined : tables.logical[index];
    if (entry === undefined) continue;
    entry.valid = 1;
    entry.guestId = avicIndex;
  }
}

function addLogical(vm: KvmVm, vcpu: KvmVcpu, set: (list: number[], index: number, vcpu: number) => void): void {
  const { ldr, dfr } = vcpu.page;
  const x2apic = vcpu.apicMode === ApicMode.x2apic;
  if (!x2apic && ldr === 0) return;
  const mode = x2apic ? LogicalMode.x2apic : dfr >>> 28 === 0xf ? LogicalMode.flat : LogicalMode.cluster;
  // Mixed models cannot be looked up.
  if (vm.logicalMode !== LogicalMode.disabled && vm.logicalMode !== mode) vm.logicalMode = LogicalMode.mapDisabled;
  if (vm.logicalMode === LogicalMode.mapDisabled) return;
  vm.logicalMode = mode;
  const { cluster, bits } = splitLogical(mode, x2apic ? ldr : ldr >>> 24);
  // An ID of more or fewer bits than one, and one that another has: the map cannot say it.
  const index = 16 * cluster + 31 - Math.clz32(bits);
  if (bits === 0 || (bits & (bits - 1)) !== 0 || (vm.logicalMap[index] ?? -1) >= 0) {
    vm.logicalMode = LogicalMode.mapDisabled;
    return;
  }
  set(vm.logicalMap, index, vcpu.id);
}

function splitLogical(mode: number, destination: number): { cluster: number; bits: number } {
  if (mode === LogicalMode.x2apic) return { cluster: destination >>> 16, bits: destination & 0xffff };
  if (mode === LogicalMode.cluster) return { cluster: (destination >>> 4) & 0xf, bits: destination & 0xf };
  return { cluster: 0, bits: destination & 0xff };
}

/**
 * The targets that a table look-up finds, ascending, or undefined if only a walk over all virtual CPUs can tell: a shorthand but
 * self, a broadcast, a logical destination that the map does not know. Linux `kvm_irq_delivery_to_apic_fast`, `kvm_apic_map_get_dest_lapic`.
 */
export function fastTargets(machine: KvmMachine, vm: KvmVm, message: Destination): number[] | undefined {
  const { low, destination } = message;
  const shorthand = icrShorthand(low);
  if (shorthand === Shorthand.self) return [message.source];
  if (shorthand !== Shorthand.none || isBroadcast(machine, message)) return undefined;
  let targets: number[];
  if (icrDestinationMode(low) === 0) {
    const target = vm.apicMap[destination] ?? -1;
    targets = target < 0 ? [] : [target];
  } else {
    if (vm.logicalMode === LogicalMode.mapDisabled) return undefined;
    if (vm.logicalMode === LogicalMode.disabled) return [];
    const { cluster, bits } = splitLogical(vm.logicalMode, destination);
    // The flat cluster model's cluster FH is a broadcast.
    if (vm.logicalMode === LogicalMode.cluster && cluster === 0xf) return undefined;
    targets = [];
    for (let bit = 0; bit < 16; bit++) {
      const target = ((bits >>> bit) & 1) === 1 ? (vm.logicalMap[16 * cluster + bit] ?? -1) : -1;
      if (target >= 0) targets.push(target);
    }
  }
  return arbitrate(machine, vm, targets, low);
}

/**
 * Of the enabled candidates for a lowest-priority message one is left: by the vector's hash, or the one that has had the fewest such
 * messages, the first of equals. Neither asks for priorities. Linux `kvm_vector_to_index`, `kvm_apic_compare_prio`.
 */
export function lowestPriorityTarget(
  machine: KvmMachine,
  vm: KvmVm,
  enabled: readonly number[],
  vector: number,
): number {
  if (vm.vectorHashing === 1) return enabled[vector % enabled.length] ?? -1;
  let best = -1;
  for (const target of enabled) {
    if (best < 0 || vcpuOf(machine, target).arbitration < vcpuOf(machine, best).arbitration) best = target;
  }
  return best;
}

function arbitrate(machine: KvmMachine, vm: KvmVm, targets: number[], low: number): number[] {
  if (icrDeliveryMode(low) !== DeliveryMode.lowestPriority) return targets;
  const enabled = targets.filter((target) => isApicEnabled(vcpuOf(machine, target)));
  const chosen = lowestPriorityTarget(machine, vm, enabled, icrVector(low));
  return chosen < 0 ? [] : [chosen];
}

/** True if a message is meant for a virtual CPU. Linux `kvm_apic_match_dest`. */
export function matchesVcpu(machine: KvmMachine, message: Destination, vcpu: KvmVcpu): boolean {
  const { low, destination, source } = message;
  if (vcpu.apicMode === ApicMode.disabled) return false;
  const shorthand = icrShorthand(low);
  if (shorthand !== Shorthand.none) return matchesShorthand(shorthand, source === vcpu.id);
  return isBroadcast(machine, message) || matchesDestination(addressee(vcpu), destination, icrDestinationMode(low));
}
