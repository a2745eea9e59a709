import { enterApicVirtualization } from '../arch/vm-entry-apic.js';
import { interruptAt, interruptWith } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { enterAvic } from './avic.js';
import { exceptionDelivery } from './exceptions.js';
import { handlerOf } from './interrupt-table.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor, type VirtualCpu } from './machine.js';
import { restartPauseLoop, timesPauseLoop } from './pause-loop.js';
import { hasPreemptionTimer, loadPreemptionTimer } from './preemption-timer.js';
import { Record } from './records.js';
import { vmExit } from './vm-exit.js';

const { microcode, stage, glue } = hardware;

/** Types of interruption information, bits 10:8. */
const nmi = 2;
const hardwareException = 3;

function hasTimers(vcpu: VirtualCpu): boolean {
  return hasPreemptionTimer(vcpu) || timesPauseLoop(vcpu);
}

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
  glue('timers', (m, cpu) => (hasTimers(currentVcpu(m, cpu)) ? undefined : 'load-guest-state'), {
    to: ['load-guest-state'],
  }),
  // The preemption timer can expire during the entry (SDM vol. 3C, "Special Features of VM Entry"): it counts from before the guest state is
  // loaded. Unit tests agree: a guest's deadline is met as closely as if loading cost it nothing.
  stage('start-timers', 'preemptionTimerStart', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (hasPreemptionTimer(vcpu)) loadPreemptionTimer(m, vcpu);
    if (timesPauseLoop(vcpu)) restartPauseLoop(m, vcpu);
  }),
  stage('load-guest-state', 'vmEntry', local, (m, cpu) => loadGuestState(m, cpu)),
]);

function loadGuestState(machine: HardwareMachine, processor: LogicalProcessor): undefined {
  const vcpu = currentVcpu(machine, processor);
  observe(machine, Record.vmEntry, vcpu.id);
  processor.hostThread = processor.thread;
  processor.thread = vcpu.thread;
  processor.nonRoot = 1;
  processor.masked = 0;
  // Blocking by STI ends with the first instruction after the entry.
  processor.shadow = (vcpu.interruptibility & 1) === 0 ? 0 : 1;
  processor.attention = 1;
  const outcome = enterApicVirtualization(vcpu);
  if (vcpu.svm === 1) enterAvic(vcpu);
  if ((vcpu.entryInterruption & 0x8000_0000) !== 0) {
    inject(machine.threads[vcpu.thread] as Thread, vcpu.entryInterruption);
    vcpu.entryInterruption = 0;
  }
  if (outcome.kind === 'exit') vmExit(machine, processor, outcome);
}
