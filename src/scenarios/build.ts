import { emptyDescriptor } from '../arch/posted-interrupt-descriptor.js';
import { emptyPage } from '../arch/virtual-apic-page.js';
import { type Profile, withCosts } from '../cost/profile.js';
import { profiles } from '../cost/profiles.js';
import { InputError } from '../engine/errors.js';
import { callOn } from '../engine/frames.js';
import { createProcessor, emptyRequests, type Thread } from '../engine/state.js';
import type { GuestMachine } from '../guest/machine.js';
import { busyLoop, ipiEntry, ipiVector } from '../guest/smp.js';
import { vmexitIpi } from '../guest/vmexit.js';
import { setHandler } from '../hardware/interrupt-table.js';
import { createPhysicalApic } from '../hardware/physical-apic.js';
import { processorCount } from '../host/topology.js';
import { kernels } from '../kvm/kernels.js';
import { HostVector, type KvmMachine, type KvmVcpu, type KvmVm, VcpuMode } from '../kvm/machine.js';
import { sysvecKvmPostedIntrIpi, vcpuRun } from '../kvm/run.js';
import { msrBitmapOf, vmcsOf } from '../kvm/set-up.js';
import type { MachineConfig } from './schema.js';

/** The whole machine: hardware, KVM and guests. */
export interface SystemMachine extends KvmMachine, GuestMachine {
  vcpus: KvmVcpu[];
  vms: KvmVm[];
}

/** A machine that has not run, and how many channels and cache lines it has. */
export interface BuiltMachine {
  readonly machine: SystemMachine;
  readonly channels: number;
  readonly lines: number;
}

const descriptorBase = 0x1_0000_0000;
const tableBase = 0x2_0000_0000;

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

/** The features of a VM: asked for, or else what kernel and processor have. */
interface Features {
  readonly ipiVirtualization: boolean;
  readonly icrFastpath: boolean;
}

function featuresOf(scenario: MachineConfig, profile: Profile, index: number): Features {
  const asked = (scenario.vms[index] as MachineConfig['vms'][number]).features;
  const path = `vms[${index}].features`;
  const kernel = kernels[scenario.host.kernel];
  const choose = (name: keyof typeof kernel, processor: boolean, what: string): boolean => {
    const wanted = asked[name];
    if (wanted === true && !processor) {
      throw new InputError(`${path}.${name}`, `the processor of profile '${profile.name}' has no ${what}`);
    }
    if (wanted === true && !kernel[name]) {
      throw new InputError(`${path}.${name}`, `Linux ${scenario.host.kernel} has no ${what}`);
    }
    return wanted ?? (processor && kernel[name]);
  };
  if (!choose('apicv', profile.features.apicv, 'APIC virtualization')) {
    throw new InputError(`${path}.apicv`, 'a VM without APIC virtualization is not modelled in this version');
  }
  choose('tscDeadlineFastpath', true, 'fastpath for IA32_TSC_DEADLINE');
  choose('preemptionTimerFastpath', true, 'fastpath for the VMX-preemption timer');
  for (const name of ['postedTimer', 'pvIpi', 'pvTlbFlush', 'hypervPvIpi', 'avic'] as const) {
    if (asked[name] === true) throw new InputError(`${path}.${name}`, 'is not modelled in this version');
  }
  return {
    ipiVirtualization: choose('ipiVirtualization', profile.features.ipiVirtualization, 'IPI virtualization'),
    icrFastpath: choose('icrFastpath', true, 'fastpath for the x2APIC ICR'),
  };
}

/** The logical processor of each virtual CPU of each VM. */
function pinningOf(scenario: MachineConfig): number[][] {
  const available = processorCount(scenario.topology);
  const taken = new Map<number, string>();
  let nextCore = 0;
  return scenario.vms.map((vm, index) => {
    const { pinning } = vm;
    const path = `vms[${index}].pinning`;
    if (pinning === 'float') throw new InputError(path, 'floating virtual CPUs are not modelled in this version');
    const places: readonly number[] =
      pinning ?? Array.from({ length: vm.vcpus }, () => nextCore++ * scenario.topology.threadsPerCore);
    if (places.length !== vm.vcpus) {
      throw new InputError(path, `has ${places.length} logical processors for ${vm.vcpus} virtual CPUs`);
    }
    places.forEach((place, vcpu) => {
      const here = pinning === undefined ? `vms[${index}].vcpus` : `${path}[${vcpu}]`;
      if (place >= available) {
        throw new InputError(
          here,
          pinning === undefined
            ? `${vm.vcpus} virtual CPUs need more cores than the host has (${available} logical processors)`
            : `logical processor ${place} does not exist (${available} available)`,
        );
      }
      const other = taken.get(place);
      if (other !== undefined) throw new InputError(here, `logical processor ${place} is taken by ${other}`);
      taken.set(place, here);
    });
    return [...places];
  });
}

