import { ApicMode } from '../arch/apic-mode.js';
import { type Profile, withCosts } from '../cost/profile.js';
import { profiles } from '../cost/profiles.js';
import { InputError } from '../engine/errors.js';
import { excGeneralProtection, generalProtectionVector } from '../guest/general-protection.js';
import { noLinuxGuest } from '../guest/linux/create-linux-guest.js';
import { AddressMode, xapicLogicalId } from '../guest/logical-mode.js';
import { busyLoop } from '../guest/smp.js';
import { setHandler } from '../hardware/interrupt-table.js';
import { createHost, type HostPlan } from '../host/create-host.js';
import { distanceBetween, guestNodes, processorCount } from '../host/topology.js';
import { ApicvInhibit } from '../kvm/apicv.js';
import { addKvm, createVcpu, createVm, startGuest } from '../kvm/create-vm.js';
import { kernels } from '../kvm/kernels.js';
import { type KvmVm, Mitigation, PostedTimer, TimerAdvance } from '../kvm/machine.js';
import { addInhibitThread } from '../kvm/vm-ioctl.js';
import {
  addHostInterrupts,
  addHostLoad,
  haltPollMaxOf,
  haltPollOf,
  idleStatesOf,
  schedulerOf,
} from './host-options.js';
import { paravirtOptions, pleOptions } from './paravirt-options.js';
import type { MachineConfig } from './schema.js';
import type { SystemMachine } from './system-machine.js';
import type { VmConfig } from './vm-schema.js';
import { setUnitTestHandlers } from './workloads/unit-test-guest.js';
import { workloadOf } from './workloads/workloads.js';

/** A machine that has not run, and how many channels and cache lines it has. */
export interface BuiltMachine {
  readonly machine: SystemMachine;
  readonly channels: number;
  readonly lines: number;
}

/** The profile that a scenario names. Throws an {@link InputError} if there is none. */
export function profileOf(profile: MachineConfig['profile'], path = 'profile'): Profile {
  if (typeof profile === 'string') {
    const found = Object.hasOwn(profiles, profile) ? profiles[profile] : undefined;
    if (found === undefined) {
      throw new InputError(path, `there is no profile '${profile}' (there are: ${Object.keys(profiles).join(', ')})`);
    }
    return found;
  }
  if ('base' in profile) return withCosts(profileOf(profile.base, `${path}.base`), profile.set, `${path}.set`);
  return profile;
}

/** Refuses AVIC where there is none. It is off unless asked for: module parameter `avic` of kvm-amd. */
function requireAvic(scenario: MachineConfig, profile: Profile, index: number): void {
  const path = `vms[${index}].features.avic`;
  const { kernel } = scenario.host;
  if (profile.features.vendor !== 'amd' || profile.features.avic !== true) {
    throw new InputError(path, `the processor of profile '${profile.name}' has no AVIC`);
  }
  if (scenario.vms[index]?.apicMode === 'x2apic' && !kernels[kernel].x2avic) {
    throw new InputError(path, `Linux ${kernel} has AVIC for guests in xAPIC mode only`);
  }
}

/** A VM's features as numbers: asked for, or else what kernel and processor have. Throws where one is asked for that is not there. */
function featuresOf(scenario: MachineConfig, profile: Profile, index: number) {
  const { features: asked } = scenario.vms[index] as VmConfig;
  const path = `vms[${index}].features`;
  const kernel = kernels[scenario.host.kernel];
  const choose = (name: keyof typeof asked & keyof typeof kernel, processor: boolean, what: string): 0 | 1 => {
    const wanted = asked[name];
    if (wanted === true && !processor) {
      throw new InputError(`${path}.${name}`, `the processor of profile '${profile.name}' has no ${what}`);
    }
    if (wanted === true && !kernel[name]) {
      throw new InputError(`${path}.${name}`, `Linux ${scenario.host.kernel} has no ${what}`);
    }
    return (wanted ?? (processor && kernel[name])) ? 1 : 0;
  };
  const svm = profile.features.vendor === 'amd';
  const avic = asked.avic === true;
  if (avic) requireAvic(scenario, profile, index);
  const apicv = svm
    ? Number(avic || choose('apicv', false, 'APIC virtualization'))
    : choose('apicv', profile.features.apicv && scenario.host.tprShadow, 'APIC virtualization');
  // What stands on APIC virtualization: KVM leaves it off without a word, a scenario that asks for it is wrong.
  for (const name of ['ipiVirtualization', 'postedTimer'] as const) {
    if (apicv === 0 && asked[name] === true) throw new InputError(`${path}.${name}`, 'needs apicv, which is off');
  }
  if (asked.postedTimer === true && !kernel.postedTimer) {
    throw new InputError(`${path}.postedTimer`, `Linux ${scenario.host.kernel} has no posted timer`);
  }
  // A host that keeps processors for housekeeping isolates the others: then the module parameter is on by default.
  const wantsPosted =
    asked.postedTimer ?? (scenario.host.housekeeping !== undefined && kernel.postedTimer && apicv === 1);
  const posted = kernel.postedTimerPerVcpu ? PostedTimer.perVcpu : PostedTimer.global;
  return {
    apicv,
    svm: svm ? 1 : 0,
    x2avic: profile.features.x2avic === true && kernel.x2avic ? 1 : 0,
    ipiVirtualization:
      apicv === 0 || svm ? 0 : choose('ipiVirtualization', profile.features.ipiVirtualization, 'IPI virtualization'),
    icrFastpath: choose('icrFastpath', true, 'fastpath for the x2APIC ICR'),
    tscDeadlineFastpath: choose('tscDeadlineFastpath', true, 'fastpath for IA32_TSC_DEADLINE'),
    preemptionTimerFastpath: choose('preemptionTimerFastpath', true, 'fastpath for the VMX-preemption timer'),
    hltFastpath: choose('hltFastpath', true, 'fastpath for HLT'),
    postedTimer: wantsPosted ? posted : PostedTimer.off,
  };
}

