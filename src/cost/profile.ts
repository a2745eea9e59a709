import type { Cost } from '../engine/costs.js';
import { InputError } from '../engine/errors.js';

/** What stands behind a number: taken from a source, fitted to published figures, or an estimate that nothing pins. */
export type CostStatus = 'taken' | 'fitted' | 'estimated';

/**
 * A group of costs that no published figure can tell apart: one number is free, the keys share it by fixed parts.
 */
export interface CostGroup {
  /** Cycles of the whole group (TSC cycles), at distance `socket` if it depends on the distance. */
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
  /** Factors for distance same thread, SMT sibling, same socket, other socket, if the cost depends on the distance. */
  readonly byDistance?: [number, number, number, number] | undefined;
}

/** What a processor can do. */
export interface ProcessorFeatures {
  /** APIC-register virtualization, virtual-interrupt delivery and posted interrupts. */
  readonly apicv: boolean;
  readonly ipiVirtualization: boolean;
}

/** A cost profile: a processor with the kernel paths on it. */
export interface Profile {
  readonly name: string;
  /** What processor and system the numbers stand for. */
  readonly title: string;
  readonly features: ProcessorFeatures;
  /** Clock of the time-stamp counter, in GHz: what a cycle is. */
  readonly tscGhz: number;
  readonly groups: Readonly<Record<string, CostGroup>>;
}

/** Clocks of a host, in GHz. */
export interface Clocks {
  /** Of the time-stamp counter, in whose cycles all times are. */
  readonly tscGhz: number;
  readonly coreGhz: number;
}

/**
 * The costs of a profile by key, in cycles of the time-stamp counter. The profile's numbers were taken with core and time-stamp counter at
 * its `tscGhz`: other clocks scale what the core does by its clock, and keep the time of what the interconnect does.
 *
 * @param clocks - the profile's own by default
 */
export function costsOf(
  profile: Profile,
  clocks: Clocks = { tscGhz: profile.tscGhz, coreGhz: profile.tscGhz },
): Record<string, Cost> {
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

/**
 * A profile with some of its costs replaced: by group (the parts of its keys stay) or by a single key.
 *
 * @param set - cycles by group name or cost key
 * @param path - where `set` stands in the user's input, for the error
 */
export function withCosts(profile: Profile, set: Readonly<Record<string, number>>, path = 'profile.set'): Profile {
  const groups: Record<string, CostGroup> = { ...profile.groups };
  for (const [name, cycles] of Object.entries(set)) {
    if (!(cycles >= 0 && cycles < 2 ** 40)) {
      throw new InputError(`${path}.${name}`, `${cycles} is not a number of cycles from 0 to 2^40`);
    }
    const group = groups[name];
    if (group !== undefined) {
      groups[name] = { ...group, cycles };
      continue;
    }
    const owner = Object.entries(groups).find(([, candidate]) => candidate.keys[name] !== undefined);
    if (owner === undefined) {
      throw new InputError(
        `${path}.${name}`,
        `the profile '${profile.name}' has no cost group and no cost key of this name`,
      );
    }
    const [ownerName, { keys, ...rest }] = owner;
    const others = Object.fromEntries(Object.entries(keys).filter(([key]) => key !== name));
    groups[ownerName] = { ...rest, keys: others };
    groups[`${ownerName}.${name}`] = { ...rest, cycles, keys: { [name]: 1 } };
  }
  return { ...profile, groups };
}
