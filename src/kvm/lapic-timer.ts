import { TimerMode, timerMode } from '../arch/local-apic/lvt.js';
import { timerDivisor } from '../arch/local-apic/timer.js';
import { call } from '../engine/frames.js';
import { arm, cancel, notify, observe, readClock } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import type { Timer } from '../engine/state.js';
import { fence, load } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { preemptionTimerShift } from '../hardware/preemption-timer.js';
import { timerUse } from '../hardware/timer-uses.js';
import { apicAcceptIrq } from './accept-irq.js';
import { kvmVcpuKick } from './kick.js';
import { kvmWaitLapicExpire } from './lapic-timer-advance.js';
import { cancelHvTimer, canPostTimerInterrupt, canUseHvTimer, useHvTimer } from './lapic-timer-choice.js';
import {
  type KvmMachine,
  type KvmVcpu,
  kvm,
  makeRequest,
  VcpuMode,
  VcpuRequest,
  vcpuMode,
  vcpuOf,
  vmOf,
} from './machine.js';
import { KvmRecord } from './records.js';

const { program, stage, glue } = kvm;

function isPeriodic(vcpu: KvmVcpu): boolean {
  return timerMode(vcpu.page) === TimerMode.periodic;
}

/** The cycles that a count stands for. Linux `tmict_to_ns`. */
function countCycles(machine: KvmMachine, vcpu: KvmVcpu, count: number): number {
  return count * timerDivisor(vcpu.page.divideConfiguration) * vmOf(machine, vcpu).apicTick;
}

/** The period that the initial count stands for; a periodic one has a least value (`min_timer_period_us`). Linux `limit_periodic_timer_frequency`. */
function setPeriod(machine: KvmMachine, vcpu: KvmVcpu): void {
  const period = countCycles(machine, vcpu, vcpu.page.initialCount);
  vcpu.lapicTimer.divisor = timerDivisor(vcpu.page.divideConfiguration);
  const least = isPeriodic(vcpu) ? 200 * vmOf(machine, vcpu).cyclesPerMicrosecond : 0;
  vcpu.lapicTimer.period = period === 0 ? 0 : Math.max(period, least);
}

/**
 * The deadline that the count registers set. A restored timer (`restore` 1) goes on from its current count: none left means due now for a
 * one-shot timer, a whole period for a periodic one. Linux `set_target_expiration`.
 */
function setTargetExpiration(machine: KvmMachine, vcpu: KvmVcpu, restore: number, now: number): void {
  const { lapicTimer: timer, page } = vcpu;
  setPeriod(machine, vcpu);
  if (timer.period === 0) {
    timer.deadline = 0;
    return;
  }
  let left = timer.period;
  if (restore === 1) {
    const rest = countCycles(machine, vcpu, page.currentCount);
    if (rest === 0) left = isPeriodic(vcpu) ? timer.period : 0;
    else left = Math.min(rest, timer.period);
  }
  // 0 would say that there is none.
  timer.deadline = Math.max(1, now + left);
}

/** What is left of the count, in ticks of the divided clock. Linux `apic_get_tmcct`. */
export function currentTimerCount(machine: KvmMachine, vcpu: KvmVcpu, now: number): number {
  const { deadline, period } = vcpu.lapicTimer;
  if (timerMode(vcpu.page) === TimerMode.tscDeadline || vcpu.page.initialCount === 0 || period === 0) return 0;
  const left = Math.max(0, deadline - now) % period;
  return Math.floor(left / countCycles(machine, vcpu, 1));
}

/** A write to the divide configuration: what is left of a running count passes at the new rate. Linux `update_target_expiration`. */
function updateTargetExpiration(machine: KvmMachine, vcpu: KvmVcpu, before: number, now: number): void {
  const { lapicTimer: timer } = vcpu;
  setPeriod(machine, vcpu);
  const left = Math.max(0, timer.deadline - now);
  timer.deadline = now + Math.floor((left * timerDivisor(vcpu.page.divideConfiguration)) / before);
}

/** Disarms both back ends and forgets an expiry that has not been injected. Linux `cancel_apic_timer`. */
export function cancelApicTimer(machine: KvmMachine, vcpu: KvmVcpu): void {
  cancel(machine, vcpu.lapicTimer.hrtimer);
  if (vcpu.lapicTimer.hvInUse === 1) cancelHvTimer(vcpu);
  vcpu.lapicTimer.pending = 0;
}

