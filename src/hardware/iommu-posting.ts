import { testBit } from '../arch/bits256.js';
import { postInterrupt } from '../arch/posting.js';
import { notify, observe } from '../engine/requests.js';
import type { HardwareMachine } from './machine.js';
import { sendPhysicalIpi } from './physical-apic.js';
import { AnnouncedBy, Record } from './records.js';

/**
 * A device's interrupt whose interrupt-remapping entry is in posted format: one atomic update of the descriptor, then the notification if
 * one is due. VT-d specification, "Interrupt-Posting Hardware Operation".
 */
export function postByIommu(machine: HardwareMachine, pid: number, vector: number, urgent = 0): void {
  const descriptor = machine.memory.descriptors[pid];
  const pending = descriptor !== undefined && testBit(descriptor.pir, vector);
  observe(machine, pending ? Record.coalesced : Record.posted, pid, vector);
  const before = descriptor?.on;
  const outcome = postInterrupt(machine.memory, pid, vector, urgent);
  if (before === 0 && descriptor?.on === 1)
    observe(machine, Record.announced, pid, urgent === 0 ? AnnouncedBy.iommu : AnnouncedBy.urgentIommu);
  notify(machine, machine.vcpus[pid]?.channel ?? -1);
  if (outcome.kind !== 'posted' || !outcome.notify) return;
  sendPhysicalIpi(machine, outcome.destination, outcome.vector);
}
