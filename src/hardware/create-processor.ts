import { createProcessor } from '../engine/state.js';
import type { LogicalProcessor } from './machine.js';
import { createPhysicalApic } from './physical-apic.js';

/** A logical processor in root operation that executes `thread`; its APIC ID is its number. */
export function createLogicalProcessor(id: number, thread: number): LogicalProcessor {
  return {
    ...createProcessor(id, thread),
    apic: createPhysicalApic(id),
    nonRoot: 0,
    vcpu: -1,
    hostThread: thread,
    halted: 0,
    spinning: 0,
    nmi: 0,
    expiredTimers: [],
  };
}