/**
 * Whether a guest uses the immediate form of WRMSRNS. It is CPUID.(07H,1):ECX[5]: KVM offers it where processor and kernel have it, and has no
 * handler for exit reason 85 before that, which would end the VM.
 */
function usesMsrImmediate(scenario: MachineConfig, profile: Profile, index: number): boolean {
  if (scenario.vms[index]?.features.msrImmediate !== true) return false;
  const path = `vms[${index}].features.msrImmediate`;
  if (profile.features.msrImmediate !== true) {
    throw new InputError(path, `the processor of profile '${profile.name}' has no WRMSRNS with an immediate`);
  }
  if (!kernels[scenario.host.kernel].msrImmediate) {
    throw new InputError(
      path,
      `Linux ${scenario.host.kernel} does not offer it to guests: exit reason 85 has no handler`,
    );
  }
  return true;
}

/** The logical processor of each virtual CPU of each VM: by default a core each, in order, and when there are no more the cores' other threads. */
function pinningOf(scenario: MachineConfig): (number[] | undefined)[] {
  const available = processorCount(scenario.topology);
  const { threadsPerCore } = scenario.topology;
  const cores = available / threadsPerCore;
  let next = 0;
  const nextPlace = (): number => {
    const nth = next++;
    return nth < available ? (nth % cores) * threadsPerCore + Math.floor(nth / cores) : nth;
  };
  return scenario.vms.map((vm, index) => {
    const { pinning } = vm;
    const path = `vms[${index}].pinning`;
    if (pinning === 'float') return undefined;
    const places: readonly number[] = pinning ?? Array.from({ length: vm.vcpus }, nextPlace);
    if (places.length !== vm.vcpus) {
      throw new InputError(path, `has ${places.length} logical processors for ${vm.vcpus} virtual CPUs`);
    }
    places.forEach((place, vcpu) => {
      const here = pinning === undefined ? `vms[${index}].vcpus` : `${path}[${vcpu}]`;
      if (place >= available) {
        throw new InputError(
          here,
          pinning === undefined
            ? `${vm.vcpus} virtual CPUs do not fit the host (${available} logical processors)`
            : `logical processor ${place} does not exist (${available} available)`,
        );
      }
    });
    return [...places];
  });
}

/** How many logical IDs xAPIC mode has: a bit each of eight, or four in each of 15 clusters (the sixteenth means all). */
const mostLogical = { physical: 255, flat: 8, cluster: 60 } as const;

/** What a guest that has booted has in LDR and DFR. */
function logicalId(vm: VmConfig, vcpuId: number): { ldr?: number; dfr?: number } {
  if (vm.apicMode === 'x2apic' || vm.logicalMode === 'physical') return {};
  return xapicLogicalId(vm.logicalMode === 'flat' ? AddressMode.flat : AddressMode.cluster, vcpuId);
}

