import type { LinuxCpu, LinuxGuest } from './state.js';

/**
 * The governor's choice for an idle CPU: true to poll, false to halt. It halts after a poll in vain, and while there is no window. Linux
 * `haltpoll_select`.
 */
export function haltpollPolls(cpu: LinuxCpu): boolean {
  if (cpu.pollLimit === 0) return false;
  return cpu.lastState === 1 || cpu.pollExpired === 0;
}

/**
 * The window after a halt of `residency` cycles: larger if the halt would have fitted into the maximum, smaller if it was longer.
 * Linux `adjust_poll_limit`.
 */
export function adjustPollLimit(cpu: LinuxCpu, guest: LinuxGuest, residency: number): void {
  const { haltPollMax, haltPollGrow, haltPollGrowStart, haltPollShrink } = guest;
  if (residency > cpu.pollLimit && residency <= haltPollMax) {
    cpu.pollLimit = Math.min(Math.max(cpu.pollLimit * haltPollGrow, haltPollGrowStart), haltPollMax);
  } else if (residency > haltPollMax) {
    cpu.pollLimit = haltPollShrink === 0 ? 0 : Math.floor(cpu.pollLimit / haltPollShrink);
  }
}
