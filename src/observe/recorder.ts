import { recordKindOf } from '../engine/records.js';
import { type Account, activeSince, activityOf, change, createAccount, overlap } from './account.js';
import { addExit } from './exit-statistics.js';

/** What a processor does: idle states are `idle` plus their number. */
export const ProcessorActivity = { guest: 0, host: 1, haltPoll: 2, otherLoad: 3, idle: 4 } as const;

/** What a virtual CPU does: runs, is in the host, polls, sleeps, or waits for a processor. */
export const VcpuActivity = { guest: 0, host: 1, haltPoll: 2, blocked: 3, waiting: 4 } as const;

/** What a task is to the recorder, if it is no virtual CPU. */
export const OtherTask = { idle: -1, load: -2 } as const;

/** What is counted during a run: plain data, part of the run's state. Times are TSC cycles. */
export interface Counters {
  /** Iterations that do not count, and how many do (0: as many as come). */
  warmup: number;
  total: number;
  /** When the current iteration began; -1 outside one. */
  iterationBegan: number;
  /** Cycles of each iteration that counts. */
  iterations: number[];
  /** The calls under way: of each of the last few iterations that made one its number and when it did, by the number's last bits. */
  calls: number[];
  /** Cycles from a call to where it arrived, of those that count. */
  oneWay: number[];
  /** When the first counted iteration began, when the last so far ended, and when the last of all did; -1 if it has not. */
  began: number;
  ended: number;
  closed: number;
  /** The exits that count, by reason: nine numbers each: reason, count, and of their cycles sum, least, most, sum of squares, polling, blocked, waiting. */
  exits: number[];
  /** What each processor and each virtual CPU spends its time on: `ProcessorActivity`, `VcpuActivity`. */
  processors: Account[];
  virtualCpus: Account[];
  /** Per virtual CPU: when it last entered or left the guest, and by which exit reason it left (-1 in the guest, -2 before the first entry). */
  since: number[];
  outBy: number[];
  /** Per virtual CPU three numbers: polling, blocked and waiting since that exit. */
  notWork: number[];
  /** By task: the virtual CPU whose thread it is, or `OtherTask`. */
  tasks: number[];
  /** Per processor: whose task it runs, as in `tasks`; how many interrupts it is in, and what the first of them interrupted. */
  running: number[];
  depth: number[];
  interrupted: number[];
  /** KVM's statistics of halt polling: `HaltPollStatistic`, times in cycles. */
  haltPolling: number[];
  /** Per virtual CPU three numbers: when it began to halt, when the last polling for it began (-1: none) and when that ended. */
  halts: number[];
  sent: number;
  delivered: number;
  coalesced: number;
}

/** How many of what a run has. */
export interface CountersSize {
  readonly processors: number;
  /** Iterations that do not count. */
  readonly warmup?: number;
  /** Iterations that do; 0 if the run is stopped some other way. */
  readonly total?: number;
  /** By task: the virtual CPU whose thread it is, or `OtherTask`. */
  readonly tasks?: readonly number[];
  readonly virtualCpus?: number;
}

/** How many calls of one caller can be under way: one that runs, one that is unlocked, one that waits for its csd. */
const callsUnderWay = 4;

/** Counters at zero. */
export function createCounters({
  processors,
  warmup = 0,
  total = 0,
  tasks = [],
  virtualCpus = 0,
}: CountersSize): Counters {
  const each = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
  return {
    warmup,
    total,
    iterationBegan: -1,
    iterations: [],
    calls: each(2 * callsUnderWay, () => -1),
    oneWay: [],
    began: -1,
    ended: -1,
    closed: -1,
    exits: [],
    processors: each(processors, () => createAccount(ProcessorActivity.host)),
    virtualCpus: each(virtualCpus, () => createAccount(VcpuActivity.waiting)),
    since: each(virtualCpus, () => 0),
    outBy: each(virtualCpus, () => -2),
    notWork: each(3 * virtualCpus, () => 0),
    tasks: [...tasks],
    running: each(processors, () => OtherTask.idle),
    depth: each(processors, () => 0),
    interrupted: each(processors, () => ProcessorActivity.host),
    haltPolling: each(7, () => 0),
    halts: each(3 * virtualCpus, () => -1),
    sent: 0,
    delivered: 0,
    coalesced: 0,
  };
}

/** Takes one record into account. */
export type Recorder = (
  counters: Counters,
  time: number,
  processor: number,
  kind: number,
  a: number,
  b: number,
) => void;

