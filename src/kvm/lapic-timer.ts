import { PinBased } from '../arch/controls.js';
import { TimerMode, timerMode } from '../arch/local-apic/lvt.js';
import { timerDivisor } from '../arch/local-apic/timer.js';
import { call } from '../engine/frames.js';
import { arm, cancel, notify, readClock } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { fence, load } from '../engine/store-buffer.js';
import { currentVcpu } from '../hardware/machine.js';
import { timerUse } from '../hardware/timer-uses.js';
import { apicAcceptIrq } from './accept-irq.js';
import { kvmVcpuKick } from './kick.js';
import {
  type KvmMachine,
  type KvmVcpu,
  kvm,
  makeRequest,
  PostedTimer,
  VcpuMode,
  VcpuRequest,
  vcpuMode,
  vcpuOf,
  vmOf,
} from './machine.js';

const { program, stage, glue } = kvm;

/**
 * True if another processor runs the timer and posts its interrupt. Linux `kvm_can_post_timer_interrupt`; before 5.18 it did not ask
 * whether this guest halts without an exit.
 */
function canPostTimerInterrupt(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  if (vm.postedTimer === PostedTimer.off || vcpu.apicvActive === 0) return false;
  return vm.postedTimer === PostedTimer.global || vm.hltInGuest === 1 || vm.mwaitInGuest === 1;
}

/** True if the VMX-preemption timer may stand for the guest's. Linux `kvm_can_use_hv_timer`. */
export function canUseHvTimer(machine: KvmMachine, vcpu: KvmVcpu): boolean {
  const vm = vmOf(machine, vcpu);
  return vm.preemptionTimer === 1 && vm.mwaitInGuest === 0 && !canPostTimerInterrupt(machine, vcpu);
}

/** Linux `cancel_hv_timer`. */
export function cancelHvTimer(machine: KvmMachine, vcpu: KvmVcpu): void {
  cancel(machine, vcpu.preemptionTimer);
  vcpu.lapicTimer.hvInUse = 0;
  vcpu.vmcs.pinBasedControls &= ~PinBased.activateVmxPreemptionTimer;
}

/** The deadline that TMICT and TDCR set, counted from now. Linux `set_target_expiration`. */
function countDeadline(machine: KvmMachine, vcpu: KvmVcpu, now: number): number {
  const { initialCount, divideConfiguration } = vcpu.page;
  return initialCount === 0 ? 0 : now + initialCount * timerDivisor(divideConfiguration) * vmOf(machine, vcpu).apicTick;
}

/**
 * Arms the timer for its deadline: the VMX-preemption timer if that may be used, else a timer of the host, early by the advance. Linux
 * `restart_apic_timer`, `start_hv_timer`, `start_sw_timer`. With `software` 1 the host's in any case; with `count` 1 the deadline
 * follows from the initial count first.
 */
export const restartApicTimer = program('restart_apic_timer', () => ({ software: 0, count: 0 }), [
  stage('rdtsc', 'rdtsc', shared, (m, cpu) => {
    const { lapicTimer } = currentVcpu(m, cpu);
    cancel(m, lapicTimer.hrtimer);
    readClock(m);
  }),
  stage(
    'start_hv_timer',
    'startHvTimer',
    shared,
    (m, cpu, f, now) => {
      const vcpu = currentVcpu(m, cpu);
      const timer = vcpu.lapicTimer;
      if (f.count === 1) timer.deadline = countDeadline(m, vcpu, now);
      cancelHvTimer(m, vcpu);
      if (timer.deadline === 0) return done;
      const left = timer.deadline - timer.advance - now;
      if (f.software === 1 || !canUseHvTimer(m, vcpu)) {
        if (left <= 0) {
          call(m, cpu, apicTimerExpired).target = vcpu.id;
          return 'started';
        }
        const { timerProcessor } = vmOf(m, vcpu);
        const posted = canPostTimerInterrupt(m, vcpu);
        timerUse(m, timer.hrtimer).processor = posted && timerProcessor >= 0 ? timerProcessor : cpu.id;
        // Programming the host's timer costs more; it is started there, after this much.
        return left > 0 ? 'hrtimer_start' : 'started';
      }
      if (left <= 0) {
        // The deadline has passed: nothing is armed, the interrupt is made at once.
        call(m, cpu, apicTimerExpired).target = vcpu.id;
        return 'started';
      }
      arm(m, vcpu.preemptionTimer, left);
      timer.hvInUse = 1;
      vcpu.vmcs.pinBasedControls |= PinBased.activateVmxPreemptionTimer;
      return 'started';
    },
    { to: ['hrtimer_start', 'started'] },
  ),
  stage('hrtimer_start', 'rdtsc', shared, (m) => {
    readClock(m);
  }),
  stage('program', 'hrtimerStart', shared, (m, cpu, _f, now) => {
    const { lapicTimer } = currentVcpu(m, cpu);
    arm(m, lapicTimer.hrtimer, Math.max(0, lapicTimer.deadline - lapicTimer.advance - now));
  }),
  glue('started', () => done),
]);