/** True if the host's timer for this virtual CPU is armed. */
function hrtimerArmed(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  return (machine.timers[vcpu.lapicTimer.hrtimer] as Timer).armed === 1;
}

/** Starts the host's timer, on the processor that is to run it: one kept for housekeeping if it is a posted timer. Linux `hrtimer_start`. */
function hrtimerStart(
  machine: KvmMachine,
  processor: LogicalProcessor,
  vcpu: KvmVcpu,
  expires: number,
  now: number,
): void {
  const { lapicTimer } = vcpu;
  const { timerProcessor } = vmOf(machine, vcpu);
  const elsewhere = timerProcessor >= 0 && canPostTimerInterrupt(machine, vcpu);
  timerUse(machine, lapicTimer.hrtimer).processor = elsewhere ? timerProcessor : processor.id;
  lapicTimer.expires = Math.max(0, expires);
  arm(machine, lapicTimer.hrtimer, Math.max(0, expires - now));
}

/**
 * The host's timer, for a deadline early by the advance, or for the end of a count, which is never advanced. One that is due already expires
 * at once. Linux `start_sw_timer`, `start_sw_tscdeadline`, `start_sw_period`.
 */
export const startSwTimer = program('start_sw_timer', () => ({ expires: 0 }), [
  stage('ktime_get', 'ktimeGet', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (vcpu.lapicTimer.hvInUse === 1) cancelHvTimer(vcpu);
    if (vcpu.lapicTimer.deadline === 0 || (!isPeriodic(vcpu) && vcpu.lapicTimer.pending > 0)) return done;
    readClock(m);
    return undefined;
  }),
  glue(
    'due',
    (m, cpu, f, now) => {
      const vcpu = currentVcpu(m, cpu);
      const { deadline, advance } = vcpu.lapicTimer;
      f.expires = timerMode(vcpu.page) === TimerMode.tscDeadline ? deadline - advance : deadline;
      if (f.expires > now) return 'hrtimer_start';
      call(m, cpu, apicTimerExpired).target = vcpu.id;
      return undefined;
    },
    { to: ['hrtimer_start'] },
  ),
  stage('advance_periodic_target_expiration', 'timerPeriod', shared, (m, cpu) => {
    if (!isPeriodic(currentVcpu(m, cpu))) return done;
    readClock(m);
    return undefined;
  }),
  glue('next-period', (m, cpu, f, now) => {
    advancePeriodicTargetExpiration(currentVcpu(m, cpu), now);
    f.expires = currentVcpu(m, cpu).lapicTimer.deadline;
  }),
  stage('hrtimer_start', 'hrtimerStart', shared, (m) => {
    readClock(m);
  }),
  stage('program', 'hrtimerProgram', shared, (m, cpu, f, now) => {
    observe(m, KvmRecord.hvTimerState, cpu.vcpu, 0);
    hrtimerStart(m, cpu, currentVcpu(m, cpu), f.expires, now);
  }),
]);

/**
 * Arms what stands for the guest's timer: the VMX-preemption timer if it may and its 32 bits reach that far, else the host's. Linux
 * `restart_apic_timer`, `start_hv_timer`, `vmx_set_hv_timer`.
 */
export const restartApicTimer = program('restart_apic_timer', () => ({}), [
  stage('rdtsc', 'rdtsc', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (!isPeriodic(vcpu) && vcpu.lapicTimer.pending > 0) return done;
    readClock(m);
    return undefined;
  }),
  stage(
    'start_hv_timer',
    'startHvTimer',
    shared,
    (m, cpu, _f, now) => {
      const vcpu = currentVcpu(m, cpu);
      const { deadline, advance } = vcpu.lapicTimer;
      const left = Math.max(0, deadline - now - advance);
      if (!canUseHvTimer(m, vcpu) || deadline === 0 || left >= 2 ** (32 + preemptionTimerShift))
        return 'start_sw_timer';
      useHvTimer(vcpu);
      cancel(m, vcpu.lapicTimer.hrtimer);
      observe(m, KvmRecord.hvTimerState, vcpu.id, 1);
      // A periodic timer that is due is left to the exit that it causes: that computes the next period.
      if (isPeriodic(vcpu) || left > 0) return done;
      call(m, cpu, apicTimerExpired).target = vcpu.id;
      return 'cancel_hv_timer';
    },
    { to: ['start_sw_timer', 'cancel_hv_timer'] },
  ),
  glue('cancel_hv_timer', (m, cpu) => {
    cancelHvTimer(currentVcpu(m, cpu));
    return done;
  }),
  glue('start_sw_timer', (m, cpu) => {
    call(m, cpu, startSwTimer);
  }),
  glue('started', () => done),
]);

