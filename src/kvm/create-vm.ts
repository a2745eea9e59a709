import { ApicMode } from '../arch/apic-mode.js';
import { resetRegisters } from '../arch/apic-registers.js';
import { emptyBits256 } from '../arch/bits256.js';
import { x2apicLdr } from '../arch/destination.js';
import { callOn } from '../engine/frames.js';
import type { Routine } from '../engine/routine.js';
import type { Thread } from '../engine/state.js';
import { setHandler } from '../hardware/interrupt-table.js';
import { ApicPageMapping } from '../hardware/machine.js';
import { addTimer, TimerKind } from '../hardware/timer-uses.js';
import { addTask, type HostPlan } from '../host/create-host.js';
import { excNmi } from '../host/host-interrupts.js';
import { type HostMachine, SystemVector } from '../host/machine.js';
import { recalculateApicMap } from './apic-map.js';
import { ApicvInhibit } from './apicv.js';
import { successiveIrqMaxCount } from './ioapic.js';
import { apicTimerFn } from './lapic-timer.js';
import { HostVector, type KvmMachine, type KvmVcpu, type KvmVm, LogicalMode, MpState, VcpuMode } from './machine.js';
import { createParavirtMemory } from './paravirt.js';
import { piWakeupHandler } from './pi-load-put.js';
import { sysvecKvmPostedIntrIpi, sysvecKvmPostedIntrNestedIpi, vcpuRun } from './run.js';
import { kvmSchedIn, kvmSchedOut } from './sched-notifiers.js';
import { initialVmcs, msrBitmapOf } from './set-up.js';

/** A VM's choices, each 0 or 1 unless said otherwise; times in cycles. The fields of {@link KvmVm} of the same names. */
export type VmOptions = Pick<
  KvmVm,
  | 'flexpriority'
  | 'tprShadow'
  | 'hidesApicPage'
  | 'inhibitsAliases'
  | 'vectorHashing'
  | 'icrReservedFaults'
  | 'smmKeepsShadow'
  | 'apicv'
  | 'ipiVirtualization'
  | 'svm'
  | 'x2avic'
  | 'icrFastpath'
  | 'tscDeadlineFastpath'
  | 'icrFastpathByMap'
  | 'deadlineFastpathAlways'
  | 'preemptionTimerFastpath'
  | 'hltFastpath'
  | 'preemptionTimer'
  | 'postedTimer'
  | 'timerProcessor'
  | 'timerAdvance'
  | 'timerAdvanceCycles'
  | 'timerWaitEarly'
  | 'apicTick'
  | 'cyclesPerMicrosecond'
  | 'hltInGuest'
  | 'mwaitInGuest'
  | 'pauseInGuest'
  | 'ple'
  | 'pleWindow'
  | 'pleWindowGrow'
  | 'pleWindowShrink'
  | 'pleWindowMax'
  | 'pvIpi'
  | 'pvTlbFlush'
  | 'pvUnhalt'
  | 'pvSchedYield'
  | 'pvEoi'
  | 'hypervPvIpi'
  | 'preemptedAtBoundary'
  | 'haltPollMax'
  | 'haltPollGrow'
  | 'haltPollGrowStart'
  | 'haltPollShrink'
  | 'haltPollFloor'
  | 'haltPollPause'
  | 'rcuwait'
  | 'kicksUnposted'
  | 'blockHooks'
  | 'staticCalls'
  | 'directExits'
  | 'preemptedByState'
  | 'haltPollStopsForResched'
>;

const tableBase = 0x2_0000_0000;
/** Default of KVM_CAP_MAX_VCPU_ID: four times KVM_MAX_VCPUS. */
const maxVcpuIds = 4096;
const ioapicPins = 24;

