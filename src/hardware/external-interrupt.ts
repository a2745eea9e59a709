import { interruptAt } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from './interrupt-table.js';
import { type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { Record } from './records.js';

const { microcode, stage, glue } = hardware;

/**
 * How much longer than leaving the lightest state it takes to leave the one that a halted processor is in. A core is in the lightest of its threads'
 * states.
 */
function exitLatency(machine: HardwareMachine, { id, halted }: LogicalProcessor): number {
  let state = halted;
  const first = id - (id % machine.threadsPerCore);
  for (let thread = first; thread < first + machine.threadsPerCore; thread++) {
    state = Math.min(state, machine.processors[thread]?.halted ?? 0);
  }
  return machine.idleStates[Math.max(1, state)]?.exitLatency ?? 0;
}

/** Something runs that may leave secrets in the L1 data cache. Linux `kvm_set_cpu_l1tf_flush_l1d`. */
export function askForL1dFlush(processor: LogicalProcessor): void {
  if (processor.flushL1d === 0) processor.flushL1d = 1;
}

/**
 * An external interrupt in root operation, already acknowledged, or an NMI (vector 2): through the host's IDT to its handler, and back
 * with interrupts enabled or disabled, as they were.
 */
export const externalInterrupt = microcode('external-interrupt', () => ({ vector: 0, masked: 0 }), [
  stage('idt-vectoring', 'idtVectoring', shared, (m, cpu, f) => {
    // A maskable interrupt comes only while interrupts are enabled.
    f.masked = f.vector === 2 ? cpu.masked : 0;
    cpu.masked = 1;
    observe(m, Record.hostInterrupt, f.vector, 1);
    if (f.vector !== 2) askForL1dFlush(cpu);
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(m.hostInterrupts, f.vector));
  }),
  glue('irqentry_exit', (m, cpu) => {
    if (m.interruptExit >= 0) interruptAt(m.threads[cpu.thread] as Thread, m.interruptExit);
  }),
  stage('iret', 'iret', shared, (m, cpu, f) => {
    observe(m, Record.hostInterrupt, f.vector, 0);
    cpu.masked = f.masked;
    cpu.attention = 1;
  }),
]);

/** A halted processor wakes up: for a store that it monitored, or for an interrupt, which is recognised when it has. */
export const leaveHalt = microcode('leave-halt', () => ({}), [
  stage(
    'leave-c-state',
    'idleExit',
    shared,
    (m, cpu) => {
      observe(m, Record.idle, cpu.halted, 0);
      cpu.halted = 0;
    },
    { work: exitLatency },
  ),
]);

/**
 * The same in VMX non-root operation, where the guest itself has halted the processor: whatever ends that, be it an exit or the processing
 * of a posted interrupt, comes when the processor is back.
 */
export const leaveGuestHalt = microcode('leave-guest-halt', () => ({}), [
  stage('leave-c-state', 'haltedWake', shared, (_m, cpu) => {
    cpu.halted = 0;
    cpu.attention = 1;
  }),
]);

/** The guest halts the processor that it runs on: in the lightest state, for it has no hint for another. */
export function haltByGuest(processor: LogicalProcessor): void {
  processor.halted = 1;
  processor.attention = 1;
}
