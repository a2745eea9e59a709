import type { Cost } from '../engine/costs.js';
import { InputError } from '../engine/errors.js';

/**
 * What stands behind a number: `taken` from its source as it is; `fitted` to published figures by the calibration; `grouped`, the sum of a group
 * that was taken or fitted elsewhere and scaled to this processor; `estimated` within the range, for reasons that the source gives;
 * `unconstrained`, an estimate that no published figure depends on.
 */
export type CostStatus = 'taken' | 'fitted' | 'grouped' | 'estimated' | 'unconstrained';

/**
 * A group of costs that no published figure can tell apart: one number is free, the keys share it by fixed parts.
 */
export interface CostGroup {
  /** Cycles of the whole group on this processor, at the profile's clocks, at distance `socket` if it depends on the distance. */
  readonly cycles: number;
  /** Between which values it is plausible. */
  readonly range: [number, number];
  readonly status: CostStatus;
  /** Where the number and the range come from. */
  readonly source: string;
  /** The cost keys of the group with their parts of `cycles`. */
  readonly keys: Readonly<Record<string, number>>;
  /** The clock that the cost follows: the core's (instructions, microcode) or the uncore's (interconnect). The core's by default. */
  readonly clock?: 'core' | 'uncore' | undefined;
  /** Whether the group follows the profile's `scale`, so that setting that changes this. */
  readonly scaled?: boolean | undefined;
  /** Factors for distance same thread, SMT sibling, same socket, other socket, if the cost depends on the distance. */
  readonly byDistance?: [number, number, number, number] | undefined;
}

/** What a processor can do. */
export interface ProcessorFeatures {
  /** APIC-register virtualization, virtual-interrupt delivery and posted interrupts (VMX). */
  readonly apicv: boolean;
  /** IPI virtualization (VMX). */
  readonly ipiVirtualization: boolean;
  /** RDMSR and WRMSRNS with the number of the MSR in the instruction. */
  readonly msrImmediate?: boolean | undefined;
  /** Whose virtualization it has: VMX or SVM. `intel` by default. */
  readonly vendor?: 'intel' | 'amd' | undefined;
  /** AVIC (SVM). */
  readonly avic?: boolean | undefined;
  /** AVIC in x2APIC mode (SVM). */
  readonly x2avic?: boolean | undefined;
}

/** A C-state as the host's idle driver knows it. */
export interface CState {
  readonly name: string;
  /** How long leaving it takes at worst, in nanoseconds. */
  readonly exitLatencyNs: number;
  /** How long a stay must be to be worth it, in nanoseconds. */
  readonly targetResidencyNs: number;
}

/** A cost profile: a processor with the kernel paths on it. */
export interface Profile {
  readonly name: string;
  /** What processor and system the numbers stand for. */
  readonly title: string;
  readonly features: ProcessorFeatures;
  /** Clock of the time-stamp counter, in GHz: what a cycle of a report is. */
  readonly tscGhz: number;
  /** Clock at which the cores run, in GHz; that of the time-stamp counter by default. */
  readonly coreGhz?: number | undefined;
  /** Cycles that a path takes here for each that it takes on Skylake-SP. 1 by default. */
  readonly scale?: number | undefined;
  readonly groups: Readonly<Record<string, CostGroup>>;
  /** The C-states of an idle processor, the lightest first. None by default. */
  readonly cStates?: CState[] | undefined;
}

/** Clocks of a host, in GHz. */
export interface Clocks {
  /** Of the time-stamp counter, in whose cycles all times are. */
  readonly tscGhz: number;
  readonly coreGhz: number;
}

/**
 * The clocks of a host with the processor of a profile: the profile's, but for what the host itself says. A host whose time-stamp counter is not
 * the profile's and that says nothing of its cores runs them at the same ratio to it.
 */
export function clocksOf(
  profile: Profile,
  host: { readonly tscGhz?: number | undefined; readonly coreGhz?: number | undefined } = {},
): Clocks {
  const { tscGhz, coreGhz = tscGhz } = profile;
  if (host.tscGhz === undefined) return { tscGhz, coreGhz: host.coreGhz ?? coreGhz };
  return { tscGhz: host.tscGhz, coreGhz: host.coreGhz ?? (host.tscGhz * coreGhz) / tscGhz };
}