/** Makes a host into one with KVM: its interrupt handlers are there, and no VM. */
export function addKvm<M extends KvmMachine>(
  plan: HostPlan,
  fields: Omit<M, Exclude<keyof HostMachine, 'vcpus'>>,
): HostPlan<M> {
  const { machine } = plan;
  setHandler(machine.hostInterrupts, HostVector.postedInterrupt, sysvecKvmPostedIntrIpi.entry);
  setHandler(machine.hostInterrupts, HostVector.postedInterruptNested, sysvecKvmPostedIntrNestedIpi.entry);
  setHandler(machine.hostInterrupts, HostVector.postedInterruptWakeup, piWakeupHandler.entry);
  setHandler(machine.hostInterrupts, 2, excNmi.entry);
  return Object.assign(plan, { machine: Object.assign(machine, fields) as unknown as M });
}

/** Adds a VM without virtual CPUs; returns its number. Linux `kvm_create_vm`. */
export function createVm(plan: HostPlan<KvmMachine>, options: VmOptions): number {
  const { machine } = plan;
  const number = machine.vms.length;
  const pidTableAddress = tableBase + number * 0x10_0000;
  machine.vms.push({
    ...options,
    vcpus: [],
    apicMap: [],
    logicalMap: [],
    logicalMode: LogicalMode.disabled,
    ioapic: Array.from({ length: ioapicPins }, () => ({
      low: 0x1_0000,
      destination: 0,
      remoteIrr: 0,
      line: 0,
      resample: 0,
      successiveEois: 0,
    })),
    successiveIrqMax: successiveIrqMaxCount,
    eoiInject: -1,
    rescansStaleEoi: 0,
    apicvInhibits: options.apicv === 1 ? 0 : ApicvInhibit.disabled,
    bypassCount: 0,
    lastBoosted: 0,
    pidTableAddress,
    maxVcpuIds,
  });
  if (options.ipiVirtualization === 1) machine.memory.pidPointerTables.push({ address: pidTableAddress, entries: [] });
  machine.avicTables.push({ physical: [], logical: [] });
  machine.apicPageMapping.push(ApicPageMapping.notPresent);
  return number;
}

/** How a virtual CPU begins. */
export interface VcpuOptions {
  readonly apicMode: ApicMode;
  /** The processors its thread may run on. */
  readonly allowed: readonly number[];
  /** 1 if it waits for INIT and SIPI, as all but the first do before an operating system starts them. */
  readonly offline?: number;
  /** Logical ID in xAPIC mode, bits 31:24 of LDR. */
  readonly ldr?: number;
  readonly dfr?: number;
}

