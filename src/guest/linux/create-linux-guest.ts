import { x2apicLdr } from '../../arch/destination.js';
import { createRandom } from '../../engine/random.js';
import { AddressMode, xapicLogicalId } from '../logical-mode.js';
import type { GuestKernelFeatures } from './kernels.js';
import type { LinuxCpu, LinuxGuest } from './state.js';

/** What the CPUs of a guest take from the machine. */
export interface Resources {
  /** New cache lines, as many as asked for: the number of the first. */
  lines(count: number): number;
  channel(): number;
  timer(): number;
}

/** How a Linux guest is booted; times in cycles. */
export interface LinuxGuestOptions {
  readonly firstVcpu: number;
  /** By CPU: the package it is on. */
  readonly nodes: readonly number[];
  readonly kernel: GuestKernelFeatures;
  /** {@link LinuxGuest.idle}. */
  readonly idle: number;
  /** {@link AddressMode}. */
  readonly addressMode: number;
  readonly x2apic: boolean;
  /** {@link LinuxGuest.pvIpi}, {@link LinuxGuest.pvTlbFlush}. */
  readonly pvIpi: number;
  readonly pvTlbFlush: boolean;
  readonly pvSchedYield: boolean;
  /** {@link LinuxGuest.retpolines}. */
  readonly retpolines: boolean;
  readonly haltPollMax: number;
  readonly haltPollGrow: number;
  readonly haltPollGrowStart: number;
  readonly haltPollShrink: number;
  /** {@link LinuxGuest.tickPeriod}. */
  readonly tickPeriod: number;
  /** CPUs that call functions on many others. */
  readonly broadcasters: readonly number[];
  readonly seed: number;
}

/** The state of a VM whose guest is not Linux. */
export function noLinuxGuest(): LinuxGuest {
  return {
    firstVcpu: 0,
    cpus: [],
    idle: 0,
    pvIpi: 0,
    pvTlbFlush: 0,
    pvSchedYield: 0,
    pollingIdleRunsCalls: 0,
    synchronousFirst: 0,
    broadcastShorthand: 0,
    lazyTlbSkipped: 0,
    tickOnIrqExit: 0,
    driverPointers: 1,
    retpolines: 0,
    jumpTables: 0,
    haltPollMax: 0,
    haltPollGrow: 0,
    haltPollGrowStart: 0,
    haltPollShrink: 0,
    tickPeriod: 0,
    lockNext: 0,
    lockServing: 0,
    lockLine: 0,
    lockChannel: 0,
    tlbGeneration: 0,
    mmLine: 0,
    round: 0,
    freedTables: 1,
  };
}

/** The logical APIC ID of a CPU, as a destination. */
function logicalIdOf(number: number, { addressMode, x2apic }: LinuxGuestOptions): number {
  if (x2apic) return x2apicLdr(number);
  return addressMode === AddressMode.physical ? 0 : xapicLogicalId(addressMode, number).ldr >>> 24;
}

function createCpu(number: number, options: LinuxGuestOptions, resources: Resources): LinuxCpu {
  const broadcasts = options.broadcasters.includes(number);
  const cpus = options.nodes.length;
  const line = (): number => resources.lines(1);
  return {
    apicId: number,
    logicalId: logicalIdOf(number, options),
    node: options.nodes[number] as number,
    queue: [],
    queueLine: line(),
    batch: [],
    stackLocked: 0,
    stackLine: line(),
    dataLocked: 0,
    dataLine: line(),
    mask: [],
    ipiMask: [],
    cfdLocked: broadcasts ? options.nodes.map(() => 0) : [],
    cfdLine: broadcasts ? resources.lines(cpus) : -1,
    csdChannel: resources.channel(),
    infoLine: line(),
    polling: 0,
    needResched: 0,
    inIdle: 0,
    idleLine: line(),
    channel: resources.channel(),
    sleeping: 0,
    queued: 0,
    wakePending: 0,
    taskLine: line(),
    runQueueLine: line(),
    inbox: 0,
    request: 0,
    inboxLine: line(),
    targets: [],
    pollLimit: 0,
    lastState: 0,
    pollExpired: 0,
    pollTimer: resources.timer(),
    wakeAt: 0,
    tickAt: 0,
    tlbGeneration: 0,
    lazyTlb: 0,
    tlbLine: line(),
    random: createRandom(options.seed, 0x1000 + options.firstVcpu + number),
  };
}

/** A Linux guest that has booted: its CPUs run nothing yet. */
export function createLinuxGuest(options: LinuxGuestOptions, resources: Resources): LinuxGuest {
  const { firstVcpu, idle, kernel, haltPollMax, haltPollGrow, haltPollGrowStart, haltPollShrink } = options;
  return {
    ...noLinuxGuest(),
    firstVcpu,
    cpus: options.nodes.map((_, number) => createCpu(number, options, resources)),
    idle,
    pvIpi: options.pvIpi,
    pvTlbFlush: options.pvTlbFlush ? 1 : 0,
    pvSchedYield: options.pvSchedYield ? 1 : 0,
    pollingIdleRunsCalls: kernel.pollingIdleRunsCalls ? 1 : 0,
    synchronousFirst: kernel.synchronousFirst ? 1 : 0,
    broadcastShorthand: kernel.broadcastShorthand ? 1 : 0,
    lazyTlbSkipped: kernel.lazyTlb ? 1 : 0,
    tickOnIrqExit: kernel.tickOnIrqExit ? 1 : 0,
    driverPointers: kernel.apicStaticCalls ? 1 : 2,
    retpolines: options.retpolines ? 1 : 0,
    jumpTables: options.retpolines && kernel.jumpTables ? 1 : 0,
    haltPollMax,
    haltPollGrow,
    haltPollGrowStart,
    haltPollShrink,
    tickPeriod: options.tickPeriod,
    lockLine: resources.lines(1),
    lockChannel: resources.channel(),
    mmLine: resources.lines(1),
  };
}