/** Makes the timer's interrupt, by its LVT entry, and disarms what does not repeat. Linux `kvm_apic_inject_pending_timer_irqs`. */
export const kvmApicInjectPendingTimerIrqs = program('kvm_apic_inject_pending_timer_irqs', () => ({ target: 0 }), [
  stage('kvm_apic_local_deliver', 'timerInject', shared, (m, cpu, f) => {
    const vcpu = vcpuOf(m, f.target);
    vcpu.lapicTimer.pending = 0;
    if (timerMode(vcpu.page) !== TimerMode.periodic) vcpu.lapicTimer.deadline = 0;
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
      timer.expiredDeadline = timerMode(vcpu.page) === TimerMode.tscDeadline ? timer.deadline : 0;
      const own = f.fromTimer === 0 && vcpu.apicvActive === 1;
      const post = canPostTimerInterrupt(m, vcpu) && load(m, cpu, vcpuMode, f.target) === VcpuMode.inGuestMode;
      if (own || post) {
        call(m, cpu, kvmApicInjectPendingTimerIrqs).target = f.target;
        return 'handled';
      }
      timer.pending++;
      return undefined;
    },
    { to: ['handled'] },
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
  glue('handled', () => done),
]);

/** The host's timer for a guest's has expired. Linux `apic_timer_fn`. */
export const apicTimerFn = program('apic_timer_fn', () => ({ timer: 0 }), [
  glue('apic_timer_expired', (m, cpu, f) => {
    const expired = call(m, cpu, apicTimerExpired);
    expired.target = timerUse(m, f.timer).owner;
    expired.fromTimer = 1;
  }),
]);

/** The VMX-preemption timer has expired. Linux `kvm_lapic_expired_hv_timer`. */
export const kvmLapicExpiredHvTimer = program('kvm_lapic_expired_hv_timer', () => ({ target: 0 }), [
  stage('cancel_hv_timer', 'hvTimerExpired', shared, (m, cpu, f) => {
    const vcpu = vcpuOf(m, f.target);
    if (vcpu.lapicTimer.hvInUse === 0) return done;
    cancelHvTimer(m, vcpu);
    call(m, cpu, apicTimerExpired).target = f.target;
    return undefined;
  }),
  stage('advance_periodic_target_expiration', 'timerPeriod', shared, (m, cpu, f) => {
    if (timerMode(vcpuOf(m, f.target).page) === TimerMode.periodic) call(m, cpu, restartApicTimer).count = 1;
  }),
]);

/** How far off the advance may be before it starts anew, and the errors that are corrected, in cycles. Linux `lapic.c`, `LAPIC_TIMER_ADVANCE_*`. */
const leastError = 100;
const mostError = 10_000;

/** The advance after an expiry that came `late` cycles after its deadline (early below 0), in cycles. Linux `adjust_lapic_timer_advance`. */
export function adjustTimerAdvance(advance: number, late: number, cyclesPerMicrosecond: number): number {
  const error = Math.abs(late);
  if (error > mostError || error < leastError) return advance;
  const adjusted = late < 0 ? advance - Math.floor(error / 8) : advance + Math.floor(error / 8);
  return adjusted > 5 * cyclesPerMicrosecond || adjusted < 0 ? cyclesPerMicrosecond : adjusted;
}

/** Before the entry that delivers an advanced timer's interrupt: waits for the true deadline. Linux `kvm_wait_lapic_expire`. */
export const kvmWaitLapicExpire = program('kvm_wait_lapic_expire', () => ({ left: 0 }), [
  stage('rdtsc', 'rdtsc', shared, (m) => {
    readClock(m);
  }),
  stage('adjust', 'timerAdvanceAdjust', shared, (m, cpu, f, now) => {
    const vcpu = currentVcpu(m, cpu);
    const timer = vcpu.lapicTimer;
    f.left = Math.max(0, timer.expiredDeadline - now);
    timer.advance = adjustTimerAdvance(timer.advance, now - timer.expiredDeadline, vmOf(m, vcpu).cyclesPerMicrosecond);
    timer.expiredDeadline = 0;
  }),
  stage('delay', 'timerDelay', shared, () => {}, {
    // Interrupts are off: nothing cuts it.
    work: (_m, _cpu, f) => f.left,
  }),
]);
