import { ipiVirtualization } from '../../hardware/ipi-virtualization.js';
import { AnnouncedBy } from '../../hardware/records.js';
import { vmxDeliverNestedPostedInterrupt, vmxDeliverPostedInterrupt } from '../../kvm/deliver.js';
import { descriptorOf, HostVector, type KvmMachine, vcpuOf } from '../../kvm/machine.js';
import type { StateInvariant } from './invariant.js';
import { insert, type Ledger, type LedgerEntry, LedgerFault, remove, wrong } from './ledger-entries.js';
import { type Place, place, somebodyIn } from './places.js';

/**
 * What a notification in a ledger is: who set ON has it to send (hardware by NV to NDST, software by a vector of the host's), or has not looked yet at
 * whether its target is in guest mode. With it in one number: the message.
 */
const Kind = { ipiVirtualization: 0, iommu: 1, undecided: 2, software: 3 } as const;

function owed(kind: number, vector: number, destination = 0): number {
  return (destination * 256 + vector) * 4 + kind;
}

/** By kind, where whoever has to send it is meanwhile. The IOMMU is nowhere: it posts and notifies in one. */
const sending: readonly (readonly (readonly [local: string, where: Place])[])[] = [
  [['pid', place(ipiVirtualization, 'set-on', 'notify')]],
  [],
  [
    ['target', place(vmxDeliverPostedInterrupt, 'set-on', 'read-mode')],
    ['target', place(vmxDeliverNestedPostedInterrupt, 'set-pi_pending', 'read-mode')],
  ],
  [
    ['target', place(vmxDeliverPostedInterrupt, 'read-mode', 'notify')],
    ['target', place(vmxDeliverNestedPostedInterrupt, 'read-mode', 'notify')],
  ],
];

function isSending(machine: KvmMachine, vcpu: number, kind: number): boolean {
  return (sending[kind] ?? []).some(([local, where]) => somebodyIn(machine, where, local, vcpu));
}

/** ON of a descriptor went from 0 to 1. */
export function announcedOn(ledger: Ledger, machine: KvmMachine, pid: number, by: number): void {
  const { notifications } = ledger.vcpus[pid] as LedgerEntry;
  if (by === AnnouncedBy.software) {
    const undecided = owed(Kind.undecided, HostVector.postedInterrupt);
    // Whoever never looked has forgotten it.
    if (!isSending(machine, pid, Kind.undecided)) while (remove(notifications, undecided));
    insert(notifications, undecided, true);
    return;
  }
  const { nv, ndst, sn } = descriptorOf(machine, vcpuOf(machine, pid));
  if (sn === 1 && by !== AnnouncedBy.urgentIommu) wrong(ledger, LedgerFault.suppressedNotification, pid, nv);
  const kind = by === AnnouncedBy.ipiVirtualization ? Kind.ipiVirtualization : Kind.iommu;
  // Nobody accepts what is sent to a processor that is not there.
  if (ndst < machine.processors.length) insert(notifications, owed(kind, nv, ndst), true);
}

/** A notification for L2 has been noted. */
export function notedForL2(ledger: Ledger, vcpu: number): void {
  insert(
    (ledger.vcpus[vcpu] as LedgerEntry).notifications,
    owed(Kind.undecided, HostVector.postedInterruptNested),
    true,
  );
}

/** Who has posted in software has looked at the mode of its target: `what` is the vector to notify it by, 100H more if it is not in guest mode. */
export function decided(ledger: Ledger, machine: KvmMachine, vcpu: number, what: number, processor: number): void {
  const { notifications } = ledger.vcpus[vcpu] as LedgerEntry;
  const vector = what & 0xff;
  if (!remove(notifications, owed(Kind.undecided, vector)) || what > 0xff) return;
  // A fastpath of the target itself: its run loop looks at PIR before it enters.
  const sender = machine.processors[processor];
  if (sender?.vcpu === vcpu && sender.nonRoot === 0) return;
  insert(notifications, owed(Kind.software, vector), true);
}

/** True if a virtual CPU that is on the list of a processor is to be woken for what was posted before it got there. */
function listedAndPosted(machine: KvmMachine, processor: number): boolean {
  const list = machine.wakeupLists[processor] ?? [];
  return list.some((id) => descriptorOf(machine, vcpuOf(machine, id)).on === 1);
}

const notificationVectors: readonly number[] = Object.values(HostVector);

/** A physical interrupt is sent: if it is a notification, somebody has it to send. */
export function sent(ledger: Ledger, machine: KvmMachine, to: number, vector: number, processor: number): void {
  if (!notificationVectors.includes(vector)) return;
  const inGuest = machine.processors[processor]?.nonRoot === 1;
  for (const { id, cpu } of machine.vcpus) {
    const { notifications } = ledger.vcpus[id] as LedgerEntry;
    if (notifications.length === 0) continue;
    if (remove(notifications, owed(Kind.iommu, vector, to))) return;
    if (inGuest && remove(notifications, owed(Kind.ipiVirtualization, vector, to))) return;
    if (!inGuest && cpu === to && remove(notifications, owed(Kind.software, vector))) return;
  }
  // Who goes to sleep tells its own processor of what came before.
  if (vector === HostVector.postedInterruptWakeup && to === processor && listedAndPosted(machine, to)) return;
  wrong(ledger, LedgerFault.undueNotification, to, vector);
}

/** A notification is sent when it has to be, once, and to where. */
export const notifiedExactly: StateInvariant = {
  id: 'INV7-notified-exactly',
  group: 'INV7',
  statement:
    'Who turns ON from 0 to 1 notifies once, and nobody else does: hardware only while SN is 0 (or urgently), with NV to NDST as they then are; KVM where it finds its target in guest mode, with its own vector to the processor on which that is loaded last; who goes to sleep its own processor, for what was posted before.',
  source:
    'SDM vol. 3C, "IPI Virtualization"; VT-d specification, "Interrupt-Posting Hardware Operation"; Linux kvm_vcpu_trigger_posted_interrupt, pi_enable_wakeup_handler',
  example: 'ON is 1 when IPI virtualization posts 40H, and a notification is sent.',
  check: (machine, ledger) => {
    const { fault, faultVcpu, faultVector } = ledger;
    const hex = faultVector.toString(16).toUpperCase();
    if (fault === LedgerFault.undueNotification)
      return `processor ${faultVcpu} is sent the notification ${hex}H, which nobody has to send`;
    if (fault === LedgerFault.suppressedNotification)
      return `virtual CPU ${faultVcpu} is to be notified by ${hex}H although SN is 1`;
    for (let vcpu = 0; vcpu < ledger.vcpus.length; vcpu++) {
      const { notifications } = ledger.vcpus[vcpu] as LedgerEntry;
      for (let i = 0; i < notifications.length; i++) {
        const kind = (notifications[i] as number) & 3;
        // Who never looks whether it has to may have had its reasons: whether the target loses anything by it, others see.
        if (kind !== Kind.undecided && !isSending(machine, vcpu, kind))
          return `virtual CPU ${vcpu}: ON was set for it, and who did so has not notified it`;
      }
    }
    return undefined;
  },
};