/** What a processor does for whoever runs on it outside the guest. */
function activityFor(running: number): number {
  return running === OtherTask.load ? ProcessorActivity.otherLoad : ProcessorActivity.host;
}

function processorDoes(counters: Counters, processor: number, activity: number, time: number): void {
  change(counters.processors[processor] as Account, activity, time, counters);
}

/** A virtual CPU does something else now; what of the time so far was no work is remembered for its exit. */
function vcpuDoes(counters: Counters, vcpu: number, activity: number, time: number): void {
  const account = counters.virtualCpus[vcpu];
  if (account === undefined) return;
  const before = activityOf(account);
  if (before >= VcpuActivity.haltPoll && before !== activity) {
    const at = 3 * vcpu + before - VcpuActivity.haltPoll;
    counters.notWork[at] = (counters.notWork[at] as number) + overlap(activeSince(account), time, counters);
  }
  change(account, activity, time, counters);
}

/** What the processor and the virtual CPU on it do outside the guest. */
function runningDoes(counters: Counters, processor: number, activity: 1 | 2, time: number): void {
  processorDoes(counters, processor, activity, time);
  const vcpu = counters.running[processor] as number;
  if (vcpu >= 0) vcpuDoes(counters, vcpu, activity, time);
}

function enter(counters: Counters, processor: number, vcpu: number, time: number): void {
  counters.running[processor] = vcpu;
  processorDoes(counters, processor, ProcessorActivity.guest, time);
  vcpuDoes(counters, vcpu, VcpuActivity.guest, time);
  const reason = counters.outBy[vcpu] as number;
  const { notWork, closed, began } = counters;
  if (reason >= 0 && began >= 0 && (closed < 0 || time <= closed)) {
    const cycles = overlap(counters.since[vcpu] as number, time, counters);
    const at = 3 * vcpu;
    addExit(counters.exits, reason, cycles, [
      notWork[at] as number,
      notWork[at + 1] as number,
      notWork[at + 2] as number,
    ]);
  }
  for (let i = 3 * vcpu; i < 3 * vcpu + 3; i++) notWork[i] = 0;
  counters.since[vcpu] = time;
  counters.outBy[vcpu] = -1;
}

function exit(counters: Counters, processor: number, reason: number, time: number): void {
  const vcpu = counters.running[processor] as number;
  processorDoes(counters, processor, ProcessorActivity.host, time);
  vcpuDoes(counters, vcpu, VcpuActivity.host, time);
  counters.since[vcpu] = time;
  counters.outBy[vcpu] = reason;
}

function interrupt(counters: Counters, processor: number, begins: number, time: number): void {
  const { depth, interrupted } = counters;
  if (begins === 1) {
    if (depth[processor] === 0) interrupted[processor] = activityOf(counters.processors[processor] as Account);
    depth[processor] = (depth[processor] as number) + 1;
    runningDoes(counters, processor, ProcessorActivity.host, time);
  } else if ((depth[processor] as number) > 0) {
    // A task that was switched out in its interrupt comes back at depth 0.
    depth[processor] = (depth[processor] as number) - 1;
    if (depth[processor] !== 0) return;
    const before = interrupted[processor] as number;
    if (before === ProcessorActivity.haltPoll) runningDoes(counters, processor, before, time);
    else processorDoes(counters, processor, before, time);
  }
}

/** Places in {@link Counters.haltPolling}. */
export const HaltPollStatistic = {
  successful: 0,
  attempted: 1,
  invalid: 2,
  wakeup: 3,
  successTime: 4,
  failTime: 5,
  waitTime: 6,
} as const;

function countHalt(counters: Counters, statistic: number, amount: number): void {
  if (counters.began < 0 || counters.closed >= 0) return;
  counters.haltPolling[statistic] = (counters.haltPolling[statistic] as number) + amount;
}

function haltBegins(halts: number[], vcpu: number, time: number): void {
  halts[3 * vcpu] = time;
  halts[3 * vcpu + 1] = -1;
  halts[3 * vcpu + 2] = -1;
}

/** A halt is over: what its polling came to. Linux `update_halt_poll_stats`. */
function haltEnds(counters: Counters, vcpu: number, slept: number, time: number): void {
  const { halts } = counters;
  const began = halts[3 * vcpu] ?? -1;
  const polledFrom = halts[3 * vcpu + 1] ?? -1;
  const polledTo = halts[3 * vcpu + 2] ?? -1;
  if (polledFrom >= 0) {
    countHalt(counters, HaltPollStatistic.attempted, 1);
    if (slept === 0) countHalt(counters, HaltPollStatistic.successful, 1);
    countHalt(
      counters,
      slept === 0 ? HaltPollStatistic.successTime : HaltPollStatistic.failTime,
      polledTo - polledFrom,
    );
  }
  if (slept === 1) countHalt(counters, HaltPollStatistic.waitTime, time - (polledFrom >= 0 ? polledTo : began));
}

