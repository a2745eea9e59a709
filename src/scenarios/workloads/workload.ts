import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import type { HostPlan } from '../../host/create-host.js';
import type { KvmVcpu } from '../../kvm/machine.js';
import { count } from '../schema-values.js';
import type { SystemMachine } from '../system-machine.js';
import type { VmConfig } from '../vm-schema.js';

/** The keys that every workload has. */
export const measured = {
  /** Iterations that count. */
  iterations: v.optional(count(1, 10_000_000), 1000),
  /** Iterations before them that do not. */
  warmup: v.optional(count(0, 1_000_000), 64),
};

/** What a workload finds when it starts its guest programs: a machine that has not run, whose virtual CPUs run nothing yet. */
export interface WorkloadSetting {
  /** The machine under construction: cache lines, channels and timers are taken from it. */
  readonly plan: HostPlan<SystemMachine>;
  /** The VM that the workload runs in, as the scenario says, and its index. */
  readonly vm: VmConfig;
  readonly index: number;
  /** Its virtual CPUs. */
  readonly vcpus: readonly KvmVcpu[];
  /** TSC cycles of a time in nanoseconds. */
  cycles(ns: number): number;
}

/** A schema of a workload: an object with a `kind` of its own and what {@link measured} has. */
export type WorkloadSchema = v.GenericSchema<
  unknown,
  { readonly kind: string; readonly iterations: number; readonly warmup: number }
>;

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
