import { stageAt } from '../engine/schema-frames.js';
import { cycles, flag, id, integer, list, record, safeInteger } from '../engine/schema-values.js';

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
      weight: count,
      vruntime: safeInteger,
      deadline: safeInteger,
      vlag: safeInteger,
      user: flag,
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
      minVruntime: safeInteger,
      execStart: cycles,
      sliceStart: cycles,
      next: id('tasks', -1),
      skip: id('tasks', -1),
      wakeList: list(id('tasks')),
      wakeLine: count,
      channel: count,
      line: count,
      sliceTimer: id('timers'),
      idleTimer: id('timers'),
      history: record({
        state: count,
        since: cycles,
        intervals: list(cycles),
        next: count,
        correction: cycles,
        bins: list(cycles),
        window: cycles,
        timedOut: flag,
      }),
    }),
  ),
  scheduler: record({
    fairClass: flag,
    latency: cycles,
    minGranularity: cycles,
    wakeupGranularity: cycles,
    baseSlice: cycles,
    wakeupPreemption: flag,
    idleMode: integer(0, 2),
    governor: integer(0, 2),
    wakeList: flag,
    tick: cycles,
    idlePollMax: cycles,
  }),
  topology: record({ sockets: count, coresPerSocket: count, threadsPerCore: count }),
  ready: count,
} as const;