/**
 * The guest has set its timer, or a saved state has (`restore` 1). Linux `__start_apic_timer`.
 */
export const startApicTimer = program('__start_apic_timer', () => ({ restore: 0 }), [
  glue(
    'mode',
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      vcpu.lapicTimer.pending = 0;
      return timerMode(vcpu.page) === TimerMode.tscDeadline ? 'restart_apic_timer' : undefined;
    },
    { to: ['restart_apic_timer'] },
  ),
  stage('ktime_get', 'ktimeGet', shared, (m) => {
    readClock(m);
  }),
  glue('set_target_expiration', (m, cpu, f, now) => {
    const vcpu = currentVcpu(m, cpu);
    setTargetExpiration(m, vcpu, f.restore, now);
    return vcpu.lapicTimer.deadline === 0 ? done : undefined;
  }),
  glue('restart_apic_timer', (m, cpu) => {
    call(m, cpu, restartApicTimer);
  }),
  glue('started', () => done),
]);

/** A write to the divide configuration while a count runs. Linux `kvm_lapic_reg_write`, APIC_TDCR. */
export const updateDivideCount = program('update_target_expiration', () => ({ before: 1 }), [
  stage('ktime_get', 'ktimeGet', shared, (m, cpu) => {
    cancel(m, currentVcpu(m, cpu).lapicTimer.hrtimer);
    readClock(m);
  }),
  glue('restart_apic_timer', (m, cpu, f, now) => {
    updateTargetExpiration(m, currentVcpu(m, cpu), f.before, now);
    call(m, cpu, restartApicTimer);
  }),
  glue('started', () => done),
]);

/**
 * The next period's end. One that is past as well, because the guest was stopped for long, is due now: what was missed is not made up for.
 * Linux `advance_periodic_target_expiration`.
 */
function advancePeriodicTargetExpiration(vcpu: KvmVcpu, now: number): void {
  const { lapicTimer } = vcpu;
  lapicTimer.deadline = Math.max(now, lapicTimer.deadline + lapicTimer.period);
}

/** Makes the timer's interrupt, by its LVT entry, and disarms what does not repeat. Linux `kvm_apic_inject_pending_timer_irqs`. */
export const kvmApicInjectPendingTimerIrqs = program('kvm_apic_inject_pending_timer_irqs', () => ({ target: 0 }), [
  stage('kvm_apic_local_deliver', 'timerInject', shared, (m, cpu, f) => {
    const vcpu = vcpuOf(m, f.target);
    vcpu.lapicTimer.pending = 0;
    if (!isPeriodic(vcpu)) vcpu.lapicTimer.deadline = 0;
    const entry = vcpu.page.lvtTimer;
    if ((entry & 0x1_0000) !== 0) return;
    const accept = call(m, cpu, apicAcceptIrq);
    accept.target = f.target;
    accept.low = (entry & 0xff) | 0x4000;
  }),
  glue('injected', () => done),
]);

/**
 * The timer's deadline has come. With APICv and in the virtual CPU's own context the interrupt is made at once; by the host's timer it is
 * posted, if that is how it is done and the guest runs, or left for the virtual CPU, which is kicked. Linux `apic_timer_expired`.
 */
