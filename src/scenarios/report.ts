import type { CpuTime } from '../observe/cpu-time.js';
import type { ExitParts, ExitTotals } from '../observe/exit-statistics.js';
import type { HaltPollStatistics } from '../observe/halt-poll-statistics.js';
import type { Summary } from '../observe/statistics.js';
import type { PublishedFigure } from './schema.js';

/** One VM-exit reason of a report. */
export interface ExitRow extends ExitTotals, ExitParts {
  /** Part of the cycles of all exits, 0 to 1: as `perf kvm stat` has it, sleep included. */
  readonly share: number;
  /** Part of the work of all exits, 0 to 1: sleep, halt polling and waiting for a processor left out. */
  readonly workShare: number;
}

/** One step of the way of an IPI. */
export interface BreakdownRow {
  /** `routine.stage`, `flight`, or `timer` for a wait that a timer ended. */
  readonly stage: string;
  /** On whose time: `sender`, `target`, or `bus`. */
  readonly on: 'sender' | 'target' | 'bus';
  /** TSC cycles, cache-line transfers included. */
  readonly cycles: number;
}

/** A published figure beside what was simulated. */
export interface ComparedFigure extends PublishedFigure {
  readonly simulated: number;
  /** (simulated - published) / published, in percent. */
  readonly errorPct: number;
}

/** What a VM's interrupts were like on one machine. */
export interface MachineLeg {
  /** One iteration that began and ended there. */
  readonly latencyNs: Summary;
  readonly exits: readonly ExitRow[];
  readonly exitsPerIteration: number;
}

/** What came of a migration, in all runs. None of it depends on how long the VM stood still. */
export interface MigrationReport {
  /** Interrupts that were requested and not delivered when the VM stopped, and went along. */
  readonly inFlight: number;
  /** IPIs that were sent, and those that neither arrived nor were pending in the end: 0, or something is wrong. */
  readonly sent: number;
  readonly lost: number;
  readonly before: MachineLeg;
  readonly after: MachineLeg;
}

/** What came of one variant of a scenario. */
export interface VariantReport {
  readonly name: string;
  /** Clock of the time-stamp counter, in GHz: cycles per nanosecond. */
  readonly tscGhz: number;
  /** One iteration, in TSC cycles: over all iterations of all runs. */
  readonly latencyCycles: Summary;
  readonly latencyNs: Summary;
  /** The means of the runs, in TSC cycles. */
  readonly runs: Summary & { readonly stdev: number };
  /**
   * From the call, or the message, to where it runs: over all iterations and targets. Not there for workloads that send nothing, or
   * whose programs do not say when it arrives.
   */
  readonly oneWayNs?: Summary;
  /** With `iterations: "auto"`: how far the mean may be off, in percent of it (95 % confidence); the worst of the runs. */
  readonly meanWithinPct?: number;
  /** Time of all counted iterations of all runs. */
  readonly totalNs: number;
  readonly exits: readonly ExitRow[];
  readonly exitsPerIteration: number;
  /** What the logical processors' time went into, during the counted iterations of all runs: TSC cycles. */
  readonly cpu: CpuTime;
  /** KVM's statistics of halts and halt polling, of all virtual CPUs together, during the counted iterations of all runs. */
  readonly kvmStat: HaltPollStatistics;
  /** With workload `migration`. */
  readonly migration?: MigrationReport;
  readonly interrupts: { readonly sent: number; readonly delivered: number; readonly coalesced: number };
  /** Where the cycles of one iteration go: the chain of stages that decides how long it takes. Without jitter. */
  readonly breakdown: readonly BreakdownRow[];
  readonly published: readonly ComparedFigure[];
}

/** What came of a scenario. */
export interface Report {
  /** The scenario's name. */
  readonly scenario: string;
  readonly title: string;
  /** The profile's name. */
  readonly profile: string;
  readonly seed: number;
  readonly assumed: readonly { readonly path: string; readonly value: unknown; readonly why: string }[];
  readonly variants: readonly VariantReport[];
}
