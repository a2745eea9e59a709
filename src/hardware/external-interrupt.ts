import { interruptAt } from '../engine/frames.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from './interrupt-table.js';
import { hardware } from './machine.js';

const { microcode, stage } = hardware;

/**
 * An external interrupt in root operation, already acknowledged: through the host's IDT to its handler, and back with interrupts
 * enabled, as they were.
 */
export const externalInterrupt = microcode('external-interrupt', () => ({ vector: 0 }), [
  stage('idt-vectoring', 'idtVectoring', shared, (m, cpu, f) => {
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(m.hostInterrupts, f.vector));
  }),
  stage('iret', 'iret', shared, (_m, cpu) => {
    cpu.masked = 0;
    cpu.attention = 1;
  }),
]);
