import { fittedNumbers } from './fitted-numbers.js';
import { guestPaths } from './guest-paths.js';
import { hardwarePaths } from './hardware-paths.js';
import { hostPaths } from './host-paths.js';
import { type InterconnectCosts, interconnectPaths } from './interconnect-paths.js';
import { kernelPaths } from './kernel-paths.js';
import { mitigationPaths } from './mitigation-paths.js';
import type { PathCosts } from './paths.js';
import type { CostGroup, CState, ProcessorFeatures, Profile } from './profile.js';

/** A number with its provenance. */
export type ProcessorCosts = Omit<PathCosts, 'keys'>;

/** A processor's own numbers: what it takes to turn the shared costs of paths into a profile. */
export interface Processor {
  readonly name: string;
  /** What processor and system the numbers stand for. */
  readonly title: string;
  readonly features: ProcessorFeatures;
  /** Clock of the time-stamp counter, in GHz. */
  readonly tscGhz: number;
  /**
   * The processor that this one takes numbers from: an entry below that is the relative's very own follows what is fitted there.
   */
  readonly relative?: Processor | undefined;
  /** Cycles that a path takes here for each that it takes on Skylake-SP, both at base clock. `cycles` is that ratio. */
  readonly scale: ProcessorCosts;
  /** Groups of {@link hardwarePaths} and {@link mitigationPaths} that are not the shared number times the scale: core cycles here. */
  readonly hardware: Readonly<Record<string, ProcessorCosts>>;
  /** Groups of {@link interconnectPaths} that are not those of the Skylake-SP mesh. */
  readonly interconnect: Readonly<Record<string, InterconnectCosts>>;
  /** The C-states of an idle processor, the lightest first. */
  readonly cStates: readonly CState[];
}

type Entry = ProcessorCosts | InterconnectCosts | undefined;

/** Whose number an entry of a processor is: its own, or that of the {@link Processor.relative} it was taken from. */
export function ownerOf(processor: Processor, entry: (of: Processor) => Entry): Processor {
  const { relative } = processor;
  return relative !== undefined && entry(relative) === entry(processor) ? ownerOf(relative, entry) : processor;
}

/** Groups that all processors share, as multiples of their scale. */
const scaledPaths: Readonly<Record<string, PathCosts>> = {
  ...kernelPaths,
  ...hostPaths,
  ...guestPaths,
  ...hardwarePaths,
  ...mitigationPaths,
};

/**
 * The profile of a processor: shared paths times its scale, its own hardware, and its interconnect's times in cycles.
 *
 * @param numbers - what calibration found, by parameter: the name of a shared group, or processor and group as `skylake-sp.vmExit`, or `skylake-sp.scale`
 */
export function profileOfProcessor(
  processor: Processor,
  numbers: Readonly<Record<string, number>> = fittedNumbers,
): Profile {
  const { name, title, features, tscGhz, cStates } = processor;
  /** The number that was fitted for an entry, and the status and source of it. */
  const own = (parameter: string, entry: (of: Processor) => Entry) => {
    const owner = ownerOf(processor, entry);
    const fitted = numbers[`${owner.name}.${parameter}`];
    const { status = 'unconstrained', source = '' } = entry(processor) ?? {};
    if (owner === processor) return { fitted, status: fitted === undefined ? status : 'fitted', source } as const;
    return { fitted, status: 'grouped', source: `as on ${owner.name}: ${source}` } as const;
  };
  const scale = own('scale', (of) => of.scale).fitted ?? processor.scale.cycles;
  const groups: Record<string, CostGroup> = {};
  for (const [group, { keys, ...shared }] of Object.entries(scaledPaths)) {
    const hardware = processor.hardware[group];
    if (hardware === undefined) {
      const fitted = numbers[group];
      groups[group] = {
        cycles: (fitted ?? shared.cycles) * scale,
        range: [shared.range[0] * scale, shared.range[1] * scale],
        status: fitted === undefined ? shared.status : scale === 1 ? 'fitted' : 'grouped',
        source: shared.source,
        keys,
        scaled: true,
      };
    } else {
      const { fitted, status, source } = own(group, (of) => of.hardware[group]);
      const { cycles, range } = hardware;
      groups[group] = { cycles: fitted ?? cycles, range: [...range], status, source, keys };
    }
  }
  for (const [group, { keys, ...shared }] of Object.entries(interconnectPaths)) {
    const { ns, range } = processor.interconnect[group] ?? shared;
    const shares = numbers[`${name}.${group}`] ?? numbers[group];
    const common = {
      fitted: shares,
      status: shares === undefined ? shared.status : 'fitted',
      source: shared.source,
    } as const;
    const { fitted, status, source } =
      processor.interconnect[group] === undefined ? common : own(group, (of) => of.interconnect[group]);
    const within = ns[2];
    groups[group] = {
      cycles: (fitted ?? within) * tscGhz,
      range: [range[0] * tscGhz, range[1] * tscGhz],
      status,
      source,
      keys,
      clock: 'uncore',
      byDistance: [ns[0] / within, ns[1] / within, 1, ns[3] / within],
    };
  }
  return { name, title, features, tscGhz, scale, groups, cStates: [...cStates] };
}
