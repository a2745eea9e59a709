import type { KvmMachine } from '../../kvm/machine.js';
import type { Ledger } from './ledger-entries.js';

/** The classes of rules to which every invariant belongs. */
export const invariantClasses = {
  INV1: 'No lost interrupt',
  INV2: 'No lost wake-up',
  INV3: 'Priority order',
  INV4: 'Nothing spurious',
  INV5: 'EOI exactness',
  INV6: 'Destination exactness',
  INV7: 'Notification exactness',
  INV8: 'Bounded work',
  INV9: 'Fault exactness',
  INV10: 'Save and restore equivalence',
  INV11: 'Bounds and lifetime',
  INV12: 'Mirror coherence',
  INV13: 'Isolation',
  INV14: 'Event latching',
} as const;

/** One of {@link invariantClasses}. */
export type InvariantClass = keyof typeof invariantClasses;

/** What is known of an invariant beside how it is tested. */
export interface InvariantInfo {
  /** Unique, as `INV7-announced`. */
  readonly id: string;
  /** The class of rules that it belongs to. */
  readonly group: InvariantClass;
  /** What has to hold, in one sentence. */
  readonly statement: string;
  /** Who says so: a section of the SDM, a function of the kernel. */
  readonly source: string;
  /** The smallest state (or end) that breaks it. */
  readonly example: string;
}

/**
 * A rule about a machine between two stages. The test looks at the machine and at the ledger of what was accepted, delivered and ended,
 * changes neither, and knows nothing of how the machine got there.
 */
export interface StateInvariant extends InvariantInfo {
  /** What is wrong, or undefined. */
  check(machine: KvmMachine, ledger: Ledger): string | undefined;
}
