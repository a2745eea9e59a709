import { interruptAt } from '../engine/frames.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from './interrupt-table.js';
import { hardware } from './machine.js';

const { microcode, stage } = hardware;

/**
 * An external interrupt in root operation, already acknowledged, or an NMI (vector 2): through the host's IDT to its handler, and back
 * with interrupts enabled or disabled, as they were.
 */
export const externalInterrupt = microcode('external-interrupt', () => ({ vector: 0, masked: 0 }), [
  stage('idt-vectoring', 'idtVectoring', shared, (m, cpu, f) => {
    // A maskable interrupt comes only while interrupts are enabled.
    f.masked = f.vector === 2 ? cpu.masked : 0;
    cpu.masked = 1;
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(m.hostInterrupts, f.vector));
  }),
  stage('iret', 'iret', shared, (_m, cpu, f) => {
    cpu.masked = f.masked;
    cpu.attention = 1;
  }),
]);

/** A halted processor wakes up for an interrupt, which is recognised when it has. */
export const leaveHalt = microcode('leave-halt', () => ({}), [stage('leave-c-state', 'idleExit', shared, () => {})]);
