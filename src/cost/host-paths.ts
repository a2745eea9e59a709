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
      pickNextTask: 0.13,
      pickedTask: 0.01,
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
      activateTask: 0.18,
      updateRqClock: 0.02,
      wakeupPreempt: 0.04,
      setNeedResched: 0.03,
      finishTaskSwitch: 0.12,
      vcpuLoad: 0.18,
      vcpuLoadFinish: 0.08,
      piLoad: 0.03,
      rcuwaitFinish: 0.03,
      idleLoop: 0.03,
      idleSelect: 0.01,
    },
  },
  wakeList: {
    cycles: 160,
    range: [60, 400],
    status: 'estimated',
    source: 'a lock-free list between waker and woken processor (ttwu_queue_wakelist), by instruction counts',
    keys: { wakeListAdd: 0.5, wakeListTake: 0.5 },
  },
  loadBalance: {
    cycles: 800,
    range: [300, 3000],
    status: 'estimated',
    source: 'two run queues locked and a task moved or preferred (newidle_balance, yield_to), by instruction counts',
    keys: { idleBalance: 1, yieldTo: 0.3 },
  },
  otherLoad: {
    cycles: 100,
    range: [50, 500],
    status: 'estimated',
    source: 'the steps between the work of a task of the host: not interesting beside its work',
    keys: { loadStep: 1 },
  },
  idlePolling: {
    cycles: 120,
    range: [40, 200],
    status: 'estimated',
    source: 'one turn of the idle loop that polls: mostly its PAUSE, about 140 cycles on Skylake-SP',
    keys: { idlePollIteration: 1, idleReflect: 0.3 },
  },
  cState: {
    cycles: 1600,
    range: [320, 3200],
    status: 'estimated',
    source:
      'leaving C1 takes up to 2 microseconds (intel_idle); what deeper states take beyond that is in the table of C-states',
    keys: { idleExit: 1, idleEnter: 0.2, haltedWake: 0.4 },
  },
};
