import { hasPin, PinBased } from '../arch/controls.js';
import { arm, cancel } from '../engine/requests.js';
import type { HardwareMachine, VirtualCpu } from './machine.js';

/** The VMX-preemption timer counts when this bit of the time-stamp counter changes: bits 4:0 of IA32_VMX_MISC, 5 on the processors here. */
export const preemptionTimerShift = 5;

/** True if the timer counts while the guest runs. */
export function hasPreemptionTimer(vcpu: VirtualCpu): boolean {
  return vcpu.preemptionTimer >= 0 && hasPin(vcpu.vmcs, PinBased.activateVmxPreemptionTimer);
}

/**
 * VM entry: the timer is loaded with the value in the VMCS and counts from then on; with 0 it has expired before the guest's first instruction.
 * SDM vol. 3C, "VMX-Preemption Timer".
 */
export function loadPreemptionTimer(machine: HardwareMachine, vcpu: VirtualCpu): void {
  const timer = machine.timers[vcpu.preemptionTimer];
  if (vcpu.preemptionTimerValue === 0 && timer !== undefined) {
    timer.expired = 1;
    return;
  }
  arm(machine, vcpu.preemptionTimer, vcpu.preemptionTimerValue * 2 ** preemptionTimerShift);
}

/** True if it counts or has counted down. */
export function preemptionTimerCounts(machine: HardwareMachine, vcpu: VirtualCpu): boolean {
  const timer = machine.timers[vcpu.preemptionTimer];
  return timer !== undefined && (timer.armed === 1 || timer.expired === 1);
}

/** VM exit: it stops. Its value is not saved ("save VMX-preemption timer value" is 0). */
export function stopPreemptionTimer(machine: HardwareMachine, vcpu: VirtualCpu): void {
  cancel(machine, vcpu.preemptionTimer);
}

/** True if the timer has counted down: the exit is due at the next boundary between instructions. */
export function preemptionTimerExpired(machine: HardwareMachine, vcpu: VirtualCpu): boolean {
  return hasPreemptionTimer(vcpu) && machine.timers[vcpu.preemptionTimer]?.expired === 1;
}
