import { clearBit, setBit } from '../bits256.js';
import { matchesDestination, matchesShorthand } from '../destination.js';
import { DeliveryMode, Shorthand } from '../icr.js';
import { ApicError, recordError } from './errors.js';
import { isSoftwareEnabled, type LocalApic } from './local-apic.js';

/** An interrupt message on its way to local APICs: an IPI, or one from an I/O APIC or MSI (shorthand none). */
export interface InterruptMessage {
  readonly vector: number;
  /** {@link DeliveryMode}. */
  readonly deliveryMode: number;
  /** 0 physical, 1 logical. */
  readonly destinationMode: number;
  /** 8 bits from xAPIC mode, 32 from x2APIC mode. */
  readonly destination: number;
  /** {@link Shorthand}. */
  readonly shorthand: number;
  /** 0 edge, 1 level. */
  readonly triggerMode: number;
}

/** What a message did at one local APIC: `irr` requested there, `none` not accepted, otherwise an event for the core. */
export type Acceptance = 'irr' | 'nmi' | 'smi' | 'init' | 'sipi' | 'extint' | 'none';

/** One receiver of a message. */
export interface Reception {
  /** Index of the local APIC. */
  readonly receiver: number;
  readonly acceptance: Acceptance;
}

function acceptVector(apic: LocalApic, vector: number, triggerMode: number): Acceptance {
  if (!isSoftwareEnabled(apic)) return 'none';
  if (vector < 16) {
    recordError(apic, ApicError.receiveIllegalVector);
    return 'none';
  }
  const { irr, tmr } = apic.registers;
  setBit(irr, vector);
  if (triggerMode === 0) clearBit(tmr, vector);
  else setBit(tmr, vector);
  return 'irr';
}

/**
 * An interrupt reaches a local APIC: fixed and lowest-priority ones are requested in IRR (TMR takes the trigger mode), the
 * others go to the core. A software-disabled APIC takes only INIT, NMI, SMI and SIPI. SDM vol. 3A, "Interrupt Acceptance for Fixed
 * Interrupts" and "Local APIC State After It Has Been Software Disabled".
 */
export function acceptInterrupt(
  apic: LocalApic,
  vector: number,
  deliveryMode: number,
  triggerMode: number,
): Acceptance {
  switch (deliveryMode) {
    case DeliveryMode.fixed:
    case DeliveryMode.lowestPriority:
      return acceptVector(apic, vector, triggerMode);
    case DeliveryMode.smi:
      return 'smi';
    case DeliveryMode.nmi:
      return 'nmi';
    case DeliveryMode.init:
      return 'init';
    case DeliveryMode.startUp:
      return 'sipi';
    case DeliveryMode.extInt:
      return 'extint';
    default:
      return 'none';
  }
}

/**
 * The receiver of a lowest-priority message among those that match: the enabled one with the lowest task priority, the first of
 * equals. SDM vol. 3A, "Lowest Priority Delivery Mode" (which leaves ties, and what a focus processor does, to the model).
 *
 * @returns its index, or -1 if none of `candidates` (indices) is enabled.
 */
export function lowestPriorityReceiver(apics: readonly LocalApic[], candidates: readonly number[]): number {
  let best = -1;
  let priority = 0x100;
  for (const index of candidates) {
    const apic = apics[index];
    if (apic === undefined || !isSoftwareEnabled(apic) || apic.registers.tpr >= priority) continue;
    best = index;
    priority = apic.registers.tpr;
  }
  return best;
}

/** The local APICs that a message is meant for, ascending; `sender` is the index of the one that sends, -1 for a device. */
export function receiversOf(apics: readonly LocalApic[], sender: number, message: InterruptMessage): number[] {
  const { shorthand, destination, destinationMode, deliveryMode } = message;
  const matching: number[] = [];
  apics.forEach((apic, index) => {
    const match =
      shorthand === Shorthand.none
        ? matchesDestination(apic, destination, destinationMode)
        : apic.mode !== 0 && matchesShorthand(shorthand, index === sender);
    if (match) matching.push(index);
  });
  if (deliveryMode !== DeliveryMode.lowestPriority) return matching;
  const receiver = lowestPriorityReceiver(apics, matching);
  return receiver < 0 ? [] : [receiver];
}

/** Carries a message to all its receivers, in ascending order. An INIT is reported; to apply it is the caller's. */
export function deliverMessage(apics: readonly LocalApic[], sender: number, message: InterruptMessage): Reception[] {
  return receiversOf(apics, sender, message).map((receiver) => ({
    receiver,
    acceptance: acceptInterrupt(
      apics[receiver] as LocalApic,
      message.vector,
      message.deliveryMode,
      message.triggerMode,
    ),
  }));
}
