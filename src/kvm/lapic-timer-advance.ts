import { testBit } from '../arch/bits256.js';
import { observe, readClock } from '../engine/requests.js';
import { local, shared } from '../engine/routine.js';
import { type KvmMachine, type KvmVcpu, kvm, TimerAdvance, vcpuOf, vmOf } from './machine.js';
import { KvmRecord } from './records.js';

const { program, stage } = kvm;

/** The errors that are corrected, in cycles. Linux `lapic.c`, LAPIC_TIMER_ADVANCE_ADJUST_MIN and _MAX. */
const leastError = 100;
const mostError = 10_000;
/** The part of an error that is corrected at once. LAPIC_TIMER_ADVANCE_ADJUST_STEP. */
const step = 8;
/** The largest advance, in microseconds; beyond it the advance starts anew at one. LAPIC_TIMER_ADVANCE_NS_MAX and _INIT. */
const mostMicroseconds = 5;

/**
 * The advance after an expiry that came `late` cycles after its deadline (early below 0), in cycles. A small error is noise and a large one
 * an accident: neither changes it. Linux `adjust_lapic_timer_advance`.
 */
export function adjustTimerAdvance(advance: number, late: number, cyclesPerMicrosecond: number): number {
  const error = Math.abs(late);
  if (error > mostError || error < leastError) return advance;
  const adjusted = late < 0 ? advance - Math.floor(error / step) : advance + Math.floor(error / step);
  // Unsigned: an advance below 0 is too large, too.
  return adjusted > mostMicroseconds * cyclesPerMicrosecond || adjusted < 0 ? cyclesPerMicrosecond : adjusted;
}

/**
 * True if this entry delivers the interrupt of a timer that was advanced. With APICv the vector is in IRR, without it in ISR, by the
 * injection. (A vector that the guest's priority still holds back in IRR is waited for without need.) Linux `kvm_wait_lapic_expire`,
 * `lapic_timer_int_injected`.
 */
export function hasToWaitForDeadline(vcpu: KvmVcpu): boolean {
  const { expiredDeadline, advance } = vcpu.lapicTimer;
  if (expiredDeadline === 0 || advance === 0) return false;
  const vector = vcpu.page.lvtTimer & 0xff;
  return testBit(vcpu.apicvActive === 1 ? vcpu.page.irr : vcpu.page.isr, vector);
}

function left(timer: { deadline: number; advance: number }, now: number): number {
  return Math.max(0, Math.min(timer.deadline - now, timer.advance));
}

/**
 * An advanced timer has expired, early or late: the advance follows if it is adaptive, and what is left to the true deadline is waited for,
 * with interrupts off. Before the entry that delivers the interrupt, or, for a posted timer, in its handler. Linux
 * `__kvm_wait_lapic_expire`, `__wait_lapic_expire`.
 */
export const kvmWaitLapicExpire = program(
  '__kvm_wait_lapic_expire',
  () => ({ target: 0, deadline: 0, advance: 0, wait: 0 }),
  [
    stage('rdtsc', 'rdtsc', shared, (m, _cpu, f) => {
      const { lapicTimer } = vcpuOf(m, f.target);
      f.deadline = lapicTimer.expiredDeadline;
      lapicTimer.expiredDeadline = 0;
      readClock(m);
    }),
    stage('adjust_lapic_timer_advance', 'timerAdvanceAdjust', shared, (m, _cpu, f, now) => {
      adapt(m, vcpuOf(m, f.target), now - f.deadline);
      // The counter is read again: adjusting took time, too.
      readClock(m);
    }),
    stage('begin-delay', 'rdtsc', local, (m, _cpu, f, now) => {
      f.advance = vcpuOf(m, f.target).lapicTimer.advance;
      f.wait = left(f, now);
    }),
    stage('__delay', 'timerDelay', shared, () => {}, { work: (_m, _cpu, f) => f.wait }),
  ],
);

function adapt(machine: KvmMachine, vcpu: KvmVcpu, late: number): void {
  const vm = vmOf(machine, vcpu);
  observe(machine, KvmRecord.waitLapicExpire, vcpu.id, late);
  if (vm.timerAdvance !== TimerAdvance.adaptive) return;
  vcpu.lapicTimer.advance = adjustTimerAdvance(vcpu.lapicTimer.advance, late, vm.cyclesPerMicrosecond);
}
