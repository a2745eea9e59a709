import { stageAt } from '../engine/schema-frames.js';
import { cycles, flag, id, integer, list, record } from '../engine/schema-values.js';

const count = integer(0, 2 ** 31 - 1);

/** What the machine has for the host's scheduler. */
export const hostFields = {
  tasks: list(
    record({
      id: id('tasks'),
      thread: id('threads'),
      state: flag,
      onRunQueue: flag,
      onCpu: flag,
      cpu: id('processors'),
      allowed: list(id('processors')),
      owner: integer(-1, 2 ** 31 - 1),
      schedIn: stageAt,
      schedOut: stageAt,
    }),
  ),
  runQueues: list(
    record({
      queue: list(id('tasks')),
      current: id('tasks'),
      idle: id('tasks'),
      needResched: flag,
      polling: flag,
      channel: count,
      line: count,
      sliceTimer: id('timers'),
    }),
  ),
  scheduler: record({ sliceCycles: cycles, wakeupPreemption: flag, mwaitIdle: flag }),
} as const;
