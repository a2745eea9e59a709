import type { KvmMachine } from '../../kvm/machine.js';
import { avicEntry } from './avic.js';
import { announced, loadedHere, onOneList, suppressed, wakeVector } from './descriptor.js';
import {
  eoiExactness,
  noExitForNotification,
  nothingLost,
  nothingMadeUp,
  nothingSpurious,
  priorityOrder,
} from './interrupts.js';
import type { StateInvariant } from './invariant.js';
import type { Ledger } from './ledger-entries.js';
import { accessControls, inhibitFollowed, interruptStatus, irrPending, processorPriority } from './mirrors.js';
import { enteredFirst, nmiKept, nmiOnce, nmisBehind } from './nmi.js';
import { notifiedExactly } from './notifications.js';
import { interruptsOn, marksTrue, onePlace } from './tasks.js';
import { everythingDelivered, nobodySleepsOn, noLostWakeUp, startUpLatched } from './wake-up.js';

/** What holds between any two stages, and needs nothing but the machine. */
export const machineInvariants: readonly StateInvariant[] = [
  announced,
  wakeVector,
  loadedHere,
  suppressed,
  onOneList,
  interruptStatus,
  processorPriority,
  irrPending,
  accessControls,
  inhibitFollowed,
  avicEntry,
  nmisBehind,
  noLostWakeUp,
  onePlace,
  marksTrue,
  interruptsOn,
];

/** What holds between any two stages, by what was accepted, delivered and ended. */
export const ledgerInvariants: readonly StateInvariant[] = [
  nothingLost,
  nothingMadeUp,
  nothingSpurious,
  priorityOrder,
  eoiExactness,
  noExitForNotification,
  nmiKept,
  nmiOnce,
  enteredFirst,
  notifiedExactly,
];

/** What holds when nothing more can happen. */
export const finalInvariants: readonly StateInvariant[] = [nobodySleepsOn, everythingDelivered, startUpLatched];

/** Everything that is wrong with a machine between two stages: `id: what`. Empty if nothing is. */
export function brokenInvariants(
  machine: KvmMachine,
  ledger: Ledger,
  invariants: readonly StateInvariant[] = [...machineInvariants, ...ledgerInvariants],
): string[] {
  const broken: string[] = [];
  for (const invariant of invariants) {
    const wrong = invariant.check(machine, ledger);
    if (wrong !== undefined) broken.push(`${invariant.id}: ${wrong}`);
  }
  return broken;
}