function rejectUnmodelled(scenario: MachineConfig): void {
  scenario.vms.forEach((vm, index) => {
    if (vm.apicMode === 'xapic' && vm.vcpus > 255) {
      throw new InputError(`vms[${index}].vcpus`, `${vm.vcpus} virtual CPUs, but xAPIC mode has 255 APIC IDs`);
    }
    if (vm.logicalMode !== 'physical') {
      throw new InputError(`vms[${index}].logicalMode`, 'logical destinations are not modelled in this version');
    }
  });
  for (const [name, on] of Object.entries(scenario.host.mitigations)) {
    if (on) throw new InputError(`host.mitigations.${name}`, 'is not modelled in this version');
  }
  const { workload } = scenario;
  if (workload === undefined) return;
  if (workload.targetIdle === 'hlt') {
    throw new InputError('workload.targetIdle', "a target in HLT is not modelled in this version (use 'loop')");
  }
  const { vcpus } = scenario.vms[0] as MachineConfig['vms'][number];
  for (const end of ['from', 'to'] as const) {
    const vcpu = workload[end];
    if (vcpu >= vcpus) throw new InputError(`workload.${end}`, `virtual CPU ${vcpu} does not exist (${vcpus} there)`);
  }
  if (workload.from === workload.to) {
    throw new InputError('workload.to', 'is the sender itself');
  }
}

/**
 * Builds the machine of a scenario. Throws an {@link InputError} where a part of the scenario does not fit the rest.
 */
export function buildMachine(scenario: MachineConfig): BuiltMachine {
  const profile = profileOf(scenario.profile);
  rejectUnmodelled(scenario);
  const pinning = pinningOf(scenario);
  const threads: Thread[] = [];
  const processors = Array.from({ length: processorCount(scenario.topology) }, (_, id) => {
    threads.push([]);
    return { ...createProcessor(id, id), apic: createPhysicalApic(id), nonRoot: 0, vcpu: -1, hostThread: id };
  });
  let lines = 0;
  let channels = 0;
  const machine: SystemMachine = {
    processors,
    threads,
    timers: [],
    storeBuffers: 0,
    requests: emptyRequests(),
    vcpus: [],
    vms: [],
    guests: [],
    memory: { descriptorBase, descriptors: [], pidPointerTables: [] },
    hostInterrupts: [],
  };
  setHandler(machine.hostInterrupts, HostVector.postedInterrupt, sysvecKvmPostedIntrIpi.entry);
  scenario.vms.forEach((vm, index) => {
    const features = featuresOf(scenario, profile, index);
    const x2apic = vm.apicMode === 'x2apic';
    const tableAddress = tableBase + index * 0x10_0000;
    const entries: number[] = [];
    const apicMap: number[] = [];
    machine.guests.push({
      ipiLock: 0,
      ipiFunction: 0,
      ipiData: 0,
      ipiDone: 0,
      ipiWait: 0,
      activeCpus: 1,
      line: lines++,
      doneChannel: channels++,
      x2apic: x2apic ? 1 : 0,
    });
    for (let number = 0; number < vm.vcpus; number++) {
      const id = machine.vcpus.length;
      const cpu = (pinning[index] as number[])[number] as number;
      const descriptorAddress = descriptorBase + 64 * id;
      machine.memory.descriptors.push({ ...emptyDescriptor(), nv: HostVector.postedInterrupt, ndst: cpu });
      if (features.ipiVirtualization) entries.push(descriptorAddress + 1);
      apicMap.push(id);
      const setUp = {
        x2apic,
        ipiVirtualization: features.ipiVirtualization,
        descriptorAddress,
        tableAddress,
        maxVcpuIds: 4096,
      };
      const page = emptyPage();
      page.id = x2apic ? number : (number << 24) >>> 0;
      page.svr = 0x1ff;
      const thread = threads.length;
      const guestInterrupts: number[] = [];
      setHandler(guestInterrupts, ipiVector, ipiEntry.entry);
      machine.vcpus.push({
        id,
        vm: index,
        thread,
        pid: id,
        vmcs: vmcsOf(setUp),
        page,
        recognized: 0,
        interruptFlag: 1,
        interruptibility: 0,
        activity: 0,
        msrBitmap: msrBitmapOf(setUp),
        exit: { reason: 0, qualification: 0, interruptionInformation: 0, msr: 0, low: 0, high: 0 },
        descriptorLine: lines++,
        guestInterrupts,
        mode: VcpuMode.outsideGuestMode,
        requests: 0,
        cpu,
        apicvActive: 1,
        modeLine: lines++,
      });
      threads.push([]);
      const processor = processors[cpu] as (typeof processors)[number];
      processor.vcpu = id;
      callOn(threads[processor.thread] as Thread, vcpuRun);
      const { workload } = scenario;
      if (workload !== undefined && index === 0 && number === workload.from) {
        const source = callOn(threads[thread] as Thread, vmexitIpi);
        source.target = workload.to;
        source.iterations = workload.iterations + workload.warmup;
      } else {
        callOn(threads[thread] as Thread, busyLoop);
      }
    }
    if (features.ipiVirtualization) machine.memory.pidPointerTables.push({ address: tableAddress, entries });
    machine.vms.push({ x2apic: x2apic ? 1 : 0, apicMap, icrFastpath: features.icrFastpath ? 1 : 0 });
  });
  return { machine, channels, lines };
}
