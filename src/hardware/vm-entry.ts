import { enterApicVirtualization } from '../arch/vm-entry-apic.js';
import { interruptAt, interruptWith } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { exceptionDelivery } from './exceptions.js';
import { handlerOf } from './interrupt-table.js';
import { currentVcpu, hardware } from './machine.js';
import { Record } from './records.js';
import { vmExit } from './vm-exit.js';

const { microcode, stage } = hardware;

/** Types of interruption information, bits 10:8. */
const nmi = 2;
const hardwareException = 3;

function inject(thread: Thread, information: number): void {
  if (((information >>> 8) & 7) === hardwareException) {
    interruptWith(thread, exceptionDelivery).vector = information & 0xff;
  } else {
    interruptWith(thread, eventInjection).information = information;
  }
}

/**
 * Event injection: the event goes through the guest's IDT as part of the VM entry. An external interrupt's handler runs with
 * interrupts disabled, an NMI's with NMIs blocked; an event wakes a halted guest. SDM vol. 3C, "Event Injection".
 */
export const eventInjection = microcode('event-injection', () => ({ information: 0 }), [
  stage('idt-vectoring', 'idtVectoring', shared, (m, cpu, f) => {
    const vcpu = currentVcpu(m, cpu);
    const vector = f.information & 0xff;
    if (((f.information >>> 8) & 7) === nmi) vcpu.interruptibility |= 8;
    else vcpu.interruptFlag = 0;
    vcpu.activity = 0;
    observe(m, Record.delivered, vcpu.id, vector);
    interruptAt(m.threads[cpu.thread] as Thread, handlerOf(vcpu.guestInterrupts, vector));
  }),
]);

/**
 * VMLAUNCH and VMRESUME, from the host thread's point of view: it returns when the guest has exited. Events that are pending are
 * recognised before the guest's first instruction. SDM vol. 3C, "VM Entries".
 */
export const vmEntry = microcode('vm-entry', () => ({}), [
  stage('load-guest-state', 'vmEntry', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    observe(m, Record.vmEntry, vcpu.id);
    cpu.hostThread = cpu.thread;
    cpu.thread = vcpu.thread;
    cpu.nonRoot = 1;
    cpu.masked = 0;
    // Blocking by STI ends with the first instruction after the entry.
    cpu.shadow = (vcpu.interruptibility & 1) === 0 ? 0 : 1;
    cpu.attention = 1;
    const outcome = enterApicVirtualization(vcpu);
    if ((vcpu.entryInterruption & 0x8000_0000) !== 0) {
      inject(m.threads[vcpu.thread] as Thread, vcpu.entryInterruption);
      vcpu.entryInterruption = 0;
    }
    if (outcome.kind === 'exit') vmExit(m, cpu, outcome);
  }),
]);
