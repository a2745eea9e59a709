import { addressOf } from '../physical-memory.js';
import type { LocalApic } from './local-apic.js';
import { TimerMode, timerMode } from './lvt.js';

/** IA32_TSC_DEADLINE. */
export const tscDeadlineMsr = 0x6e0;

/** The divisor of a divide-configuration value, bits 3, 1 and 0: 1, 2, 4 … 128. SDM vol. 3A, figure "Divide Configuration Register". */
export function timerDivisor(divideConfiguration: number): number {
  const code = ((divideConfiguration >>> 1) & 4) | (divideConfiguration & 3);
  return code === 7 ? 1 : 2 << code;
}

function ticksSinceStart(apic: LocalApic, now: number): number {
  return Math.floor((now - apic.timerStart) / timerDivisor(apic.registers.divideConfiguration));
}

/**
 * The current count at time `now`: falls from the initial count to 0, and in periodic mode starts again. 0 in TSC-deadline mode.
 * SDM vol. 3A, "APIC Timer".
 *
 * @param now - ticks of the timer's undivided input clock, not before `apic.timerStart`.
 */
export function currentCount(apic: LocalApic, now: number): number {
  const mode = timerMode(apic.registers);
  if (apic.timerCount === 0 || mode === TimerMode.tscDeadline) return 0;
  const left = apic.timerCount - ticksSinceStart(apic, now);
  if (left > 0) return left;
  if (mode !== TimerMode.periodic) return 0;
  const { initialCount } = apic.registers;
  return initialCount === 0 ? 0 : initialCount - (-left % initialCount);
}

/**
 * The first time after `now` at which the count reaches 0, in ticks of the undivided input clock, or -1 if it will not. In
 * TSC-deadline mode that is {@link tscDeadlineExpired}'s matter.
 */
export function nextTimerExpiry(apic: LocalApic, now: number): number {
  const count = currentCount(apic, now);
  if (count === 0) return -1;
  const divisor = timerDivisor(apic.registers.divideConfiguration);
  return apic.timerStart + divisor * (ticksSinceStart(apic, now) + count);
}

/** How often the count reached 0 after `from` and up to `to`. */
export function timerExpiries(apic: LocalApic, from: number, to: number): number {
  const expired = (now: number): number => {
    const past = ticksSinceStart(apic, now) - apic.timerCount;
    if (past < 0) return 0;
    const { initialCount } = apic.registers;
    return timerMode(apic.registers) === TimerMode.periodic && initialCount > 0
      ? 1 + Math.floor(past / initialCount)
      : 1;
  };
  if (apic.timerCount === 0 || timerMode(apic.registers) === TimerMode.tscDeadline) return 0;
  return expired(to) - expired(from);
}

/** A write of the initial count: starts the count anew, or stops it with 0. Ignored in TSC-deadline mode. */
export function writeInitialCount(apic: LocalApic, value: number, now: number): void {
  if (timerMode(apic.registers) === TimerMode.tscDeadline) return;
  apic.registers.initialCount = value;
  apic.timerStart = now;
  apic.timerCount = value;
}

/** A write of the divide configuration: the count goes on from where it is at the new rate. */
export function writeDivideConfiguration(apic: LocalApic, value: number, now: number): void {
  apic.timerCount = currentCount(apic, now);
  apic.timerStart = now;
  apic.registers.divideConfiguration = value;
}

/**
 * A write of the timer's LVT entry. A change to or from TSC-deadline mode disarms the timer; between one-shot and periodic the
 * count goes on.
 */
export function writeTimerLvt(apic: LocalApic, value: number, now: number): void {
  const { registers } = apic;
  const before = timerMode(registers);
  const count = currentCount(apic, now);
  registers.lvtTimer = value;
  const after = timerMode(registers);
  if (before === after) return;
  const disarm = before === TimerMode.tscDeadline || after === TimerMode.tscDeadline;
  apic.timerStart = now;
  apic.timerCount = disarm ? 0 : count;
  if (disarm) {
    apic.tscDeadline = [0, 0];
    registers.initialCount = 0;
  }
}

/** WRMSR of IA32_TSC_DEADLINE: arms, or disarms with 0. Dropped unless the timer is in TSC-deadline mode. SDM vol. 3A, "TSC-Deadline Mode". */
export function writeTscDeadline(apic: LocalApic, low: number, high: number): void {
  if (timerMode(apic.registers) === TimerMode.tscDeadline) apic.tscDeadline = [low, high];
}

/** Whether the armed deadline has come at this time-stamp count (below 2^53). The expiry itself disarms. */
export function tscDeadlineExpired(apic: LocalApic, tsc: number): boolean {
  const deadline = addressOf(apic.tscDeadline);
  return deadline !== 0 && tsc >= deadline;
}
