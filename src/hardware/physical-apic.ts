import { clearBit, emptyBits256, highestBit, setBit } from '../arch/bits256.js';
import { costKey, observe, send } from '../engine/requests.js';
import type { HardwareMachine, LogicalProcessor, PhysicalApic } from './machine.js';
import { Record } from './records.js';

/** A physical local APIC with nothing pending. */
export function createPhysicalApic(id: number): PhysicalApic {
  return { id, irr: emptyBits256(), isr: emptyBits256() };
}

const flight = costKey('ipiFlight');

/** The message of a non-maskable interrupt. Fixed interrupts are their vectors, 0-255. */
export const nmiMessage = 0x100;

/**
 * Sends a fixed, edge-triggered interrupt to the processor with physical APIC ID `destination`. It arrives after the flight
 * time by distance. An ID without a processor is accepted by nobody.
 */
export function sendPhysicalIpi(machine: HardwareMachine, destination: number, vector: number): void {
  // Physical APIC IDs are the processors' numbers: the machine is built so.
  if (destination >= machine.processors.length) return;
  observe(machine, Record.physicalIpi, destination, vector);
  send(machine, destination, vector, flight);
}

/** An interrupt message reaches a local APIC. */
export function acceptInterrupt(processor: LogicalProcessor, vector: number): void {
  setBit(processor.apic.irr, vector);
  processor.attention = 1;
}

/** The vector that the local APIC would dispense now, or -1: the highest requested one, if its class is above PPR's. */
export function pendingVector(apic: PhysicalApic): number {
  const vector = highestBit(apic.irr);
  if (vector < 0) return -1;
  const inService = highestBit(apic.isr);
  return inService >= 0 && vector >> 4 <= inService >> 4 ? -1 : vector;
}

/** Acknowledges a pending vector: from IRR to ISR. */
export function acknowledge(apic: PhysicalApic, vector: number): void {
  clearBit(apic.irr, vector);
  setBit(apic.isr, vector);
}

/** A write to the physical EOI register; another interrupt may now be recognised. */
export function physicalEoi(processor: LogicalProcessor): void {
  const { apic } = processor;
  const vector = highestBit(apic.isr);
  if (vector >= 0) clearBit(apic.isr, vector);
  if (highestBit(apic.irr) >= 0) processor.attention = 1;
}
