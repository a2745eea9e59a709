import type { ApicMode } from '../arch/apic-mode.js';
import type { ApicRegisters } from '../arch/apic-registers.js';
import { emptyBits256, highestBit } from '../arch/bits256.js';
import { setSvi } from '../arch/guest-interrupt-status.js';
import { TimerMode, timerMode } from '../arch/local-apic/lvt.js';
import { InternalError } from '../engine/errors.js';
import { callOn } from '../engine/frames.js';
import type { Thread } from '../engine/state.js';
import { recalculateApicMap } from './apic-map.js';
import { idInhibits, standingIdInhibits } from './apicv.js';
import { currentTimerCount, startApicTimer } from './lapic-timer.js';
import {
  descriptorOf,
  type KvmMachine,
  type KvmVcpu,
  type KvmVm,
  makeRequest,
  VcpuRequest,
  vcpuOf,
  vmOf,
} from './machine.js';
import { applyApicvControls } from './set-up.js';

/**
 * What of a virtual CPU goes to another machine: what the guest could tell. Descriptors, tables, the choice of timer, polling windows and
 * fastpaths do not: they are the other host's own.
 */
export interface SavedVcpu {
  readonly apicMode: ApicMode;
  /** KVM_GET_LAPIC: with everything that was posted in IRR. */
  readonly page: ApicRegisters;
  /** KVM_GET_MP_STATE. */
  readonly mpState: number;
  /** IA32_TSC_DEADLINE; 0 if none. A deadline that has come but is no interrupt yet is still there. A count goes with the registers. */
  readonly deadline: number;
  /** KVM_GET_VCPU_EVENTS. */
  readonly injected: number;
  readonly exception: number;
  readonly nmiPending: number;
  readonly smiPending: number;
  readonly smm: number;
  readonly smmInsideNmiMask: number;
  readonly smram: { interruptFlag: number; shadow: number };
  readonly pendingEvents: number;
  readonly sipiVector: number;
  readonly interruptFlag: number;
  readonly interruptibility: number;
  readonly activity: number;
  /** The guest's program, where it is. */
  readonly thread: Thread;
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/**
 * The state of a stopped virtual CPU. All of its VM must have stopped, or what is posted meanwhile is lost. Linux `kvm_vcpu_ioctl_get_lapic`,
 * `kvm_arch_vcpu_ioctl_get_mpstate`, `kvm_vcpu_ioctl_x86_get_vcpu_events`. Throws an {@link InternalError} if it has not stopped.
 *
 * @param now - the time-stamp counter
 */
export function saveVcpu(machine: KvmMachine, vcpu: KvmVcpu, now: number): SavedVcpu {
  for (const id of vmOf(machine, vcpu).vcpus) {
    if (machine.vcpus[id]?.stopped !== 1) throw new InternalError('saveVcpu', `virtual CPU ${id} has not stopped`);
  }
  if (vcpu.guestMode === 1)
    throw new InternalError('saveVcpu', `virtual CPU ${vcpu.id} has an active L2, which is not saved`);
  const page = copy(vcpu.page);
  descriptorOf(machine, vcpu).pir.forEach((posted, word) => {
    page.irr[word] = ((page.irr[word] as number) | posted) >>> 0;
  });
  page.currentCount = currentTimerCount(machine, vcpu, now);
  return {
    apicMode: vcpu.apicMode,
    page,
    mpState: vcpu.mpState,
    deadline: timerMode(page) === TimerMode.tscDeadline ? vcpu.lapicTimer.deadline : 0,
    injected: vcpu.injected,
    exception: vcpu.exception,
    nmiPending: vcpu.nmiPending + vcpu.nmiQueued,
    smiPending: vcpu.smiPending === 1 || (vcpu.requests & VcpuRequest.smi) !== 0 ? 1 : 0,
    smm: vcpu.smm,
    smmInsideNmiMask: vcpu.smmInsideNmiMask,
    smram: copy(vcpu.smram),
    pendingEvents: vcpu.pendingEvents,
    sipiVector: vcpu.sipiVector,
    interruptFlag: vcpu.interruptFlag,
    interruptibility: vcpu.interruptibility,
    activity: vcpu.activity,
    thread: copy(machine.threads[vcpu.thread] as Thread),
  };
}

/**
 * The timer goes on: by the current count, or by the deadline, which only TSC-deadline mode takes (`kvm_set_lapic_tscdeadline_msr`), so it
 * comes after the registers. A one-shot count of 0 is due at once, even if its interrupt was delivered before: nothing in the registers
 * tells the one from the other. Linux `kvm_apic_set_state`, its part from `apic_update_lvtt` to `__start_apic_timer`.
 */
function startRestoredTimer(machine: KvmMachine, vcpu: KvmVcpu, { deadline }: SavedVcpu): void {
  vcpu.lapicTimer.deadline = timerMode(vcpu.page) === TimerMode.tscDeadline ? deadline : 0;
  // Armed by its own thread, below what a new task does first.
  const task = machine.threads[machine.tasks[vcpu.task]?.thread ?? -1] as Thread;
  const first = task.pop();
  callOn(task, startApicTimer).restore = 1;
  if (first !== undefined) task.push(first);
}

/** What the IDs that came along have against APICv: every virtual CPU looks before it runs. Linux `kvm_recalculate_apic_map`. */
function inhibitByIds(machine: KvmMachine, vm: KvmVm): void {
  const standing = standingIdInhibits(vm);
  const inhibits = idInhibits(machine, vm);
  if (inhibits === standing) return;
  vm.apicvInhibits = (vm.apicvInhibits & ~standing) | inhibits;
  for (const id of vm.vcpus) makeRequest(vcpuOf(machine, id), VcpuRequest.apicvUpdate);
}

/**
 * Puts a saved state into a virtual CPU that has not run. What may be posted there already is cleared first, because the timer may post
 * as soon as it is armed. The destination's time-stamp counter must go on where the source's was. Linux `kvm_vcpu_ioctl_set_lapic`,
 * `kvm_apic_set_state`.
 */
export function restoreVcpu(machine: KvmMachine, vcpu: KvmVcpu, saved: SavedVcpu): void {
  const descriptor = descriptorOf(machine, vcpu);
  descriptor.on = 0;
  descriptor.pir = emptyBits256();
  vcpu.apicMode = saved.apicMode;
  vcpu.page = copy(saved.page);
  vcpu.mpState = saved.mpState;
  vcpu.injected = saved.injected;
  vcpu.exception = saved.exception;
  vcpu.nmiQueued = 0;
  vcpu.nmiPending = saved.nmiPending;
  vcpu.smiPending = saved.smiPending;
  vcpu.smm = saved.smm;
  vcpu.smmInsideNmiMask = saved.smmInsideNmiMask;
  vcpu.smram = copy(saved.smram);
  vcpu.pendingEvents = saved.pendingEvents;
  vcpu.sipiVector = saved.sipiVector;
  vcpu.interruptFlag = saved.interruptFlag;
  vcpu.interruptibility = saved.interruptibility;
  vcpu.activity = saved.activity;
  machine.threads[vcpu.thread] = copy(saved.thread);
  recalculateApicMap(machine, vmOf(machine, vcpu));
  inhibitByIds(machine, vmOf(machine, vcpu));
  applyApicvControls(machine, vcpu);
  startRestoredTimer(machine, vcpu, saved);
  vcpu.irrPending = 1;
  const inService = highestBit(vcpu.page.isr);
  if (vcpu.apicvActive === 1) setSvi(vcpu.vmcs, inService < 0 ? 0 : inService);
  makeRequest(vcpu, VcpuRequest.event);
  makeRequest(vcpu, VcpuRequest.scanIoapic);
}
