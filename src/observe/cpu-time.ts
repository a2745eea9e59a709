import { type Account, totalsOf } from './account.js';
import { type Counters, ProcessorActivity, VcpuActivity } from './recorder.js';

/** What the time of a logical processor went into, in TSC cycles: the parts add up to the time that passed. */
export interface ProcessorTime {
  readonly guest: number;
  /** KVM, the scheduler, interrupts, entering and leaving idle states. */
  readonly host: number;
  readonly haltPoll: number;
  /** In idle states, the way out of them included. */
  readonly idle: number;
  /** The same by state: `POLL`, `C1`, …. */
  readonly idleByState: Readonly<Record<string, number>>;
  /** Tasks of the host that are no virtual CPUs. */
  readonly otherLoad: number;
}

/** What the time of a virtual CPU went into, in TSC cycles: the parts add up to the time that passed. */
export interface VcpuTime {
  readonly guest: number;
  readonly host: number;
  readonly haltPoll: number;
  /** Asleep, halted. */
  readonly blocked: number;
  /** Ready to run but on no processor: what the guest sees as steal time. Linux `sched_info.run_delay`. */
  readonly steal: number;
}

/** Processor time during the counted iterations: of all logical processors together, and of each. */
export interface CpuTime extends ProcessorTime {
  /** Of all virtual CPUs together. */
  readonly steal: number;
  /** The time that passed: of each processor, and of each virtual CPU, the parts add up to this. */
  readonly elapsed: number;
  readonly processors: readonly ProcessorTime[];
  readonly vcpus: readonly VcpuTime[];
}

function processorTime(account: Account, counters: Counters, states: readonly string[]): ProcessorTime {
  const totals = totalsOf(account, counters);
  const of = (activity: number): number => totals[activity] ?? 0;
  const byState: Record<string, number> = {};
  let idle = 0;
  states.forEach((state, number) => {
    const cycles = of(ProcessorActivity.idle + number);
    if (cycles > 0) byState[state] = cycles;
    idle += cycles;
  });
  return {
    guest: of(ProcessorActivity.guest),
    host: of(ProcessorActivity.host),
    haltPoll: of(ProcessorActivity.haltPoll),
    idle,
    idleByState: byState,
    otherLoad: of(ProcessorActivity.otherLoad),
  };
}

function vcpuTime(account: Account, counters: Counters): VcpuTime {
  const totals = totalsOf(account, counters);
  const of = (activity: number): number => totals[activity] ?? 0;
  return {
    guest: of(VcpuActivity.guest),
    host: of(VcpuActivity.host),
    haltPoll: of(VcpuActivity.haltPoll),
    blocked: of(VcpuActivity.blocked),
    steal: of(VcpuActivity.waiting),
  };
}

function addProcessorTimes(times: readonly ProcessorTime[]): ProcessorTime {
  const sum = (part: (time: ProcessorTime) => number): number => times.reduce((all, time) => all + part(time), 0);
  const byState: Record<string, number> = {};
  for (const { idleByState } of times) {
    for (const [state, cycles] of Object.entries(idleByState)) byState[state] = (byState[state] ?? 0) + cycles;
  }
  return {
    guest: sum(({ guest }) => guest),
    host: sum(({ host }) => host),
    haltPoll: sum(({ haltPoll }) => haltPoll),
    idle: sum(({ idle }) => idle),
    idleByState: byState,
    otherLoad: sum(({ otherLoad }) => otherLoad),
  };
}

function addVcpuTimes(times: readonly VcpuTime[]): VcpuTime {
  const sum = (part: keyof VcpuTime): number => times.reduce((all, time) => all + time[part], 0);
  return {
    guest: sum('guest'),
    host: sum('host'),
    haltPoll: sum('haltPoll'),
    blocked: sum('blocked'),
    steal: sum('steal'),
  };
}

function together(processors: readonly ProcessorTime[], vcpus: readonly VcpuTime[], elapsed: number): CpuTime {
  return { ...addProcessorTimes(processors), steal: addVcpuTimes(vcpus).steal, elapsed, processors, vcpus };
}

/**
 * What the processors' time went into during the counted iterations.
 *
 * @param counters - of a run that has ended (`finishCounters`)
 * @param states - names of the idle states, by number
 */
export function cpuTimeOf(counters: Counters, states: readonly string[]): CpuTime {
  return together(
    counters.processors.map((account) => processorTime(account, counters, states)),
    counters.virtualCpus.map((account) => vcpuTime(account, counters)),
    counters.closed - counters.began,
  );
}

/** The same of several runs of one machine together. */
export function addCpuTimes(runs: readonly CpuTime[]): CpuTime {
  const transposed = <T>(lists: readonly (readonly T[])[]): T[][] =>
    (lists[0] ?? []).map((_, index) => lists.map((list) => list[index] as T));
  return together(
    transposed(runs.map(({ processors }) => processors)).map(addProcessorTimes),
    transposed(runs.map(({ vcpus }) => vcpus)).map(addVcpuTimes),
    runs.reduce((sum, { elapsed }) => sum + elapsed, 0),
  );
}
