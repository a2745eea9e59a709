import { callAt, interruptWith, restartInstruction } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from './interrupt-table.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { Record } from './records.js';

const { microcode, stage } = hardware;

/** What a caller finds returned by an instruction that faulted and was left out by the handler. */
export const faulted = -1;

/**
 * What an exception handler returns: the instruction is tried again, or left out (an entry in the table of fix-ups, Linux
 * `fixup_exception`; its caller then finds {@link faulted}).
 */
export const AfterFault = { retry: 0, skip: 1 } as const;

/** Leaves out the instruction under the frame on top, which is the exception's. */
function skipFaulting(thread: Thread): void {
  thread.splice(thread.length - 2, 1);
  const caller = thread[thread.length - 2];
  if (caller !== undefined) caller.value = faulted;
}

/**
 * A hardware exception in VMX non-root operation, of an instruction or injected with a VM entry: through the guest's IDT, an interrupt
 * gate, to its handler, and back with RFLAGS.IF as it was. SDM vol. 3A, "Exception- or Interrupt-Handler Procedures".
 */
export const exceptionDelivery = microcode('exception-delivery', () => ({ vector: 0, interruptFlag: 0 }), [
  stage('idt-vectoring', 'idtVectoring', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const thread = m.threads[cpu.thread] as Thread;
    f.interruptFlag = vcpu.interruptFlag;
    vcpu.interruptFlag = 0;
    observe(m, Record.exception, vcpu.id, f.vector);
    callAt(thread, handlerOf(vcpu.guestInterrupts, f.vector));
  }),
  stage('iret', 'iret', shared, (m, cpu, f, after) => {
    currentVcpu(m, cpu).interruptFlag = f.interruptFlag;
    cpu.attention = 1;
    if (after === AfterFault.skip) skipFaulting(m.threads[cpu.thread] as Thread);
    return done;
  }),
]);

/**
 * The instruction that executes faults, and KVM does not intercept the exception: nothing of it has happened, and the exception is
 * delivered.
 */
export function raiseFault(machine: HardwareMachine, processor: LogicalProcessor, vector: number): void {
  const thread = machine.threads[processor.thread] as Thread;
  restartInstruction(thread);
  // Blocking by STI ends with the delivery.
  processor.shadow = 0;
  interruptWith(thread, exceptionDelivery).vector = vector;
}