/** Adds a virtual CPU, whose guest has nothing to run yet, to a VM. Linux `vmx_vcpu_create`, `kvm_vm_ioctl_create_vcpu`. */
export function createVcpu(plan: HostPlan<KvmMachine>, vmNumber: number, options: VcpuOptions): KvmVcpu {
  const { machine } = plan;
  const vm = machine.vms[vmNumber] as KvmVm;
  const id = machine.vcpus.length;
  const vcpuId = vm.vcpus.length;
  const { apicMode } = options;
  const x2apic = apicMode === ApicMode.x2apic;
  const { descriptors, descriptorBase } = machine.memory;
  const descriptorAddress = descriptorBase + 64 * descriptors.length;
  descriptors.push({ pir: emptyBits256(), on: 0, sn: 1, nv: HostVector.postedInterrupt, ndst: 0 });
  const table = machine.memory.pidPointerTables.find(({ address }) => address === vm.pidTableAddress);
  table?.entries.push(descriptorAddress + 1);
  const choice = {
    apicMode,
    apicv: vm.apicv === 1 && apicMode !== ApicMode.disabled,
    flexpriority: vm.flexpriority === 1,
    tprShadow: vm.tprShadow === 1,
    ipiVirtualization: vm.ipiVirtualization === 1,
    pauseLoopExiting: vm.ple === 1 && vm.pauseInGuest === 0,
    svm: vm.svm === 1,
    x2avic: vm.x2avic === 1,
    hltInGuest: vm.hltInGuest === 1,
    mwaitInGuest: vm.mwaitInGuest === 1,
  };
  const page = resetRegisters();
  page.id = x2apic ? vcpuId : (vcpuId << 24) >>> 0;
  page.ldr = x2apic ? x2apicLdr(vcpuId) : (options.ldr ?? 0);
  page.dfr = options.dfr ?? 0xffff_ffff;
  page.svr = 0x1ff;
  const thread = machine.threads.push([]) - 1;
  const preemptionTimer = addTimer(machine, { kind: TimerKind.preemption, owner: id });
  const vcpu: KvmVcpu = {
    id,
    vm: vmNumber,
    vcpuId,
    thread,
    pid: id,
    vmcs: initialVmcs(vm, choice, descriptorAddress),
    page,
    recognized: 0,
    interruptFlag: 1,
    interruptibility: 0,
    activity: 0,
    msrBitmap: msrBitmapOf(choice),
    exit: {
      reason: 0,
      qualification: 0,
      interruptionInformation: 0,
      msr: 0,
      low: 0,
      high: 0,
      operands: [],
      access: 0,
      offset: 0,
    },
    descriptorLine: plan.lines++,
    channel: -1,
    guestInterrupts: [],
    entryInterruption: 0,
    preemptionTimer,
    pauseLoop: 0,
    pauseTimer: choice.pauseLoopExiting ? addTimer(machine, { kind: TimerKind.pauseLoop, owner: id }) : -1,
    pleWindow: vm.pleWindow,
    preemptionTimerValue: 0,
    svm: vm.svm,
    avic: vm.svm === 1 && choice.apicv ? 1 : 0,
    x2avic: x2apic ? vm.x2avic : 0,
    avicIndex: vcpuId,
    vTpr: 0,
    task: addTask(machine, vcpuRun as unknown as Routine, {
      allowed: options.allowed,
      owner: id,
      schedIn: kvmSchedIn.entry,
      schedOut: kvmSchedOut.entry,
    }),
    mode: VcpuMode.outsideGuestMode,
    requests: 0,
    cpu: -1,
    loaded: 0,
    preempted: 0,
    apicvActive: choice.apicv ? 1 : 0,
    mpState: options.offline === 1 ? MpState.uninitialized : MpState.runnable,
    waiter: 0,
    waitLock: 0,
    wakeupList: -1,
    irrPending: choice.apicv ? 1 : 0,
    pendingEvents: 0,
    sipiVector: 0,
    pvUnhalted: 0,
    nmiQueued: 0,
    nmiPending: 0,
    smiPending: 0,
    smm: 0,
    smmInsideNmiMask: 0,
    smram: { interruptFlag: 0, shadow: 0 },
    immediateExit: 0,
    injected: 0,
    exception: 0,
    arbitration: 0,
    inSpinLoop: 0,
    dyEligible: 0,
    atInstructionBoundary: 0,
    pvEoiPending: 0,
    highestStaleEoi: -1,
    signalPending: 0,
    stopped: 0,
    apicMode,
    haltPoll: 0,
    pollControl: 1,
    pollTimer: addTimer(machine),
    lapicTimer: {
      hrtimer: addTimer(machine, {
        kind: TimerKind.localTimer,
        processor: options.allowed[0] ?? 0,
        vector: SystemVector.localTimer,
        owner: id,
        handler: apicTimerFn.entry,
      }),
      deadline: 0,
      period: 0,
      divisor: 2,
      expires: 0,
      hvInUse: 0,
      pending: 0,
      advance: vm.timerAdvanceCycles,
      expiredDeadline: 0,
    },
    modeLine: plan.lines++,
    archLine: plan.lines++,
    guestMode: 0,
    nested: -1,
  };
  machine.vcpus.push(vcpu);
  machine.paravirt.push(createParavirtMemory(plan.lines++));
  vm.vcpus.push(id);
  machine.avicTables[vmNumber]?.physical.push({ valid: 1, isRunning: 0, hostApicId: 0, backingPage: id });
  recalculateApicMap(machine, vm);
  return vcpu;
}

/** Puts a program on a virtual CPU: the outermost routine of its guest. Returns its locals. */
export function startGuest<L extends { [Name in keyof L]: number }>(
  machine: KvmMachine,
  vcpu: KvmVcpu,
  routine: Routine<L>,
): L {
  return callOn(machine.threads[vcpu.thread] as Thread, routine);
}
