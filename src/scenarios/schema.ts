import * as v from 'valibot';
import type { Profile } from '../cost/profile.js';
import { InputError } from '../engine/errors.js';
import { guestKernelVersions } from '../guest/linux/kernels.js';
import { hostSchema } from './host-schema.js';
import { nearest } from './kernel-version.js';
import { issueError } from './schema-issues.js';
import { count, gigahertz, nonNegative, positive } from './schema-values.js';
import { vmSchema } from './vm-schema.js';
import { workloads } from './workloads/workloads.js';

const byDistance = v.tuple([nonNegative, nonNegative, nonNegative, nonNegative]);

const costGroup = v.strictObject({
  cycles: nonNegative,
  range: v.tuple([nonNegative, nonNegative]),
  status: v.picklist(['taken', 'fitted', 'grouped', 'estimated', 'unconstrained']),
  source: v.string(),
  keys: v.record(v.string(), nonNegative),
  clock: v.optional(v.picklist(['core', 'uncore'])),
  scaled: v.optional(v.boolean()),
  byDistance: v.optional(byDistance),
});

const cState = v.strictObject({ name: v.string(), exitLatencyNs: nonNegative, targetResidencyNs: nonNegative });

const inlineProfile = v.strictObject({
  name: v.string(),
  title: v.string(),
  features: v.strictObject({
    apicv: v.boolean(),
    ipiVirtualization: v.boolean(),
    vendor: v.optional(v.picklist(['intel', 'amd'])),
    avic: v.optional(v.boolean()),
    x2avic: v.optional(v.boolean()),
    msrImmediate: v.optional(v.boolean()),
  }),
  tscGhz: gigahertz,
  coreGhz: v.optional(gigahertz),
  scale: v.optional(positive),
  groups: v.record(v.string(), costGroup),
  cStates: v.optional(v.array(cState)),
});

/** One number, or one for each distance: by its shape, so that an error speaks of the form that was meant. */
const costSetting = v.lazy((input) => (Array.isArray(input) ? byDistance : nonNegative));

const changedProfile = v.strictObject({ base: v.string(), set: v.record(v.string(), costSetting) });

/** By its shape, so that an error speaks of the form that was meant. */
const profile = v.lazy((input) => {
  if (typeof input !== 'object' || input === null) return v.string();
  return 'base' in input ? changedProfile : inlineProfile;
});

/** The workloads that are modelled, by kind. */
const workload = v.variant(
  'kind',
  Object.values(workloads).map(({ schema }) => schema),
);

const published = v.strictObject({
  /** Path into the variant's report, as `latencyCycles.mean`. */
  metric: v.string(),
  value: v.number(),
  source: v.string(),
  /** What the source says beside the mean. */
  min: v.optional(v.number()),
  max: v.optional(v.number()),
  n: v.optional(count(1, 1_000_000_000)),
});

const assumption = v.strictObject({ path: v.string(), value: v.unknown(), why: v.string() });

/** What a machine is made from: every key has a default. */
const machineEntries = {
  /** Name of a profile, a profile with some costs replaced, or a whole one. */
  profile: v.optional(profile, 'sapphire-rapids'),
  topology: v.optional(
    v.strictObject({
      sockets: v.optional(count(1, 16), 1),
      coresPerSocket: v.optional(count(1, 4096), 2),
      threadsPerCore: v.optional(count(1, 2), 1),
      /** Clock of the time-stamp counter; the profile's by default. */
      tscGhz: v.optional(gigahertz),
      /** Clock of the cores; the profile's by default, or what keeps its ratio to the time-stamp counter. */
      coreGhz: v.optional(gigahertz),
    }),
    {},
  ),
  host: v.optional(hostSchema, {}),
  vms: v.optional(v.pipe(v.array(vmSchema), v.minLength(1), v.maxLength(4096)), [{}]),
  /** Any integer; the same seed gives the same bytes. */
  seed: v.optional(v.pipe(v.number(), v.safeInteger()), 1),
  /** Relative spread of each stage's cost, 0 to 1. */
  jitter: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0),
};

/** A machine: a host and its VMs, with a workload or without. Unknown keys are errors. */
export const machineSchema = v.strictObject({ ...machineEntries, workload: v.optional(workload) });

/**
 * A scenario: a host, its VMs, a workload, and variants of it. Every key has a default but `workload`; unknown keys are errors.
 */
export const scenarioSchema = v.strictObject({
  ...machineEntries,
  name: v.optional(v.string(), 'scenario'),
  title: v.optional(v.string()),
  workload,
  /** What the source of a figure does not state. */
  assumed: v.optional(v.array(assumption), []),
  /** Independent runs, with consecutive seeds. */
  runs: v.optional(count(1, 10_000), 1),
  published: v.optional(v.array(published), []),
  /** Changes of this scenario, by path; each is a row of the report. */
  variants: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          name: v.string(),
          set: v.optional(v.record(v.string(), v.unknown()), {}),
          published: v.optional(v.array(published), []),
        }),
      ),
      v.minLength(1),
      v.maxLength(1000),
    ),
  ),
});

