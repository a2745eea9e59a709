import type { ExitReason } from './exit-reason.js';

/**
 * What an architectural operation came to. An architectural fault is an outcome and never a thrown error; after a fault
 * nothing else has changed.
 */
export type Outcome = Completed | Data | Fault | VmExit | Passthrough | Posted | VirtualInterrupt;

/** The operation was done (for a virtualized access: with all of its emulation) and no VM exit followed. */
export interface Completed {
  readonly kind: 'completed';
}

/** A read was virtualized; `low` and `high` are the two 32-bit halves of what it returned. */
export interface Data {
  readonly kind: 'data';
  readonly low: number;
  readonly high: number;
}

/** An exception is delivered instead; nothing changed. Vector 13 is #GP(0). */
export interface Fault {
  readonly kind: 'fault';
  readonly vector: number;
  readonly errorCode: number;
}

/** A VM exit. `trapLike`: the instruction has retired before the exit (RIP points past it). */
export interface VmExit {
  readonly kind: 'exit';
  readonly reason: ExitReason;
  readonly qualification: number;
  readonly trapLike: boolean;
  /** VM-exit interruption information, for reason 1 with "acknowledge interrupt on exit". */
  readonly interruptionInformation?: number;
}

/** Not virtualized: the access goes to ordinary memory or to the physical local APIC. */
export interface Passthrough {
  readonly kind: 'passthrough';
}

/**
 * An interrupt was posted; `notify` says whether a notification is to be sent: `vector` to the physical APIC ID that `destination`
 * holds as the descriptor's NDST does (`apicIdOfNdst`).
 */
export interface Posted {
  readonly kind: 'posted';
  readonly notify: boolean;
  readonly vector: number;
  readonly destination: number;
}

/** Virtual-interrupt delivery: this vector goes through the guest IDT. */
export interface VirtualInterrupt {
  readonly kind: 'virtual-interrupt';
  readonly vector: number;
}

/** The one value of {@link Completed}. */
export const completed: Completed = { kind: 'completed' };
/** The one value of {@link Passthrough}. */
export const passthrough: Passthrough = { kind: 'passthrough' };
/** #GP(0). */
export const generalProtection: Fault = { kind: 'fault', vector: 13, errorCode: 0 };
/** Posted without a notification, because one is outstanding or suppressed. */
export const postedSilently: Posted = { kind: 'posted', notify: false, vector: 0, destination: 0 };
