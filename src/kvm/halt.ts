import { call } from '../engine/frames.js';
import { arm, cancel, expired, observe, readClock } from '../engine/requests.js';
import { done, local, shared } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { fence } from '../engine/store-buffer.js';
import { currentVcpu, type LogicalProcessor } from '../hardware/machine.js';
import { currentTask, runQueueOf, TaskState } from '../host/machine.js';
import { schedule } from '../host/schedule.js';
import { kvmApicAcceptEvents } from './accept-events.js';
import { avicVcpuLoad, avicVcpuPut } from './avic.js';
import { adjustHaltPoll } from './halt-poll.js';
import { isRunnable, takesPosted } from './has-events.js';
import { restartApicTimer, startSwTimer } from './lapic-timer.js';
import { type KvmMachine, type KvmVcpu, kvm, MpState, VcpuRequest, vmOf } from './machine.js';
import { vmxCheckNestedEvents } from './nested/nested-events.js';
import { piPostBlock, piPreBlock } from './pi-block.js';
import { KvmRecord } from './records.js';
import { finishSwait, prepareToSwait } from './swait.js';
import { vmxSyncPirToIrr } from './sync-pir-to-irr.js';

const { program, stage, glue, until } = kvm;

function line(machine: KvmMachine, processor: LogicalProcessor): number {
  return currentVcpu(machine, processor).descriptorLine;
}

/** True if the wait is over. Linux `kvm_vcpu_check_block`. */
function checkBlock(machine: KvmMachine, vcpu: KvmVcpu, look: 'take' | 'only' = 'take'): boolean {
  return (
    isRunnable(machine, vcpu, look) ||
    vcpu.lapicTimer.pending > 0 ||
    vcpu.signalPending === 1 ||
    (vcpu.requests & VcpuRequest.unblock) !== 0
  );
}

/** True if polling has to stop for somebody else's sake: another task waits here, or the scheduler wants the processor. Linux `kvm_vcpu_can_poll`, `single_task_running`. */
function othersWait(machine: KvmMachine, processor: LogicalProcessor): boolean {
  const { queue, needResched } = runQueueOf(machine, processor.id);
  const { haltPollStopsForResched } = vmOf(machine, currentVcpu(machine, processor));
  return queue.length > 0 || (needResched === 1 && haltPollStopsForResched === 1);
}

/**
 * Sleeps until there is something to do: names its task for wakers, marks it as about to sleep, looks again, and only then switches out.
 * Linux `kvm_vcpu_block`.
 */
