import { emptyBits256, testBit } from '../arch/bits256.js';
import { InputError, InternalError } from '../engine/errors.js';
import { recordKindOf } from '../engine/records.js';
import { moveGuestMemory } from '../guest/move.js';
import type { KvmVcpu } from '../kvm/machine.js';
import { restoreVcpu, type SavedVcpu, saveVcpu } from '../kvm/migrate.js';
import { profileOf } from './build.js';
import type { Scenario } from './schema.js';
import type { SystemMachine } from './system-machine.js';
import type { MigrationWorkload } from './workloads/migration.js';

/** The workload of a scenario if that is a migration. */
export function migrationOf({ workload }: Scenario): MigrationWorkload | undefined {
  return workload.kind === 'migration' ? workload : undefined;
}

/**
 * The scenario of the machine that a VM goes to. Its time-stamp counter is scaled to the one that the guest knows. Throws an {@link InputError} for a
 * processor of another vendor, where KVM's guests cannot go on.
 */
export function destinationOf(scenario: Scenario, workload: MigrationWorkload): Scenario {
  const { destination } = workload;
  const source = profileOf(scenario.profile);
  const profile = destination.profile ?? scenario.profile;
  const target = profileOf(profile, 'workload.destination.profile');
  if (source.features.vendor !== target.features.vendor) {
    throw new InputError(
      'workload.destination.profile',
      `the processor of '${target.name}' is of another vendor than that of '${source.name}'`,
    );
  }
  const [vm, ...others] = scenario.vms;
  if (vm === undefined) throw new InternalError('destinationOf', 'a scenario without a VM');
  const { pvIpi, pvTlbFlush, pvUnhalt, pvSchedYield, pvEoi, hypervPvIpi } = vm.features;
  const moved = destination.profile !== undefined || destination.kernel !== undefined;
  // What the guest has seen of its hypervisor stays. The host's own choices follow from the new host, unless that is the same.
  const features = {
    ...(moved ? { pvIpi, pvTlbFlush, pvUnhalt, pvSchedYield, pvEoi, hypervPvIpi } : vm.features),
    ...destination.features,
  };
  return {
    ...scenario,
    profile,
    topology: { ...scenario.topology, tscGhz: scenario.topology.tscGhz ?? source.tscGhz },
    host: { ...scenario.host, kernel: destination.kernel ?? scenario.host.kernel },
    vms: [{ ...vm, features: definedOf(features), apicvInhibits: [] }, ...others],
    workload: { ...workload, atNs: Number.POSITIVE_INFINITY },
    published: [],
  };
}

function definedOf<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** A VM that has stopped, as it goes over the wire. */
export interface StoppedVm {
  readonly vcpus: readonly SavedVcpu[];
  /** Interrupts that are requested and not delivered. */
  readonly inFlight: number;
}

function vcpusOf({ vcpus }: SystemMachine): KvmVcpu[] {
  return vcpus.filter(({ vm }) => vm === 0);
}

/** True if every virtual CPU of the first VM has stopped. */
export function hasStopped(machine: SystemMachine): boolean {
  return vcpusOf(machine).every(({ stopped }) => stopped === 1);
}

/** Interrupts of a VM that are requested and not delivered, posted ones included: their vectors. */
function pendingInterrupts(machine: SystemMachine): number[] {
  return vcpusOf(machine).flatMap(({ pid, page, injected }) => {
    const pir = machine.memory.descriptors[pid]?.pir ?? emptyBits256();
    const vectors = Array.from({ length: 256 }, (_, vector) => vector).filter(
      (vector) => testBit(page.irr, vector) || testBit(pir, vector),
    );
    return injected === 0 ? vectors : [...vectors, injected & 0xff];
  });
}

/** The state of the first VM, which has stopped. */
export function saveVm(machine: SystemMachine, now: number): StoppedVm {
  return {
    vcpus: vcpusOf(machine).map((vcpu) => saveVcpu(machine, vcpu, now)),
    inFlight: pendingInterrupts(machine).length,
  };
}

/** Puts it, with its memory, into a machine on which the same VM was made and has not run. */
export function restoreVm(machine: SystemMachine, saved: StoppedVm, source: SystemMachine): void {
  vcpusOf(machine).forEach((vcpu, index) => {
    restoreVcpu(machine, vcpu, saved.vcpus[index] as SavedVcpu);
  });
  moveGuestMemory(source, machine, 0);
}

/** What was sent and what arrived, from the first cycle on: IPIs of the guest, by their vectors, so that timers do not count. */
export interface Tally {
  sent: number;
  delivered: number;
  coalesced: number;
  readonly vectors: Set<number>;
  /** The number of the iteration that began last. */
  iteration: number;
}

/** A tally of nothing. */
export function createTally(): Tally {
  return { sent: 0, delivered: 0, coalesced: 0, vectors: new Set(), iteration: -1 };
}

/** Counts records into a {@link Tally}. */
export function tallyRecorder(tally: Tally): (kind: number, a: number, b: number) => void {
  const number = (name: string): number => recordKindOf(name).number;
  const [sent, delivered, coalesced] = [number('ipi-sent'), number('delivered'), number('coalesced')];
  const iteration = number('iteration');
  return (kind, a, b) => {
    if (kind === sent) {
      tally.vectors.add(b);
      tally.sent++;
    } else if (kind === delivered && tally.vectors.has(b)) tally.delivered++;
    else if (kind === coalesced && tally.vectors.has(b)) tally.coalesced++;
    else if (kind === iteration && b === 1) tally.iteration = a;
  };
}

/** IPIs of a tally that have neither arrived nor are pending: those whose sending is under way, and those that are lost. */
export function missing({ sent, delivered, coalesced, vectors }: Tally, machine: SystemMachine): number {
  const pending = pendingInterrupts(machine).filter((vector) => vectors.has(vector));
  return sent - delivered - coalesced - pending.length;
}
