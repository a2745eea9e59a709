import { highestBit, testBit } from '../../arch/bits256.js';
import { ExitReason } from '../../arch/exit-reason.js';
import { DeliveryMode, icrDeliveryMode } from '../../arch/icr.js';
import { recordKind } from '../../engine/records.js';
import { Record } from '../../hardware/records.js';
import { apicAcceptIrq } from '../../kvm/accept-irq.js';
import { descriptorOf, type KvmMachine, type KvmVcpu, MpState, PendingEvent, vcpuOf } from '../../kvm/machine.js';
import { hostedBy, isNestedContext, nestedHasVid, nestedOf } from '../../kvm/nested/guest-mode.js';
import { KvmRecord } from '../../kvm/records.js';
import { insert, type Ledger, type LedgerEntry, LedgerFault, remove, wrong } from './ledger-entries.js';
import { announcedOn, decided, notedForL2, sent } from './notifications.js';
import { place, somebodyIn } from './places.js';

/** What the test kit's own programs tell observers. */
export const TestRecord = {
  /** A program is about to send a fixed interrupt to that virtual CPU, whatever way it will take. */
  intended: recordKind('intended', 'vcpu', 'vector'),
  /** A program has come to where it never should: a HLT that nothing could end has ended. */
  unexpected: recordKind('unexpected', 'vcpu'),
  /** A handler of an NMI is about to return. */
  nmiEnds: recordKind('model-nmi-ends', 'vcpu'),
} as const;

/** The vectors of a set of 256 bits, ascending. */
function vectorsOf(bits: readonly number[]): number[] {
  const found: number[] = [];
  for (let vector = 0; vector < 256; vector++) {
    if ((((bits[vector >> 5] as number) >>> (vector & 31)) & 1) === 1) found.push(vector);
  }
  return found;
}

/**
 * The vector of an external interrupt that has been acknowledged for the next VM entry and not delivered, or -1. What was injected stays
 * noted until the next exit.
 */
export function inHand(vcpu: KvmVcpu, inService: readonly number[]): number {
  if ((vcpu.injected & 0x8000_0700) >>> 0 !== 0x8000_0000) return -1;
  const vector = vcpu.injected & 0xff;
  return testBit(vcpu.page.isr, vector) && !inService.includes(vector) ? vector : -1;
}

/** True if an NMI has been chosen for the next VM entry; it stays noted until the next exit. */
export function nmiInHand({ injected }: KvmVcpu): boolean {
  return (injected & 0x8000_0700) >>> 0 === 0x8000_0200;
}

/** A ledger of a machine as it stands: what is posted or requested there is pending, what is in service is in service. */
export function ledgerOf(machine: KvmMachine, intents = 0): Ledger {
  return {
    vcpus: machine.vcpus.map((vcpu) => {
      const { pir } = descriptorOf(machine, vcpu);
      const pending = vectorsOf(vcpu.page.irr.map((word, i) => (word | (pir[i] as number)) >>> 0));
      const hand = inHand(vcpu, []);
      if (hand >= 0) insert(pending, hand);
      return {
        pending,
        inService: vectorsOf(vcpu.page.isr).filter((vector) => vector !== hand),
        intended: [],
        started: 0,
        nmis: vcpu.nmiQueued + vcpu.nmiPending + (nmiInHand(vcpu) ? 1 : 0),
        nmiHandled: 0,
        entering: 0,
        notifications: [],
      };
    }),
    intents,
    fault: LedgerFault.none,
    faultVcpu: 0,
    faultVector: 0,
  };
}

function accepted(ledger: Ledger, vcpu: number, vector: number): void {
  const entry = ledger.vcpus[vcpu] as LedgerEntry;
  if (!remove(entry.intended, vector) && ledger.intents === 1) wrong(ledger, LedgerFault.unsent, vcpu, vector);
  insert(entry.pending, vector);
}

/** Whose local APIC a guest has: an L2 without APIC virtualization has L1's. */
function apicOwner(machine: KvmMachine, vcpu: KvmVcpu): KvmVcpu {
  if (!isNestedContext(machine, vcpu)) return vcpu;
  const nested = nestedOf(machine, vcpu);
  return nestedHasVid(nested) ? vcpu : vcpuOf(machine, nested.l1);
}

/** A pending vector is no longer: delivered, or taken for what it stands for. The same vector may have been requested again since. */
function taken(ledger: Ledger, machine: KvmMachine, vcpu: KvmVcpu, vector: number): void {
  const { pending } = ledger.vcpus[vcpu.id] as LedgerEntry;
  if (!remove(pending, vector)) wrong(ledger, LedgerFault.unrequested, vcpu.id, vector);
  if (testBit(vcpu.page.irr, vector) || testBit(descriptorOf(machine, vcpu).pir, vector)) insert(pending, vector);
}

/** Two NMIs and one that is handled are all that an NMI can find, and one in hand. */
const mostNmis = 5;

const accepting = place(apicAcceptIrq, 'accept', 'event');

/** True if an NMI has been accepted that is in no place yet: the target is about to be told. */
export function nmiComes(machine: KvmMachine, { id }: KvmVcpu): boolean {
  return somebodyIn(machine, accepting, 'target', id);
}

function nmiDelivered(ledger: Ledger, machine: KvmMachine, vcpu: KvmVcpu): void {
  const { id, nmiQueued, nmiPending } = vcpu;
  const entry = ledger.vcpus[id] as LedgerEntry;
  if (entry.nmis === 0) wrong(ledger, LedgerFault.nmiUnsent, id, 2);
  if (entry.nmiHandled === 1) wrong(ledger, LedgerFault.nmiNested, id, 2);
  entry.nmis = Math.max(entry.nmis - 1, 0);
  // Those that came while one waited may have become one.
  if (!nmiComes(machine, vcpu)) entry.nmis = Math.min(entry.nmis, nmiQueued + nmiPending);
  entry.nmiHandled = ledger.intents;
}