function schedIn(counters: Counters, processor: number, task: number, time: number): void {
  const running = counters.tasks[task] ?? OtherTask.load;
  counters.running[processor] = running;
  counters.depth[processor] = 0;
  processorDoes(counters, processor, activityFor(running), time);
  if (running >= 0) vcpuDoes(counters, running, VcpuActivity.host, time);
}

function iterate(counters: Counters, number: number, begins: number, time: number): void {
  if (begins === 1) {
    counters.iterationBegan = time;
    if (number === counters.warmup) counters.began = time;
  } else if (counters.began >= 0) {
    count(counters, time - counters.iterationBegan, time);
  }
}

function callMade(counters: Counters, number: number, time: number): void {
  const at = 2 * (number % callsUnderWay);
  counters.calls[at] = number;
  counters.calls[at + 1] = time;
}

function callArrived(counters: Counters, number: number, time: number): void {
  const at = 2 * (number % callsUnderWay);
  if (number < counters.warmup || counters.calls[at] !== number) return;
  counters.oneWay.push(time - (counters.calls[at + 1] as number));
}

function count(counters: Counters, cycles: number, time: number): void {
  counters.iterations.push(cycles);
  counters.ended = time;
  if (counters.iterations.length === counters.total) counters.closed = time;
}

/** A recorder for the kinds of record that are defined when it is made. */
export function createRecorder(): Recorder {
  const number = (name: string): number => recordKindOf(name).number;
  const vmExit = number('vm-exit');
  const vmEntry = number('vm-entry');
  const coalesced = number('coalesced');
  const delivered = number('delivered');
  const ipiSent = number('ipi-sent');
  const iteration = number('iteration');
  const made = number('call-made');
  const arrived = number('call-arrived');
  const measured = number('measured');
  const idle = number('idle');
  const hostInterrupt = number('host-interrupt');
  const out = number('sched-out');
  const into = number('sched-in');
  const wakeup = number('sched-wakeup');
  const halt = number('halt');
  const haltWakeup = number('halt-wakeup');
  const goesOn = number('wakeup');
  const haltPoll = number('halt-poll');
  return (counters, time, processor, kind, a, b) => {
    if (kind === vmExit) {
      exit(counters, processor, a, time);
    } else if (kind === vmEntry) {
      enter(counters, processor, a, time);
    } else if (kind === iteration) {
      iterate(counters, a, b, time);
    } else if (kind === made) {
      callMade(counters, a, time);
    } else if (kind === hostInterrupt) {
      interrupt(counters, processor, b, time);
    } else if (kind === idle) {
      const activity = b === 1 ? ProcessorActivity.idle + a : ProcessorActivity.host;
      processorDoes(counters, processor, activity, time);
    } else if (kind === haltPoll) {
      counters.halts[3 * a + (b === 1 ? 1 : 2)] = time;
      runningDoes(counters, processor, b === 1 ? ProcessorActivity.haltPoll : ProcessorActivity.host, time);
    } else if (kind === halt) {
      if (b === 1) haltBegins(counters.halts, a, time);
    } else if (kind === goesOn) {
      haltEnds(counters, a, b, time);
    } else if (kind === haltWakeup) {
      countHalt(counters, HaltPollStatistic.wakeup, 1);
    } else if (kind === into) {
      schedIn(counters, processor, a, time);
    } else if (kind === out || kind === wakeup) {
      const vcpu = counters.tasks[a] ?? OtherTask.load;
      const ready = kind === wakeup || b === 1;
      if (vcpu >= 0) vcpuDoes(counters, vcpu, ready ? VcpuActivity.waiting : VcpuActivity.blocked, time);
    } else if (counters.began < 0 || counters.closed >= 0) {
      return;
    } else if (kind === arrived) {
      callArrived(counters, b, time);
    } else if (kind === measured) {
      count(counters, b, time);
    } else if (kind === ipiSent) {
      counters.sent++;
    } else if (kind === delivered) {
      counters.delivered++;
    } else if (kind === coalesced) {
      counters.coalesced++;
    }
  };
}

/** Says that the last counted iteration so far was the last of all. */
export function finishCounters(counters: Counters): void {
  if (counters.began >= 0 && counters.closed < 0) counters.closed = counters.ended;
}
