import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import type { HostPlan } from '../../host/create-host.js';
import type { KvmVcpu } from '../../kvm/machine.js';
import { count } from '../schema-values.js';
import type { SystemMachine } from '../system-machine.js';
import type { VmConfig } from '../vm-schema.js';

/** The keys that every workload has. */
export const measured = {
  /** Iterations that count; `"auto"` for as many as it takes until the mean has converged. */
  iterations: v.optional(
    v.lazy((input) => (typeof input === 'string' ? v.picklist(['auto']) : count(1, 10_000_000))),
    1000,
  ),
  /** With `"auto"`: how far the mean may be off, as a part of it (95 % confidence). */
  tolerance: v.optional(v.pipe(v.number(), v.minValue(1e-5), v.maxValue(0.5)), 0.005),
  /** Iterations before them that do not. */
  warmup: v.optional(count(0, 1_000_000), 64),
};

/** What every workload says of its iterations. */
export interface Measured {
  readonly iterations: number | 'auto';
  readonly tolerance: number;
  readonly warmup: number;
}

/** A mean that has not converged by then does not: as many iterations as `"auto"` has at most. */
const mostAutomatic = 1_000_000;

/** Iterations that count, at most. */
export function countedIterations({ iterations }: Measured): number {
  return iterations === 'auto' ? mostAutomatic : iterations;
}

/** Iterations that the program runs: those that count, after those that do not. */
export function allIterations(workload: Measured): number {
  return workload.warmup + countedIterations(workload);
}

/** What a workload finds when it starts its guest programs: a machine that has not run, whose virtual CPUs run nothing yet. */
export interface WorkloadSetting {
  /** The machine under construction: cache lines, channels and timers are taken from it. */
  readonly plan: HostPlan<SystemMachine>;
  /** The VM that the workload runs in, as the scenario says, and its index. */
  readonly vm: VmConfig;
  readonly index: number;
  /** Its virtual CPUs. */
  readonly vcpus: readonly KvmVcpu[];
  /** The run's seed. */
  readonly seed: number;
  /** TSC cycles of a time in nanoseconds. */
  cycles(ns: number): number;
  /** How far two logical processors are from each other: 0 the same, 1 SMT siblings, 2 one socket, 3 two sockets. */
  distance(a: number, b: number): number;
  /** The NUMA node of each virtual CPU as the guest sees it. */
  readonly nodes: readonly number[];
}

/** A schema of a workload: an object with a `kind` of its own and what {@link measured} has. */
export type WorkloadSchema = v.GenericSchema<unknown, { readonly kind: string } & Measured>;

/** A kind of workload. */
export interface WorkloadKind<S extends WorkloadSchema> {
  /** Its keys, ranges and defaults. */
  readonly schema: S;
  /**
   * Gives every virtual CPU of the VM its program and its interrupt handlers.
   *
   * @throws InputError where the workload does not fit the VM, with a path that begins with `workload`
   */
  start(workload: v.InferOutput<S>, setting: WorkloadSetting): void;
  /** The virtual CPU that measures: it observes the beginning and the end of every iteration. */
  measuredBy(workload: v.InferOutput<S>): number;
}

/** Writes down a kind, so that its parts check each other. */
export function workloadKind<S extends WorkloadSchema>(kind: WorkloadKind<S>): WorkloadKind<S> {
  return kind;
}

/** Refuses a virtual CPU that the VM does not have. */
export function requireVcpu(setting: WorkloadSetting, vcpu: number, path: string): void {
  if (vcpu >= setting.vm.vcpus) {
    throw new InputError(path, `virtual CPU ${vcpu} does not exist (${setting.vm.vcpus} there)`);
  }
}
