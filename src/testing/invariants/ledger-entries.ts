import type { Schema } from '../../engine/schema.js';
import { flag, integer, list, record } from '../../engine/schema-values.js';

/** What one virtual CPU's local APIC has been told, and has told its guest. Lists of vectors, ascending. */
export interface LedgerEntry {
  /** Accepted and not delivered. */
  pending: number[];
  /** Delivered and without an EOI. */
  inService: number[];
  /** About to be sent by a program; it has not reached this APIC. */
  intended: number[];
  /** 1 once a SIPI has come to it after INIT: then it has to start. */
  started: number;
  /** NMIs accepted and neither delivered nor merged with one that was. */
  nmis: number;
  /** 1 from the delivery of an NMI until its handler returns, where programs say when that is. */
  nmiHandled: number;
  /** 1 from VMRESUME until L2 has been entered: until then it cannot have exited. */
  entering: number;
  /** Notifications that somebody has to send, in the terms of `notifications.ts`, ascending. */
  notifications: number[];
}

/** The first thing that went wrong when something was accepted, delivered or ended. */
export const LedgerFault = {
  none: 0,
  /** A message came that nobody sent, or a second time. */
  unsent: 1,
  /** A vector was delivered that was not pending. */
  unrequested: 2,
  /** One was delivered although its class is not above the processor priority. */
  belowPriority: 3,
  /** One was delivered although a higher one was requested. */
  notHighest: 4,
  /** An EOI ended the service of a vector that was not the highest in service. */
  wrongEoi: 5,
  /** A program of the test kit is where it never should be. */
  unexpected: 6,
  /** L2 exited to L1 for a notification that is L2's to process. */
  notificationExit: 7,
  /** A notification was sent that nobody had to send. */
  undueNotification: 8,
  /** ON was set, so that a notification is due, although SN is 1. */
  suppressedNotification: 9,
  /** An NMI was delivered that nobody sent, or a second time. */
  nmiUnsent: 10,
  /** An NMI was delivered while one is handled. */
  nmiNested: 11,
} as const;

/**
 * What observers remember of a run, so that a state alone shows whether something was lost, made up or done twice: as plain data, part of
 * what the explorer tells states apart by.
 */
export interface Ledger {
  /** By virtual CPU. */
  vcpus: LedgerEntry[];
  /** 1 if programs say what they are about to send ({@link TestRecord}): then what comes must have been sent, once. */
  intents: number;
  /** {@link LedgerFault}, and where. */
  fault: number;
  faultVcpu: number;
  faultVector: number;
}

const vectors = list(integer(0, 255));

/** What a ledger looks like. */
export const ledgerSchema: Schema<Ledger> = record({
  vcpus: list(
    record({
      pending: vectors,
      inService: vectors,
      intended: vectors,
      started: flag,
      nmis: integer(0, 7),
      nmiHandled: flag,
      entering: flag,
      notifications: list(integer(0, 2 ** 31 - 1)),
    }),
  ),
  intents: flag,
  fault: integer(0, 255),
  faultVcpu: integer(0, 2 ** 31 - 1),
  faultVector: integer(0, 255),
});

/** Adds a vector to an ascending list; `twice` says whether it may be there more than once. */
export function insert(list: number[], vector: number, twice = false): void {
  let at = list.length;
  while (at > 0 && (list[at - 1] as number) > vector) at--;
  if (!twice && at > 0 && list[at - 1] === vector) return;
  list.push(0);
  for (let i = list.length - 1; i > at; i--) list[i] = list[i - 1] as number;
  list[at] = vector;
}

/** Takes a vector out of a list; false if it was not there. */
export function remove(list: number[], vector: number): boolean {
  const at = list.indexOf(vector);
  if (at < 0) return false;
  for (let i = at + 1; i < list.length; i++) list[i - 1] = list[i] as number;
  list.pop();
  return true;
}

/** Something is wrong: the first thing is kept. */
export function wrong(ledger: Ledger, fault: number, vcpu: number, vector: number): void {
  if (ledger.fault !== LedgerFault.none) return;
  ledger.fault = fault;
  ledger.faultVcpu = vcpu;
  ledger.faultVector = vector;
}