function rejectUnmodelled(scenario: MachineConfig): void {
  scenario.vms.forEach((vm, index) => {
    if (vm.apicMode === 'xapic' && vm.vcpus > 255) {
      throw new InputError(`vms[${index}].vcpus`, `${vm.vcpus} virtual CPUs, but xAPIC mode has 255 APIC IDs`);
    }
    const most = vm.apicMode === 'x2apic' ? Number.POSITIVE_INFINITY : mostLogical[vm.logicalMode];
    if (vm.vcpus > most) {
      throw new InputError(
        `vms[${index}].logicalMode`,
        `${vm.vcpus} virtual CPUs, but xAPIC mode has ${most} such IDs`,
      );
    }
    if (vm.apicMode === 'x2apic' && vm.logicalMode === 'flat') {
      throw new InputError(`vms[${index}].logicalMode`, 'x2APIC mode has no flat model');
    }
  });
}

/** Mitigations by the names in a scenario. MDS and TAA are met by the same clearing of buffers, done once. */
const mitigationMasks: Readonly<Record<string, number>> = { ...Mitigation, taa: Mitigation.mds };

function mitigationsOf(asked: MachineConfig['host']['mitigations']): number {
  let mask = 0;
  for (const [name, on] of Object.entries(asked)) {
    const own = Object.hasOwn(mitigationMasks, name) ? (mitigationMasks[name] as number) : undefined;
    if (own === undefined) {
      const names = Object.keys(mitigationMasks).join(', ');
      throw new InputError(`host.mitigations.${name}`, `is not a mitigation that is modelled (there are: ${names})`);
    }
    if (on) mask |= own;
  }
  return mask;
}

/** The advance of timers as a number of {@link KvmVm}, and where it is waited for. Throws where the kernel has no such choice. */
function timerAdvanceOf(
  { host }: MachineConfig,
  cycles: (ns: number) => number,
): Pick<KvmVm, 'timerAdvance' | 'timerAdvanceCycles' | 'timerWaitEarly'> {
  const kernel = kernels[host.kernel];
  const asked = host.timerAdvance ?? kernel.timerAdvance;
  if (asked === true && !kernel.timerAdvance) {
    throw new InputError('host.timerAdvance', `Linux ${host.kernel} does not adapt the advance; give nanoseconds`);
  }
  if (typeof asked === 'number' && !kernel.timerAdvanceNs) {
    throw new InputError('host.timerAdvance', `Linux ${host.kernel} has no advance of timers that is set by hand`);
  }
  const timerWaitEarly = kernel.timerWaitEarly ? 1 : 0;
  if (asked === false || asked === 0) return { timerAdvance: TimerAdvance.off, timerAdvanceCycles: 0, timerWaitEarly };
  // An advance that adapts begins with a microsecond: LAPIC_TIMER_ADVANCE_NS_INIT.
  return asked === true
    ? { timerAdvance: TimerAdvance.adaptive, timerAdvanceCycles: cycles(1000), timerWaitEarly }
    : { timerAdvance: TimerAdvance.fixed, timerAdvanceCycles: cycles(asked), timerWaitEarly };
}

/** How long things take, in cycles of the time-stamp counter. */
interface Durations {
  readonly perNs: number;
  cycles(ns: number): number;
}

