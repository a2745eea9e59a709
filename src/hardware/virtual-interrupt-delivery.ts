import { deliverVirtualInterrupt } from '../arch/virtual-interrupt-delivery.js';
import { interruptAt } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { local } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { handlerOf } from './interrupt-table.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor } from './machine.js';
import { Record } from './records.js';

const { microcode, stage } = hardware;

/**
 * Virtual-interrupt delivery and the vectoring through the guest's IDT. SDM vol. 3C, "Virtual-Interrupt Delivery".
 */
export const virtualInterruptDelivery = microcode('virtual-interrupt-delivery', () => ({ vector: 0 }), [
  stage('update-virtual-apic', 'virtualInterruptUpdate', local, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    f.vector = deliverVirtualInterrupt(vcpu);
    // Through an interrupt gate: the handler runs with interrupts disabled.
    vcpu.interruptFlag = 0;
    observe(m, Record.delivered, vcpu.id, f.vector);
  }),
  stage('idt-vectoring', 'idtVectoring', local, (m, cpu, f) => {
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(currentVcpu(m, cpu).guestInterrupts, f.vector));
  }),
]);

/** IRET from a maskable interrupt's handler, which was entered with RFLAGS.IF = 1: interrupts are enabled again. */
export function iret(machine: HardwareMachine, processor: LogicalProcessor): void {
  currentVcpu(machine, processor).interruptFlag = 1;
  processor.attention = 1;
}

/** IRET from an NMI's handler: NMIs are no longer blocked; RFLAGS.IF is as it was, which injection did not change. */
export function iretFromNmi(machine: HardwareMachine, processor: LogicalProcessor): undefined {
  currentVcpu(machine, processor).interruptibility &= ~8;
  processor.attention = 1;
}
