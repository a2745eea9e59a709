import { hasSecondary, Secondary } from '../arch/controls.js';
import { ExitReason } from '../arch/exit-reason.js';
import { arm, cancel } from '../engine/requests.js';
import { shared } from '../engine/routine.js';
import { currentVcpu, type HardwareMachine, hardware, type LogicalProcessor, type VirtualCpu } from './machine.js';
import { vmExit } from './vm-exit.js';

const { instruction, stage } = hardware;

/** The PAUSE with which a loop becomes too long: exits, fault-like. SDM vol. 3C, "Pause-Loop Exiting". */
export const pauseInstruction = instruction(
  'pause',
  () => ({}),
  [],
  [
    stage('execute', 'instructionRetire', shared, (m, cpu) => {
      vmExit(m, cpu, { kind: 'exit', reason: ExitReason.PauseInstruction, qualification: 0, trapLike: false });
    }),
  ],
);

function exitsOnLoops(vcpu: VirtualCpu): boolean {
  return vcpu.pauseTimer >= 0 && hasSecondary(vcpu.vmcs, Secondary.pauseLoopExiting);
}

/** True if its loop is being timed while the guest runs: what entry and exit do about that, others can tell. */
export function timesPauseLoop(vcpu: VirtualCpu): boolean {
  return vcpu.pauseLoop === 1 && exitsOnLoops(vcpu);
}

/** The guest begins to spin with PAUSE: the first of the loop. Consecutive ones are closer than PLE_Gap. */
export function beginPauseLoop(machine: HardwareMachine, processor: LogicalProcessor): undefined {
  const vcpu = currentVcpu(machine, processor);
  vcpu.pauseLoop = 1;
  if (exitsOnLoops(vcpu)) arm(machine, vcpu.pauseTimer, vcpu.pleWindow);
}

/** The loop is over. */
export function endPauseLoop(machine: HardwareMachine, processor: LogicalProcessor): undefined {
  const vcpu = currentVcpu(machine, processor);
  vcpu.pauseLoop = 0;
  if (vcpu.pauseTimer >= 0) cancel(machine, vcpu.pauseTimer);
}

/** VM entry into a guest that spins: its next PAUSE comes later than PLE_Gap after the last, so the loop counts from now. */
export function restartPauseLoop(machine: HardwareMachine, vcpu: VirtualCpu): void {
  arm(machine, vcpu.pauseTimer, vcpu.pleWindow);
}

/** VM exit: the time outside does not count. */
export function stopPauseLoop(machine: HardwareMachine, vcpu: VirtualCpu): void {
  cancel(machine, vcpu.pauseTimer);
}

/** True if the next PAUSE makes the loop longer than PLE_Window. */
export function pauseLoopExpired(machine: HardwareMachine, vcpu: VirtualCpu): boolean {
  return timesPauseLoop(vcpu) && machine.timers[vcpu.pauseTimer]?.expired === 1;
}
