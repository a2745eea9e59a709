import { ApicMode } from '../apic-mode.js';
import { DeliveryMode, decodeIcr, Shorthand } from '../icr.js';
import { completed } from '../outcome.js';
import { loadWord, storeWord } from '../virtual-apic-page.js';
import { endOfInterrupt } from './eoi.js';
import { ApicError, recordError, writeErrorStatus } from './errors.js';
import type { InterruptMessage } from './interrupt-message.js';
import { isSoftwareEnabled, type LocalApic } from './local-apic.js';
import { lvtMasked, maskAllLvt } from './lvt.js';
import type { LocalApicOutcome } from './outcome.js';
import { updateProcessorPriority } from './priority.js';
import type { RegisterDescription } from './register-map.js';
import { writeDivideConfiguration, writeInitialCount, writeTimerLvt } from './timer.js';

/**
 * The message that the ICR holds, or undefined where it sends none: the reserved delivery modes, INIT level de-assert (which
 * processors since Pentium 4 ignore), and shorthands with a delivery mode that they do not go with. SDM vol. 3A, "Interrupt Command
 * Register (ICR)" and table "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local xAPIC ICR". Sent as edge.
 */
export function messageOfIcr(low: number, high: number, x2apic: boolean): InterruptMessage | undefined {
  const { vector, deliveryMode, destinationMode, shorthand, level, triggerMode, destination } = decodeIcr(
    low,
    high,
    x2apic,
  );
  if (deliveryMode === 3 || deliveryMode === 7) return undefined;
  if (deliveryMode === DeliveryMode.init && level === 0 && triggerMode === 1) return undefined;
  const includesSelf = shorthand === Shorthand.self || shorthand === Shorthand.allIncludingSelf;
  if (includesSelf && deliveryMode !== DeliveryMode.fixed) return undefined;
  return { vector, deliveryMode, destinationMode, shorthand, destination, triggerMode: 0 };
}

function usesVector(message: InterruptMessage): boolean {
  return message.deliveryMode === DeliveryMode.fixed || message.deliveryMode === DeliveryMode.lowestPriority;
}

/** Sends the message in the ICR. An illegal vector is recorded and sent all the same: its receivers record it too. */
function sendIcr(apic: LocalApic): LocalApicOutcome {
  const { registers } = apic;
  const x2apic = apic.mode === ApicMode.x2apic;
  const message = messageOfIcr(registers.icrLow, x2apic ? registers.icr64High : registers.icrHigh, x2apic);
  if (message === undefined) return completed;
  if (message.vector < 16 && usesVector(message)) recordError(apic, ApicError.sendIllegalVector);
  return { kind: 'ipi', message };
}

/** MSR 83FH: an edge-triggered fixed IPI to the sender. SDM vol. 3A, "SELF IPI Register". */
function sendSelfIpi(apic: LocalApic, vector: number): LocalApicOutcome {
  if (vector < 16) recordError(apic, ApicError.sendIllegalVector);
  return {
    kind: 'ipi',
    message: {
      vector,
      deliveryMode: DeliveryMode.fixed,
      destinationMode: 0,
      destination: 0,
      shorthand: Shorthand.self,
      triggerMode: 0,
    },
  };
}

function writeSpuriousVector(apic: LocalApic, value: number): void {
  apic.registers.svr = value;
  if (!isSoftwareEnabled(apic)) maskAllLvt(apic.registers);
}

function isLvt(offset: number): boolean {
  return offset === 0x2f0 || (offset >= 0x320 && offset <= 0x370);
}

/**
 * Carries out a write that the mode allows.
 *
 * @param value - bits 31:0; bits that cannot be written are ignored here.
 * @param high - bits 63:32, for the ICR in x2APIC mode.
 * @param now - ticks of the timer's input clock.
 */
export function writeRegister(
  apic: LocalApic,
  register: RegisterDescription,
  value: number,
  high: number,
  now: number,
): LocalApicOutcome {
  const { registers } = apic;
  const { offset } = register;
  const x2apic = apic.mode === ApicMode.x2apic;
  const written = (value & register.writable) >>> 0;
  switch (offset) {
    case 0x080:
      registers.tpr = written;
      updateProcessorPriority(registers);
      return completed;
    case 0x0b0: {
      const vector = endOfInterrupt(registers);
      return vector < 0 ? completed : { kind: 'eoi-broadcast', vector };
    }
    case 0x0e0:
      registers.dfr = (written | 0x0fff_ffff) >>> 0;
      return completed;
    case 0x0f0:
      writeSpuriousVector(apic, written);
      return completed;
    case 0x280:
      writeErrorStatus(apic);
      return completed;
    case 0x300:
      registers.icrLow = written;
      if (x2apic) registers.icr64High = high;
      return sendIcr(apic);
    case 0x380:
      writeInitialCount(apic, written, now);
      return completed;
    case 0x3e0:
      writeDivideConfiguration(apic, written, now);
      return completed;
    case 0x3f0:
      return sendSelfIpi(apic, written);
  }
  const kept = loadWord(registers, offset) & (register.readOnly ?? 0);
  let stored = (written | kept) >>> 0;
  if (isLvt(offset) && !isSoftwareEnabled(apic)) stored = (stored | lvtMasked) >>> 0;
  if (offset === 0x320) writeTimerLvt(apic, stored, now);
  else storeWord(registers, offset, stored);
  return completed;
}
