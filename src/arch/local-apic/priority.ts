import type { ApicRegisters } from '../apic-registers.js';
import { clearBit, highestBit, setBit } from '../bits256.js';

/** The highest vector in service, or 0. */
function inService(registers: ApicRegisters): number {
  const vector = highestBit(registers.isr);
  return vector < 0 ? 0 : vector;
}

/**
 * Sets PPR from TPR and ISR: TPR if its class is at least that of the highest vector in service, else that class.
 * SDM vol. 3A, "Task and Processor Priorities".
 */
export function updateProcessorPriority(registers: ApicRegisters): void {
  const tpr = registers.tpr & 0xff;
  const service = inService(registers) & 0xf0;
  registers.ppr = (tpr & 0xf0) >= service ? tpr : service;
}

/** The arbitration priority (APR) of the P6 family. Later processors have no such register. SDM vol. 3A, "Lowest Priority Delivery Mode". */
export function arbitrationPriority(registers: ApicRegisters): number {
  const tpr = registers.tpr & 0xff;
  const requested = Math.max(highestBit(registers.irr), 0) & 0xf0;
  const service = inService(registers) & 0xf0;
  const task = tpr & 0xf0;
  return task >= requested && task > service ? tpr : Math.max(task & service, requested);
}

/**
 * The vector that the APIC would dispense to the core: the highest in IRR, if its class is above PPR's. SDM vol. 3A,
 * "Interrupt Acceptance for Fixed Interrupts" and "Task and Processor Priorities".
 *
 * @returns 16-255, or -1 if there is none.
 */
export function dispensableInterrupt(registers: ApicRegisters): number {
  const vector = highestBit(registers.irr);
  return vector >= 0 && (vector & 0xf0) > (registers.ppr & 0xf0) ? vector : -1;
}

/**
 * The core takes the interrupt: it moves from IRR to ISR, and PPR rises.
 *
 * @returns the vector, or -1 if there is none to take (the core then gets the {@link spuriousVector}, and ISR stays).
 */
export function acknowledgeInterrupt(registers: ApicRegisters): number {
  const vector = dispensableInterrupt(registers);
  if (vector < 0) return -1;
  clearBit(registers.irr, vector);
  setBit(registers.isr, vector);
  updateProcessorPriority(registers);
  return vector;
}

/** What the core gets if the interrupt is gone when it acknowledges: SVR bits 7:0. SDM vol. 3A, "Spurious Interrupt". */
export function spuriousVector(registers: ApicRegisters): number {
  return registers.svr & 0xff;
}