export const kvmVcpuBlock = program('kvm_vcpu_block', () => ({ slept: 0 }), [
  glue('wait-queue', (m, cpu) => (vmOf(m, currentVcpu(m, cpu)).rcuwait === 1 ? undefined : 'kvm_arch_vcpu_blocking'), {
    to: ['kvm_arch_vcpu_blocking'],
  }),
  stage(
    'prepare_to_rcuwait',
    'rcuwaitPrepare',
    shared,
    (m, cpu) => {
      currentVcpu(m, cpu).waiter = 1;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).modeLine },
  ),
  // Before it looks for the last time: who sends after that sees that it does not run.
  glue('kvm_arch_vcpu_blocking', (m, cpu) => {
    if (currentVcpu(m, cpu).svm === 1) call(m, cpu, avicVcpuPut).vcpu = cpu.vcpu;
  }),
  glue(
    'prepare_to_swait_exclusive',
    (m, cpu) => {
      if (vmOf(m, currentVcpu(m, cpu)).rcuwait === 1) return undefined;
      call(m, cpu, prepareToSwait);
      return 'kvm_vcpu_check_block';
    },
    { to: ['kvm_vcpu_check_block'] },
  ),
  stage('set_current_state', 'setCurrentState', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    fence(m, cpu);
  }),
  stage(
    'kvm_vcpu_check_block',
    'checkBlock',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      // Others may post between the steps of the harvest: the last look before a sleep is the one in which that matters.
      if (takesPosted(m, vcpu)) {
        call(m, cpu, vmxSyncPirToIrr);
        return 'kvm_apic_has_interrupt';
      }
      return checkBlock(m, vcpu) ? 'finish' : undefined;
    },
    { line, to: ['kvm_apic_has_interrupt', 'finish'] },
  ),
  glue('schedule', (m, cpu, f) => {
    f.slept = 1;
    call(m, cpu, schedule);
  }),
  glue('again', () => 'prepare_to_swait_exclusive', { to: ['prepare_to_swait_exclusive'] }),
  stage(
    'kvm_apic_has_interrupt',
    'checkBlockHarvested',
    shared,
    (m, cpu) => (checkBlock(m, currentVcpu(m, cpu), 'only') ? 'finish' : 'schedule'),
    { line, to: ['finish', 'schedule'] },
  ),
  glue(
    'finish',
    (m, cpu) => {
      if (vmOf(m, currentVcpu(m, cpu)).rcuwait === 1) return undefined;
      call(m, cpu, finishSwait);
      return 'kvm_arch_vcpu_unblocking';
    },
    { to: ['kvm_arch_vcpu_unblocking'] },
  ),
  stage(
    'finish_rcuwait',
    'rcuwaitFinish',
    shared,
    (m, cpu) => {
      currentTask(m, cpu.id).state = TaskState.running;
      currentVcpu(m, cpu).waiter = 0;
    },
    { line: (m, cpu) => currentVcpu(m, cpu).modeLine },
  ),
  glue('kvm_arch_vcpu_unblocking', (m, cpu) => {
    if (currentVcpu(m, cpu).svm === 1) call(m, cpu, avicVcpuLoad).vcpu = cpu.vcpu;
  }),
  glue('slept', (_m, _cpu, f) => f.slept),
]);

/** True if a virtual CPU's thread is in {@link kvmVcpuBlock}. */
export function isBlocking(thread: Thread): boolean {
  return thread.some(({ at }) => at >= kvmVcpuBlock.entry && at < kvmVcpuBlock.entry + kvmVcpuBlock.stages.length);
}

/**
 * A halted virtual CPU: polls for as long as its window says, then sleeps; and the window adapts to how long it was. Linux
 * `kvm_vcpu_halt`.
 */
export const kvmVcpuHalt = program('kvm_vcpu_halt', () => ({ start: 0, polled: 0, slept: 0, end: 0 }), [
  stage('ktime_get', 'ktimeGet', shared, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.haltPoll = Math.min(vcpu.haltPoll, vmOf(m, vcpu).haltPollMax);
    observe(m, KvmRecord.halt, vcpu.id, 1);
    readClock(m);
  }),
  glue('start', (_m, _cpu, f, now) => {
    f.start = now;
  }),
  stage(
    'begin-poll',
    'haltPollBegin',
    shared,
    (m, cpu, f) => {
      const vcpu = currentVcpu(m, cpu);
      if (vcpu.haltPoll === 0 || vcpu.pollControl === 0) return 'kvm_vcpu_block';
      f.polled = 1;
      cpu.spinning = vmOf(m, vcpu).haltPollPause === 1 ? 0 : 1;
      observe(m, KvmRecord.haltPoll, vcpu.id, 1);
      arm(m, vcpu.pollTimer, vcpu.haltPoll, vcpu.channel);
      return undefined;
    },
    { to: ['kvm_vcpu_block'] },
  ),
  until(
    'poll',
    'haltPollIteration',
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      return checkBlock(m, vcpu, 'only') || expired(m, vcpu.pollTimer) || othersWait(m, cpu);
    },
    { channel: (m, cpu) => currentVcpu(m, cpu).channel, line },
  ),
  stage(
    'end-poll',
    'haltPollEnd',
    shared,
    (m, cpu) => {
      const vcpu = currentVcpu(m, cpu);
      cancel(m, vcpu.pollTimer);
      cpu.spinning = 0;
      observe(m, KvmRecord.haltPoll, vcpu.id, 0);
      return checkBlock(m, vcpu) ? 'ktime_get-end' : undefined;
    },
    { to: ['ktime_get-end'], line },
  ),
  glue('kvm_vcpu_block', (m, cpu) => {
    call(m, cpu, kvmVcpuBlock);
  }),
  glue('blocked', (_m, _cpu, f, slept) => {
    f.slept = slept;
  }),
  stage('ktime_get-end', 'ktimeGet', shared, (m) => {
    readClock(m);
  }),
  stage('adjust', 'haltPollAdjust', shared, (m, cpu, f, now) => {
    const vcpu = currentVcpu(m, cpu);
    // A guest that polls itself keeps its window as it is.
    if (vcpu.pollControl === 1) vcpu.haltPoll = adjustHaltPoll(vcpu.haltPoll, now - f.start, vmOf(m, vcpu));
    observe(m, KvmRecord.halt, vcpu.id, 0);
    observe(m, KvmRecord.wakeup, vcpu.id, f.slept);
  }),
]);

