import { interruptAt } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from './interrupt-table.js';
import { hardware } from './machine.js';
import { Record } from './records.js';

const { microcode, stage } = hardware;

/** Idle states of a logical processor. */
export const IdleState = { poll: 0, c1: 1 } as const;

/** Their names, by number. */
export const idleStateNames: readonly string[] = ['POLL', 'C1'];

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
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(m.hostInterrupts, f.vector));
  }),
  stage('iret', 'iret', shared, (m, cpu, f) => {
    observe(m, Record.hostInterrupt, f.vector, 0);
    cpu.masked = f.masked;
    cpu.attention = 1;
  }),
]);

/** A halted processor wakes up for an interrupt, which is recognised when it has. */
export const leaveHalt = microcode('leave-halt', () => ({}), [
  stage('leave-c-state', 'idleExit', shared, (m) => {
    observe(m, Record.idle, IdleState.c1, 0);
  }),
]);