/**
 * The costs of a profile by key, in cycles of the time-stamp counter. What the core does is in cycles of the core and follows its clock; what
 * the interconnect does is in cycles of the profile's time-stamp counter and keeps its time.
 *
 * @param clocks - the profile's own by default
 */
export function costsOf(profile: Profile, clocks: Clocks = clocksOf(profile)): Record<string, Cost> {
  const core = clocks.tscGhz / clocks.coreGhz;
  const uncore = clocks.tscGhz / profile.tscGhz;
  const costs: Record<string, Cost> = {};
  for (const [name, group] of Object.entries(profile.groups)) {
    for (const [key, part] of Object.entries(group.keys)) {
      if (costs[key] !== undefined)
        throw new InputError(`profile.groups.${name}.keys.${key}`, 'is in another group, too');
      const cycles = group.cycles * part * (group.clock === 'uncore' ? uncore : core);
      costs[key] =
        group.byDistance === undefined
          ? cycles
          : (group.byDistance.map((factor) => cycles * factor) as [number, number, number, number]);
    }
  }
  return costs;
}

/** What a cost is set to: cycles, or cycles for each of the four distances. */
export type CostSetting = number | readonly [number, number, number, number];

/** Checks a number of cycles that a user gave. */
function checkCycles(path: string, cycles: number): void {
  if (!(cycles >= 0 && cycles < 2 ** 40)) {
    throw new InputError(path, `${cycles} is not a number of cycles from 0 to 2^40`);
  }
}

/** A group at other costs: one number keeps its factors for the distances, four replace them. */
function withSetting(group: CostGroup, path: string, setting: CostSetting): CostGroup {
  const { scaled: _, ...rest } = group;
  if (typeof setting === 'number') {
    checkCycles(path, setting);
    return { ...rest, cycles: setting };
  }
  setting.forEach((cycles, distance) => {
    checkCycles(`${path}[${distance}]`, cycles);
  });
  return { ...rest, cycles: 1, byDistance: [...setting] as [number, number, number, number] };
}

/** A profile with everything that follows the scale at another one. */
function withScale(profile: Profile, path: string, scale: CostSetting): Profile {
  if (typeof scale !== 'number' || !(scale > 0 && scale <= 100)) {
    throw new InputError(path, `${JSON.stringify(scale)} is not a scale above 0 and up to 100`);
  }
  const factor = scale / (profile.scale ?? 1);
  const groups = Object.entries(profile.groups).map(([name, group]) => {
    if (group.scaled !== true) return [name, group] as const;
    const range: [number, number] = [group.range[0] * factor, group.range[1] * factor];
    return [name, { ...group, cycles: group.cycles * factor, range }] as const;
  });
  return { ...profile, scale, groups: Object.fromEntries(groups) };
}

/**
 * A profile with some of its costs replaced: by group (the parts of its keys stay) or by a single key. `scale` sets the profile's scale, and with it
 * every group that follows it and is not set itself.
 *
 * @param set - cycles by group name or cost key; four numbers for a cost by distance (same thread, SMT sibling, same socket, other socket)
 * @param path - where `set` stands in the user's input, for the error
 */
export function withCosts(profile: Profile, set: Readonly<Record<string, CostSetting>>, path = 'profile.set'): Profile {
  const { scale, ...costs } = set;
  const scaled = scale === undefined ? profile : withScale(profile, `${path}.scale`, scale);
  const groups: Record<string, CostGroup> = { ...scaled.groups };
  for (const [name, setting] of Object.entries(costs)) {
    const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
    if (group !== undefined) {
      groups[name] = withSetting(group, `${path}.${name}`, setting);
      continue;
    }
    const owner = Object.entries(groups).find(([, candidate]) => Object.hasOwn(candidate.keys, name));
    if (owner === undefined) {
      throw new InputError(
        `${path}.${name}`,
        `the profile '${profile.name}' has no cost group and no cost key of this name`,
      );
    }
    const [ownerName, { keys, ...rest }] = owner;
    const others = Object.fromEntries(Object.entries(keys).filter(([key]) => key !== name));
    groups[ownerName] = { ...rest, keys: others };
    groups[`${ownerName}.${name}`] = {
      ...withSetting({ ...rest, keys }, `${path}.${name}`, setting),
      keys: { [name]: 1 },
    };
  }
  return { ...scaled, groups };
}