function addVm(
  plan: HostPlan<SystemMachine>,
  scenario: MachineConfig,
  profile: Profile,
  index: number,
  pinning: number[] | undefined,
  { perNs, cycles }: Durations,
  seed: number,
): void {
  const { machine } = plan;
  const { host, workload } = scenario;
  const vm = scenario.vms[index] as VmConfig;
  const kernel = kernels[host.kernel];
  const x2apic = vm.apicMode === 'x2apic';
  const features = featuresOf(scenario, profile, index);
  const svm = features.svm === 1;
  const number = createVm(plan, {
    ...features,
    ...paravirtOptions(scenario, index),
    ...pleOptions(host, vm),
    preemptedAtBoundary: kernel.preemptedAtBoundary ? 1 : 0,
    vectorHashing: host.vectorHashing ? 1 : 0,
    // An AMD host has such a page for AVIC alone, and takes it away while that is inhibited in every kernel.
    flexpriority: (svm ? features.apicv === 1 : host.flexpriority && host.tprShadow) ? 1 : 0,
    tprShadow: host.tprShadow ? 1 : 0,
    hidesApicPage: svm || kernel.hidesApicPage ? 1 : 0,
    inhibitsAliases: svm && kernel.inhibitsAliases ? 1 : 0,
    icrFastpathByMap: kernel.icrFastpathByMap ? 1 : 0,
    deadlineFastpathAlways: kernel.deadlineFastpathAlways ? 1 : 0,
    smmKeepsShadow: kernel.smmKeepsShadow ? 1 : 0,
    icrReservedFaults: kernel.icrReservedFaults ? 1 : 0,
    preemptionTimer: host.preemptionTimer && profile.features.vendor !== 'amd' ? 1 : 0,
    timerProcessor: host.housekeeping ?? -1,
    ...timerAdvanceOf(scenario, cycles),
    apicTick: Math.max(1, Math.round(perNs)),
    cyclesPerMicrosecond: cycles(1000),
    hltInGuest: vm.disableExits.includes('hlt') ? 1 : 0,
    mwaitInGuest: vm.disableExits.includes('mwait') ? 1 : 0,
    haltPollMax: haltPollMaxOf(scenario, index, cycles),
    haltPollGrow: host.haltPollGrow,
    haltPollGrowStart: cycles(host.haltPollGrowStart),
    ...haltPollOf(scenario),
  });
  machine.guests.push({
    ipiLock: 0,
    ipiFunction: 0,
    ipiData: 0,
    ipiDone: 0,
    ipiWait: 0,
    activeCpus: 1,
    line: plan.lines++,
    doneChannel: plan.channels++,
    handled: 0,
    handledChannel: plan.channels++,
    ipiMask: [],
    processors: vm.vcpus,
    turn: 0,
    faults: 0,
    x2apic: x2apic ? 1 : 0,
    msrImmediate: usesMsrImmediate(scenario, profile, index) ? 1 : 0,
    device: { timer: -1, interval: 0, handled: 0, total: 0, line: 0 },
    timer: { program: 0, interval: 0, count: 0, deadline: 0, expiries: 0, total: 0 },
    addressMode: AddressMode[vm.logicalMode],
  });
  machine.linux.push(noLinuxGuest());
  const vcpus = Array.from({ length: vm.vcpus }, (_, vcpuId) =>
    createVcpu(plan, number, {
      apicMode: x2apic ? ApicMode.x2apic : ApicMode.xapic,
      allowed: pinning === undefined ? [] : [pinning[vcpuId] as number],
      ...logicalId(vm, vcpuId),
    }),
  );
  for (const vcpu of vcpus) setHandler(vcpu.guestInterrupts, generalProtectionVector, excGeneralProtection.entry);
  if (workload !== undefined && index === 0) {
    workloadOf(workload.kind).start(workload, {
      plan,
      vm,
      index,
      vcpus,
      seed,
      cycles,
      distance: distanceBetween(scenario.topology),
      nodes: guestNodes(scenario.topology, vm.vcpus, pinning),
    });
    return;
  }
  for (const vcpu of vcpus) {
    setUnitTestHandlers(vcpu);
    startGuest(machine, vcpu, busyLoop);
  }
}

/**
 * Builds the machine of a scenario. Throws an {@link InputError} where a part of the scenario does not fit the rest.
 *
 * @param seed - what the guests' random numbers follow from
 */
export function buildMachine(scenario: MachineConfig, seed: number = scenario.seed): BuiltMachine {
  const profile = profileOf(scenario.profile);
  rejectUnmodelled(scenario);
  const pinning = pinningOf(scenario);
  const { host, topology } = scenario;
  const perNs = topology.tscGhz ?? profile.tscGhz;
  const durations: Durations = { perNs, cycles: (ns) => Math.round(ns * perNs) };
  const processors = processorCount(topology);
  if (host.housekeeping !== undefined && host.housekeeping >= processors) {
    throw new InputError(
      'host.housekeeping',
      `logical processor ${host.housekeeping} does not exist (${processors} available)`,
    );
  }
  const bare = createHost(
    topology,
    schedulerOf(scenario, durations.cycles),
    idleStatesOf(profile, scenario, durations.cycles),
  );
  const plan = addKvm<SystemMachine>(bare, {
    vcpus: [],
    vms: [],
    guests: [],
    paravirt: [],
    linux: [],
    devices: [],
    nested: [],
    wakeupLists: bare.machine.processors.map(() => []),
    mitigations: mitigationsOf(host.mitigations),
  });
  if ((plan.machine.mitigations & Mitigation.l1dFlushCond) !== 0) {
    for (const processor of plan.machine.processors) processor.flushL1d = 0;
  }
  // Before the VMs: what lets them begin runs before a virtual CPU that never gives way.
  addHostInterrupts(plan.machine, scenario, durations.cycles);
  for (const index of scenario.vms.keys()) addVm(plan, scenario, profile, index, pinning[index], durations, seed);
  scenario.vms.forEach(({ apicvInhibits }, index) => {
    for (const { reason, atNs, forNs } of apicvInhibits) {
      const duration = forNs === undefined ? -1 : durations.cycles(forNs);
      addInhibitThread(plan.machine, index, ApicvInhibit[reason], durations.cycles(atNs), duration);
    }
  });
  addHostLoad(plan.machine, scenario, durations.cycles);
  return { machine: plan.machine, channels: plan.channels, lines: plan.lines };
}
