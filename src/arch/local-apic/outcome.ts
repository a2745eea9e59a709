import type { Completed, Data, Fault, Passthrough } from '../outcome.js';
import type { InterruptMessage } from './interrupt-message.js';

/** What a read or write of a local-APIC register came to. */
export type LocalApicOutcome = Completed | Data | Fault | Passthrough | UndefinedData | IpiSent | EoiBroadcast;

/** A read of an offset without a register: the data is not defined, and an error is recorded. */
export interface UndefinedData {
  readonly kind: 'undefined-data';
}

/** A write of the ICR or of the self-IPI register sends this message. */
export interface IpiSent {
  readonly kind: 'ipi';
  readonly message: InterruptMessage;
}

/** A level-triggered interrupt ended: its vector goes to the I/O APICs. */
export interface EoiBroadcast {
  readonly kind: 'eoi-broadcast';
  readonly vector: number;
}

/** The one value of {@link UndefinedData}. */
export const undefinedData: UndefinedData = { kind: 'undefined-data' };
