import { type Counters, HaltPollStatistic } from './recorder.js';

/** KVM's statistics of halts and halt polling, by their names there. Linux `struct kvm_vcpu_stat_generic`. */
export interface HaltPollStatistics {
  /** Halts that polled, and those of them that never slept. */
  readonly halt_attempted_poll: number;
  readonly halt_successful_poll: number;
  /** Polls that ended for a reason that was none: only on s390, 0 here. */
  readonly halt_poll_invalid: number;
  /** How often somebody woke a sleeping virtual CPU. */
  readonly halt_wakeup: number;
  /** Time polled in halts that did not sleep, and in those that did all the same; and time from the end of polling, or without it from the halt, to going on. */
  readonly halt_poll_success_ns: number;
  readonly halt_poll_fail_ns: number;
  readonly halt_wait_ns: number;
}

/** The statistics of several runs together, during their counted iterations. */
export function haltPollStatistics(runs: readonly Counters[], tscGhz: number): HaltPollStatistics {
  const sum = (statistic: number): number =>
    runs.reduce((all, { haltPolling }) => all + (haltPolling[statistic] as number), 0);
  return {
    halt_attempted_poll: sum(HaltPollStatistic.attempted),
    halt_successful_poll: sum(HaltPollStatistic.successful),
    halt_poll_invalid: sum(HaltPollStatistic.invalid),
    halt_wakeup: sum(HaltPollStatistic.wakeup),
    halt_poll_success_ns: sum(HaltPollStatistic.successTime) / tscGhz,
    halt_poll_fail_ns: sum(HaltPollStatistic.failTime) / tscGhz,
    halt_wait_ns: sum(HaltPollStatistic.waitTime) / tscGhz,
  };
}