function delivered(ledger: Ledger, machine: KvmMachine, vcpu: KvmVcpu, vector: number, chosen = false): void {
  if (vector === 2) nmiDelivered(ledger, machine, hostedBy(machine, vcpu));
  // Exceptions have their own rules.
  if (vector < 16) return;
  const { inService } = ledger.vcpus[vcpu.id] as LedgerEntry;
  const { page } = vcpu;
  // What software injects it chose some time before, and so does AVIC when a doorbell comes.
  const chosenBefore = chosen || inHand(vcpu, inService) === vector || vcpu.svm === 1;
  taken(ledger, machine, vcpu, vector);
  const above = Math.max(page.tpr >>> 4, (inService[inService.length - 1] ?? 0) >> 4);
  if (vector >> 4 <= above) wrong(ledger, LedgerFault.belowPriority, vcpu.id, vector);
  if (!chosenBefore && highestBit(page.irr) > vector) wrong(ledger, LedgerFault.notHighest, vcpu.id, vector);
  insert(inService, vector);
}

function ended(ledger: Ledger, vcpu: number, vector: number): void {
  const { inService } = ledger.vcpus[vcpu] as LedgerEntry;
  const highest = inService[inService.length - 1];
  if (highest === undefined) return;
  if (highest !== vector) wrong(ledger, LedgerFault.wrongEoi, vcpu, vector);
  inService.pop();
}

/** A message is at a local APIC: one that is software-disabled refuses fixed interrupts; a SIPI counts after INIT only. */
function message(entry: LedgerEntry, vcpu: KvmVcpu, icr: number): void {
  const mode = icrDeliveryMode(icr);
  if (mode === DeliveryMode.fixed && (vcpu.page.svr & 0x100) === 0) remove(entry.intended, icr & 0xff);
  if (mode === DeliveryMode.init) entry.started = 0;
  if (mode === DeliveryMode.nmi) entry.nmis = Math.min(entry.nmis + 1, mostNmis);
  const afterInit = vcpu.mpState === MpState.initReceived || (vcpu.pendingEvents & PendingEvent.init) !== 0;
  if (mode === DeliveryMode.startUp && afterInit) entry.started = 1;
}

/**
 * Enters a record: what an effect told observers, with the machine as the effect left it.
 *
 * @param kind - one of `Record`, `KvmRecord`, {@link TestRecord}; others are passed over
 * @param processor - where the effect was, -1 if on none
 */
export function enter(ledger: Ledger, kind: number, a: number, b: number, machine: KvmMachine, processor = -1): void {
  switch (kind) {
    case Record.posted:
    case Record.coalesced:
      accepted(ledger, a, b);
      break;
    case Record.delivered:
      delivered(ledger, machine, apicOwner(machine, vcpuOf(machine, a)), b);
      break;
    case KvmRecord.nestedAcknowledge:
      delivered(ledger, machine, vcpuOf(machine, a), b, true);
      if (b === nestedOf(machine, vcpuOf(machine, a)).postedIntrNv) wrong(ledger, LedgerFault.notificationExit, a, b);
      break;
    case KvmRecord.nestedNotification:
      // The notification is all there is to accept: what was posted is in L2's descriptor.
      if (!remove((ledger.vcpus[a] as LedgerEntry).intended, b) && ledger.intents === 1)
        wrong(ledger, LedgerFault.unsent, a, b);
      notedForL2(ledger, a);
      break;
    case KvmRecord.nestedNotificationTaken:
      taken(ledger, machine, vcpuOf(machine, a), b);
      break;
    case Record.endOfInterrupt:
      ended(ledger, a, b);
      break;
    case KvmRecord.eoi:
      // What hardware did and KVM only heard of has been entered.
      if (vcpuOf(machine, a).exit.reason !== ExitReason.EoiInduced) ended(ledger, a, b);
      break;
    case KvmRecord.reset:
      Object.assign(ledger.vcpus[a] as LedgerEntry, { pending: [], inService: [], nmis: 0, nmiHandled: 0 });
      break;
    case KvmRecord.acceptIrq:
      message(ledger.vcpus[a] as LedgerEntry, vcpuOf(machine, a), b);
      break;
    case KvmRecord.nestedVmenter:
      // One in HLT state is entered and rests, without any entry of the processor.
      (ledger.vcpus[a] as LedgerEntry).entering = nestedOf(machine, vcpuOf(machine, a)).activity12 === 1 ? 0 : 1;
      break;
    case Record.vmEntry:
      (ledger.vcpus[hostedBy(machine, vcpuOf(machine, a)).id] as LedgerEntry).entering = 0;
      break;
    case TestRecord.nmiEnds:
      (ledger.vcpus[a] as LedgerEntry).nmiHandled = 0;
      break;
    case Record.announced:
      announcedOn(ledger, machine, a, b);
      break;
    case KvmRecord.modeRead:
      decided(ledger, machine, a, b, processor);
      break;
    case Record.physicalIpi:
      sent(ledger, machine, a, b, processor);
      break;
    case TestRecord.unexpected:
      wrong(ledger, LedgerFault.unexpected, a, 0);
      break;
    case TestRecord.intended:
      insert((ledger.vcpus[a] as LedgerEntry).intended, b, true);
      break;
  }
}
