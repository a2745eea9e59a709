import type { Profile } from '../cost/profile.js';
import { InputError } from '../engine/errors.js';
import type { IdleState } from '../hardware/machine.js';
import { weightOf } from '../host/fair.js';
import { addInterruptSource } from '../host/host-interrupts.js';
import { addLoad } from '../host/load.js';
import {
  FairClass,
  type HostMachine,
  IdleGovernor,
  IdleMode,
  type SchedulerOptions,
  WakeList,
} from '../host/machine.js';
import { processorCount } from '../host/topology.js';
import type { VmOptions } from '../kvm/create-vm.js';
import { HaltPollFloor } from '../kvm/halt-poll.js';
import { kernels } from '../kvm/kernels.js';
import type { MachineConfig } from './schema.js';

/** Nanoseconds as cycles of the time-stamp counter. */
type Cycles = (ns: number) => number;

/** The scheduler of a host: what the kernel makes of the number of processors, and what a scenario sets. */
export function schedulerOf({ host, topology }: MachineConfig, cycles: Cycles): SchedulerOptions {
  const kernel = kernels[host.kernel];
  // Linux `get_update_sysctl_factor`, scaling by the logarithm.
  const factor = 1 + Math.floor(Math.log2(Math.min(processorCount(topology), 8)));
  const slice = (ns: number): number => cycles(host.sliceNs ?? ns * factor);
  return {
    fairClass: kernel.eevdf ? FairClass.eevdf : FairClass.cfs,
    latency: slice(6_000_000),
    minGranularity: slice(750_000),
    wakeupGranularity: cycles(1_000_000 * factor),
    baseSlice: slice(750_000),
    wakeupPreemption: host.wakeupPreemption ? 1 : 0,
    idleMode: IdleMode[host.idle],
    governor: IdleGovernor[host.governor],
    wakeList: kernel.wakeListIdle ? WakeList.idleToo : WakeList.acrossCaches,
    tick: cycles(1e9 / host.tickHz),
    idlePollMax: cycles(host.idlePollNs),
  };
}

/** How KVM polls: what the kernel does, and what a scenario sets. */
export function haltPollOf({
  host,
}: MachineConfig): Pick<
  VmOptions,
  | 'haltPollShrink'
  | 'haltPollFloor'
  | 'haltPollPause'
  | 'haltPollStopsForResched'
  | 'rcuwait'
  | 'kicksUnposted'
  | 'blockHooks'
  | 'preemptedByState'
  | 'staticCalls'
  | 'directExits'
> {
  const kernel = kernels[host.kernel];
  return {
    haltPollShrink: host.haltPollShrink ?? kernel.haltPollShrink,
    haltPollFloor: kernel.haltPollDrop
      ? HaltPollFloor.both
      : kernel.haltPollGrowStart
        ? HaltPollFloor.grow
        : HaltPollFloor.none,
    rcuwait: kernel.rcuwait ? 1 : 0,
    kicksUnposted: kernel.kicksUnposted ? 1 : 0,
    blockHooks: kernel.blockHooks ? 1 : 0,
    staticCalls: kernel.staticCalls ? 1 : 0,
    directExits: kernel.directExits ? 1 : 0,
    preemptedByState: kernel.preemptedByState ? 1 : 0,
    haltPollPause: (host.haltPollPause ?? kernel.haltPollPause) ? 1 : 0,
    haltPollStopsForResched: (host.haltPollStopsForResched ?? kernel.haltPollStopsForResched) ? 1 : 0,
  };
}

/** The longest that a VM's halts are polled, in cycles. Throws an {@link InputError} for a maximum of its own that the kernel does not have. */
export function haltPollMaxOf({ host, vms }: MachineConfig, vm: number, cycles: Cycles): number {
  const own = vms[vm]?.haltPollNs;
  if (own !== undefined && !kernels[host.kernel].haltPollPerVm) {
    throw new InputError(`vms[${vm}].haltPollNs`, `Linux ${host.kernel} has one maximum for all VMs: host.haltPollNs`);
  }
  return cycles(own ?? host.haltPollNs);
}

/** The C-states of a profile that says nothing: the lightest, whose way out is a cost of the profile. */
const lightest = { name: 'C1', exitLatencyNs: 0, targetResidencyNs: 0 };

function allowedStates(profile: Profile, { host }: MachineConfig) {
  const { cStates = [] } = profile;
  const all = cStates.length === 0 ? [lightest] : cStates;
  if (!Array.isArray(host.cStates)) return all;
  host.cStates.forEach((name, index) => {
    if (all.some((state) => state.name === name)) return;
    const names = all.map((state) => state.name).join(', ');
    throw new InputError(
      `host.cStates[${index}]`,
      `'${name}' is not a C-state of profile '${profile.name}' (there are: ${names})`,
    );
  });
  const { cStates: names } = host;
  return all.filter(({ name }) => names.includes(name));
}

/** Names of the idle states that a host may use, by number: the one that polls, and C-states. */
export function idleStateNames(profile: Profile, config: MachineConfig): string[] {
  return ['POLL', ...allowedStates(profile, config).map(({ name }) => name)];
}

/** The idle states that a host may use: the first polls. What leaving the profile's lightest C-state takes is a cost; here is what others take more. */
export function idleStatesOf(profile: Profile, config: MachineConfig, cycles: Cycles): IdleState[] {
  const first = (profile.cStates?.[0] ?? lightest).exitLatencyNs;
  return [
    { exitLatency: 0, targetResidency: 0 },
    ...allowedStates(profile, config).map(({ exitLatencyNs, targetResidencyNs }) => ({
      exitLatency: cycles(Math.max(0, exitLatencyNs - first)),
      targetResidency: cycles(targetResidencyNs),
    })),
  ];
}

/** Adds the other work of a host. Throws an {@link InputError} for a processor that does not exist. */
export function addHostLoad(machine: HostMachine, { host }: MachineConfig, cycles: Cycles): void {
  const available = machine.processors.length;
  host.load.forEach(({ count, busyNs, idleNs, pinning, nice }, index) => {
    const allowed = Array.isArray(pinning) ? pinning : [];
    allowed.forEach((processor, place) => {
      if (processor < available) return;
      throw new InputError(
        `host.load[${index}].pinning[${place}]`,
        `logical processor ${processor} does not exist (${available} available)`,
      );
    });
    for (let task = 0; task < count; task++) {
      addLoad(machine, {
        busy: Math.max(1, cycles(busyNs)),
        pause: cycles(idleNs),
        allowed,
        weight: weightOf(nice),
      });
    }
  });
}

/** Adds the host's own interrupts. Throws an {@link InputError} for a processor that does not exist, and for a source without a rate. */
export function addHostInterrupts(machine: HostMachine, { host }: MachineConfig, cycles: Cycles): void {
  const available = machine.processors.length;
  host.interrupts.forEach(({ what, perSecond, handlerNs, processors }, index) => {
    const path = `host.interrupts[${index}]`;
    const rate = perSecond ?? (what === 'tick' ? host.tickHz : undefined);
    if (rate === undefined) throw new InputError(`${path}.perSecond`, `is needed for '${what}'`);
    const chosen = Array.isArray(processors) ? processors : machine.processors.map(({ id }) => id);
    chosen.forEach((processor, place) => {
      if (processor >= available) {
        throw new InputError(
          `${path}.processors[${place}]`,
          `logical processor ${processor} does not exist (${available} available)`,
        );
      }
      const period = Math.max(1, cycles(1e9 / rate));
      addInterruptSource(machine, { what, processor, period, handler: cycles(handlerNs), index });
    });
  });
}