export const apicTimerExpired = program('apic_timer_expired', () => ({ target: 0, fromTimer: 0 }), [
  stage(
    'pending',
    'timerExpired',
    shared,
    (m, cpu, f) => {
      const vcpu = vcpuOf(m, f.target);
      const timer = vcpu.lapicTimer;
      if (timer.pending > 0) return done;
      if (timerMode(vcpu.page) === TimerMode.tscDeadline || timer.hvInUse === 1) timer.expiredDeadline = timer.deadline;
      if (f.fromTimer === 0 && vcpu.apicvActive === 1) return 'kvm_apic_inject_pending_timer_irqs';
      // Linux `kvm_use_posted_timer_interrupt`.
      const post = canPostTimerInterrupt(m, vcpu) && load(m, cpu, vcpuMode, f.target) === VcpuMode.inGuestMode;
      if (post) {
        if (timer.expiredDeadline > 0 && timer.advance > 0) call(m, cpu, kvmWaitLapicExpire).target = f.target;
        return 'kvm_apic_inject_pending_timer_irqs';
      }
      timer.pending++;
      // Who polls elsewhere sees it before the request.
      notify(m, vcpu.channel);
      return undefined;
    },
    { to: ['kvm_apic_inject_pending_timer_irqs'], line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine },
  ),
  stage(
    'kvm_make_request',
    'makeRequest',
    shared,
    (m, cpu, f) => {
      fence(m, cpu);
      const vcpu = vcpuOf(m, f.target);
      makeRequest(vcpu, VcpuRequest.unblock);
      notify(m, vcpu.channel);
      if (f.fromTimer === 1) call(m, cpu, kvmVcpuKick).target = f.target;
    },
    { line: (m, _cpu, f) => vcpuOf(m, f.target).modeLine },
  ),
  glue('requested', () => done),
  glue('kvm_apic_inject_pending_timer_irqs', (m, cpu, f) => {
    call(m, cpu, kvmApicInjectPendingTimerIrqs).target = f.target;
  }),
  glue('handled', () => done),
]);

/** The host's timer for a guest's has expired; a periodic one starts again. Linux `apic_timer_fn`. */
export const apicTimerFn = program('apic_timer_fn', () => ({ timer: 0, target: 0 }), [
  glue('apic_timer_expired', (m, cpu, f) => {
    f.target = timerUse(m, f.timer).owner;
    const expired = call(m, cpu, apicTimerExpired);
    expired.target = f.target;
    expired.fromTimer = 1;
  }),
  glue('lapic_is_periodic', (m, _cpu, f) => (isPeriodic(vcpuOf(m, f.target)) ? undefined : done)),
  stage('advance_periodic_target_expiration', 'timerPeriod', shared, (m) => {
    readClock(m);
  }),
  stage('HRTIMER_RESTART', 'hrtimerProgram', shared, (m, cpu, f, now) => {
    const vcpu = vcpuOf(m, f.target);
    if (vcpu.lapicTimer.period === 0) return;
    advancePeriodicTargetExpiration(vcpu, now);
    // It stays on the processor whose handler this is.
    const { processor } = timerUse(m, f.timer);
    hrtimerStart(m, m.processors[processor] ?? cpu, vcpu, vcpu.lapicTimer.deadline, now);
  }),
]);

/** The VMX-preemption timer has expired; a periodic timer starts again. Linux `kvm_lapic_expired_hv_timer`. */
export const kvmLapicExpiredHvTimer = program('kvm_lapic_expired_hv_timer', () => ({ target: 0 }), [
  stage('hv_timer_in_use', 'hvTimerExpired', shared, (m, cpu, f) => {
    // If the thread has been switched out meanwhile, that has dealt with it.
    if (vcpuOf(m, f.target).lapicTimer.hvInUse === 0) return done;
    call(m, cpu, apicTimerExpired).target = f.target;
    return undefined;
  }),
  glue('cancel_hv_timer', (m, _cpu, f) => {
    const vcpu = vcpuOf(m, f.target);
    cancelHvTimer(vcpu);
    return isPeriodic(vcpu) && vcpu.lapicTimer.period > 0 ? undefined : done;
  }),
  stage('advance_periodic_target_expiration', 'timerPeriod', shared, (m) => {
    readClock(m);
  }),
  glue('restart_apic_timer', (m, cpu, f, now) => {
    advancePeriodicTargetExpiration(vcpuOf(m, f.target), now);
    call(m, cpu, restartApicTimer);
  }),
  glue('restarted', () => done),
]);

/**
 * The virtual CPU has moved: its host timer follows, so that the expiry interrupts the processor it runs on. A posted one stays where it
 * is. Linux `__kvm_migrate_apic_timer`.
 */
export const kvmMigrateApicTimer = program('__kvm_migrate_apic_timer', () => ({}), [
  stage('hrtimer_cancel', 'hrtimerStart', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    if (canPostTimerInterrupt(m, vcpu) || !hrtimerArmed(m, vcpu)) return done;
    cancel(m, vcpu.lapicTimer.hrtimer);
    readClock(m);
    return undefined;
  }),
  stage('hrtimer_start_expires', 'hrtimerProgram', shared, (m, cpu, _f, now) => {
    const vcpu = currentVcpu(m, cpu);
    hrtimerStart(m, cpu, vcpu, vcpu.lapicTimer.expires, now);
  }),
]);
