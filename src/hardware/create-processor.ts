import type { LogicalProcessor } from './machine.js';
import { createPhysicalApic } from './physical-apic.js';

/** A logical processor in root operation that executes `thread`; its APIC ID is its number. */
export function createLogicalProcessor(id: number, thread: number): LogicalProcessor {
  // Written out: a spread would give every processor a hidden class of its own, and all that touches processors would be slow.
  return {
    id,
    thread,
    attention: 0,
    masked: 0,
    shadow: 0,
    inFlight: [],
    storeBuffer: [],
    apic: createPhysicalApic(id),
    nonRoot: 0,
    vcpu: -1,
    hostThread: thread,
    halted: 0,
    spinning: 0,
    flushL1d: -1,
    nmi: 0,
    expiredTimers: [],
  };
}