/**
 * What a virtual CPU's thread does while the guest does not run: its guest timer becomes a timer of the host, it halts, and what woke it
 * decides whether it runs. Linux `vcpu_block`.
 */
export const vcpuBlock = program('vcpu_block', () => ({ hvTimer: 0 }), [
  stage(
    'kvm_arch_vcpu_runnable',
    'checkBlock',
    shared,
    (m, cpu) => (isRunnable(m, currentVcpu(m, cpu)) ? 'awake' : undefined),
    { to: ['awake'], line },
  ),
  glue(
    'pre_block',
    (m, cpu) => {
      if (vmOf(m, currentVcpu(m, cpu)).blockHooks === 0) return 'kvm_lapic_switch_to_sw_timer';
      call(m, cpu, piPreBlock);
      return undefined;
    },
    { to: ['kvm_lapic_switch_to_sw_timer'] },
  ),
  // Something was posted: it goes on without having blocked.
  glue('pre-blocked', (_m, _cpu, _f, posted) => (posted === 1 ? 'awake' : undefined), { to: ['awake'] }),
  stage('kvm_lapic_switch_to_sw_timer', 'lapicTimerSwitch', shared, (m, cpu, f) => {
    f.hvTimer = currentVcpu(m, cpu).lapicTimer.hvInUse;
    if (f.hvTimer === 1) call(m, cpu, startSwTimer);
  }),
  glue('kvm_vcpu_halt', (m, cpu) => {
    call(m, cpu, kvmVcpuHalt);
  }),
  stage('kvm_lapic_switch_to_hv_timer', 'lapicTimerSwitch', shared, (m, cpu, f) => {
    if (f.hvTimer === 1) call(m, cpu, restartApicTimer);
  }),
  glue('post_block', (m, cpu) => {
    if (vmOf(m, currentVcpu(m, cpu)).blockHooks === 1) call(m, cpu, piPostBlock);
  }),
  stage('runnable', 'checkBlock', shared, (m, cpu) => (isRunnable(m, currentVcpu(m, cpu)) ? undefined : done), {
    line,
  }),
  // Before it leaves the halted state, which vmcs12 may have to show.
  glue('awake', (m, cpu) => {
    if (currentVcpu(m, cpu).guestMode === 1) call(m, cpu, vmxCheckNestedEvents);
  }),
  glue('kvm_apic_accept_events', (m, cpu) => {
    call(m, cpu, kvmApicAcceptEvents);
  }),
  stage('set-runnable', 'mpStateWrite', local, (m, cpu) => {
    const vcpu = currentVcpu(m, cpu);
    vcpu.pvUnhalted = 0;
    if (vcpu.mpState === MpState.halted) vcpu.mpState = MpState.runnable;
  }),
]);