/** How a scenario names its profile: a name, changes of a known one (in cycles, by group or key), or a whole one. */
export type ProfileInput =
  | string
  | { base: string; set: Record<string, number | [number, number, number, number]> }
  | Profile;
/** A machine as a user writes it. */
export interface MachineInput extends Omit<v.InferInput<typeof machineSchema>, 'profile'> {
  /** Name of a profile, a profile with some costs replaced, or a whole one. */
  profile?: ProfileInput | undefined;
}
/** A machine with its defaults filled in. */
export interface MachineConfig extends v.InferOutput<typeof machineSchema> {}
/** A scenario as a user writes it. */
export interface ScenarioInput extends Omit<v.InferInput<typeof scenarioSchema>, 'profile'> {
  /** Name of a profile, a profile with some costs replaced, or a whole one. */
  profile?: ProfileInput | undefined;
}
/** A scenario with its defaults filled in. */
export interface Scenario extends v.InferOutput<typeof scenarioSchema> {}
/** A published figure that a variant is compared with. */
export type PublishedFigure = Scenario['published'][number];

function parse<S extends typeof machineSchema | typeof scenarioSchema>(schema: S, input: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, input);
  if (!result.success) throw issueError(result.issues[0]);
  fillIn(input, result.output);
  return result.output;
}

/**
 * What follows from the rest where the input does not say it: a host has a core for each virtual CPU that is not pinned, and a guest's kernel is as old as the
 * host's.
 */
function fillIn(input: unknown, { topology, host, vms }: v.InferOutput<typeof machineSchema>): void {
  const given = input as MachineInput;
  vms.forEach((vm, index) => {
    if (given.vms?.[index]?.guestKernel === undefined) vm.guestKernel = nearest(guestKernelVersions, host.kernel);
  });
  if (given.topology?.coresPerSocket !== undefined) return;
  const unpinned = vms.reduce((sum, vm) => sum + (Array.isArray(vm.pinning) ? 0 : vm.vcpus), 0);
  topology.coresPerSocket = Math.min(4096, Math.max(topology.coresPerSocket, Math.ceil(unpinned / topology.sockets)));
}

/**
 * Checks a scenario and fills in its defaults.
 *
 * @param input - anything; JSON that was parsed
 * @throws InputError that names the first thing that is wrong, by its path
 */
export function parseScenario(input: unknown): Scenario {
  return parse(scenarioSchema, input);
}

/**
 * Checks what a machine is to be made from and fills in the defaults.
 *
 * @param input - anything; JSON that was parsed
 * @throws InputError that names the first thing that is wrong, by its path
 */
export function parseMachine(input: unknown): MachineConfig {
  return parse(machineSchema, input);
}

/** Splits `vms[0].features.apicv` into its keys. Throws an {@link InputError} if it is not a path. */
export function splitPath(path: string): (string | number)[] {
  const keys: (string | number)[] = [];
  const pattern = /(?:^|\.)([A-Za-z_][\w-]*)|\[(\d+)\]/y;
  while (pattern.lastIndex < path.length) {
    const match = pattern.exec(path);
    if (match === null) throw new InputError(path, 'is not a path such as vms[0].features.ipiVirtualization');
    keys.push(match[1] ?? Number(match[2]));
  }
  if (keys.length === 0) throw new InputError(path, 'is not a path such as vms[0].features.ipiVirtualization');
  return keys;
}

/**
 * A copy of a scenario with the value at `path` replaced; objects on the way are made, lists may grow by one element. Where a cost is set, as
 * `profile.set.vmExit`, the name of a profile becomes that profile with changes.
 *
 * Throws an {@link InputError} if the path leads through something that is neither.
 */
export function withValue(input: unknown, path: string, value: unknown): unknown {
  const replace = (current: unknown, keys: readonly (string | number)[], value: unknown): unknown => {
    const [key, ...rest] = keys;
    if (key === undefined) return value;
    if (typeof key === 'number') {
      const list = current === undefined ? [] : current;
      if (!Array.isArray(list)) throw new InputError(path, `there is no list to take element ${key} of`);
      if (key > list.length) throw new InputError(path, `element ${key} does not exist (${list.length} there)`);
      const copy: unknown[] = [...list];
      copy[key] = replace(copy[key], rest, value);
      return copy;
    }
    const object = current === undefined ? {} : current;
    if (typeof object !== 'object' || object === null || Array.isArray(object)) {
      throw new InputError(path, `there is no object to set '${key}' of`);
    }
    return { ...object, [key]: replace((object as Record<string, unknown>)[key], rest, value) };
  };
  const keys = splitPath(path);
  // A kernel's version is a name, also where a command line or JSON makes a number of it.
  const named = typeof value === 'number' && /^(?:guestK|k)ernel$/.test(String(keys.at(-1))) ? String(value) : value;
  const { profile = 'sapphire-rapids' } = (input ?? {}) as { profile?: unknown };
  const based =
    keys[0] === 'profile' && keys[1] === 'set' && typeof profile === 'string'
      ? replace(input, ['profile'], { base: profile, set: {} })
      : input;
  return replace(based, keys, named);
}
