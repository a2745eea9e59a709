import type { PathCosts } from './paths.js';

/**
 * What the host kernel does below KVM: switching tasks, waking them, its timers and interrupts.
 */
export const hostPaths: Readonly<Record<string, PathCosts>> = {
  hostTimer: {
    cycles: 960,
    range: [640, 1600],
    status: 'estimated',
    source: 'a timer of the host costs about 1200 cycles more than the VMX-preemption timer (commit cfbd129ca4c8)',
    keys: { hrtimerStart: 0.55, hrtimerProgram: 0.05, hrtimerRun: 0.4 },
  },
  switchOut: {
    cycles: 2400,
    range: [1600, 3200],
    status: 'estimated',
    source: 'dequeueing and scheduling out: 1 to 2 of the 4.23 microseconds that halt polling saves',
    keys: {
      rcuwaitPrepare: 0.03,
      setCurrentState: 0.05,
      deactivateTask: 0.28,
      pickNextTask: 0.14,
      vcpuPut: 0.1,
      piPut: 0.02,
      piWakeupList: 0.04,
      piControlRead: 0.005,
      piControlUpdate: 0.025,
      vcpuPutFinish: 0.1,
      contextSwitch: 0.21,
    },
  },
  wakeUp: {
    cycles: 3200,
    range: [2400, 4800],
    status: 'estimated',
    source: 'from the waker to the woken task on its processor: 2 to 3 of the same 4.23 microseconds',
    keys: {
      rcuwaitWakeUp: 0.02,
      ttwuStateMatch: 0.08,
      selectTaskRq: 0.15,
      activateTask: 0.2,
      wakeupPreempt: 0.04,
      setNeedResched: 0.03,
      finishTaskSwitch: 0.12,
      vcpuLoad: 0.18,
      vcpuLoadFinish: 0.08,
      piLoad: 0.03,
      rcuwaitFinish: 0.03,
      idleLoop: 0.04,
    },
  },
  cState: {
    cycles: 1600,
    range: [320, 3200],
    status: 'estimated',
    source: 'leaving C1 takes up to 2 microseconds (intel_idle); deeper states are not modelled here',
    keys: { idleExit: 1, idleEnter: 0.2, haltedWake: 0.4 },
  },
};
