import type { VmExit } from '../arch/outcome.js';
import { svmExitCode } from '../arch/svm-exit-code.js';
import { leaveApicVirtualization } from '../arch/vm-entry-apic.js';
import { callOn, inInstruction, restartInstruction, retireInstruction, stageOf, topFrame } from '../engine/frames.js';
import { cancel, observe } from '../engine/requests.js';
import { done, local, shared } from '../engine/routine.js';
import type { Frame, Thread } from '../engine/state.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor, type VirtualCpu } from './machine.js';
import { preemptionTimerCounts, stopPreemptionTimer } from './preemption-timer.js';
import { Record } from './records.js';

const { microcode, stage, glue } = hardware;

/** True if its loop of PAUSE is timed. */
function timesPauseLoop(vcpu: VirtualCpu): boolean {
  return vcpu.pauseLoop === 1 && vcpu.pauseTimer >= 0;
}

function hasTimers(machine: HardwareMachine, vcpu: VirtualCpu): boolean {
  return preemptionTimerCounts(machine, vcpu) || timesPauseLoop(vcpu);
}

/** What the processor does on a VM exit: saves guest state, loads host state. SDM vol. 3C, "VM Exits". */
export const vmExitMicrocode = microcode('vm-exit', () => ({}), [
  glue('preemption-timer', (m, cpu) => (hasTimers(m, currentVcpu(m, cpu)) ? 'save-guest-and-stop-timer' : undefined), {
    to: ['save-guest-and-stop-timer'],
  }),
  stage('save-guest-load-host', 'vmExit', local, () => done),
  stage('save-guest-and-stop-timer', 'vmExit', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (preemptionTimerCounts(m, vcpu)) stopPreemptionTimer(m, vcpu);
    if (timesPauseLoop(vcpu)) cancel(m, vcpu.pauseTimer);
  }),
]);

/**
 * A VM exit: the guest's instruction is retired (trap-like) or will start again (fault-like), the exit is recorded in the VMCS,
 * and the processor goes on in root operation, where it entered, with interrupts disabled.
 */
export function vmExit(machine: HardwareMachine, processor: LogicalProcessor, exit: VmExit): void {
  const vcpu = currentVcpu(machine, processor);
  const guest = machine.threads[vcpu.thread] as Thread;
  // A halted guest's HLT has been executed: it waits on after the next entry, and is over once something has woken the guest.
  if (vcpu.activity === 0 && inInstruction(guest)) {
    const { kind, boundary } = stageOf(topFrame(guest) as Frame);
    if (exit.trapLike || (kind === 'instruction' && boundary)) retireInstruction(guest);
    else restartInstruction(guest);
  }
  vcpu.exit.reason = exit.reason;
  vcpu.exit.qualification = exit.qualification;
  vcpu.exit.interruptionInformation = exit.interruptionInformation ?? 0;
  vcpu.interruptibility = (vcpu.interruptibility & ~1) | (processor.shadow > 0 ? 1 : 0);
  if (vcpu.svm === 1) vcpu.vTpr = vcpu.page.tpr >>> 4;
  leaveApicVirtualization(vcpu);
  processor.shadow = 0;
  processor.nonRoot = 0;
  processor.masked = 1;
  processor.thread = processor.hostThread;
  if (vcpu.svm === 0 && exit.interruptionInformation !== undefined) {
    observe(machine, Record.exitInterruption, vcpu.id, exit.interruptionInformation);
  }
  observe(machine, Record.vmExit, vcpu.svm === 1 ? svmExitCode(exit.reason) : exit.reason, exit.qualification);
  callOn(machine.threads[processor.hostThread] as Thread, vmExitMicrocode);
}
