import type { PathCosts } from './paths.js';

/**
 * What guest programs and the guest kernel execute themselves.
 */
export const guestPaths: Readonly<Record<string, PathCosts>> = {
  guestCode: {
    cycles: 232,
    range: [96, 400],
    status: 'estimated',
    source: "the unit test's own instructions, by count",
    keys: {
      guestAtomic: 0.09,
      guestStores: 0.05,
      guestLoads: 0.04,
      guestCall: 0.04,
      guestHandlerEntry: 0.2,
      guestSpinExit: 0.1,
      guestLoop: 0.12,
      guestFlag: 0.015,
      guestMaskBit: 0.06,
    },
  },
  guestTestLoop: {
    cycles: 4,
    range: [2, 12],
    status: 'estimated',
    source:
      'the loop around a unit test: with it a MOV from CR8 takes 11 cycles in all (commit b7ffc44d5b2e, 2017, a client processor)',
    keys: { guestTestLoop: 1 },
  },
  guestCallFunction: {
    cycles: 300,
    range: [150, 800],
    status: 'estimated',
    source:
      "Linux's function calls between CPUs, by instruction counts: with 8 to 11 cache-line transfers 0.95 microseconds a target with one hypercall for all (commit 4180bf1b655a)",
    keys: {
      guestCsdLock: 0.1,
      guestLlistAdd: 0.13,
      guestMaskStep: 0.05,
      guestCsdRead: 0.07,
      guestCsdUnlock: 0.05,
      guestCsdWait: 0.1,
      guestIrqExit: 0.3,
    },
  },
  guestClock: {
    cycles: 70,
    range: [40, 140],
    status: 'estimated',
    source:
      "RDTSC behind an LFENCE, some 35 cycles, and the arithmetic of kvmclock and of the kernel's timekeeping, some 60 instructions; the loop of the IPI benchmark has some 20, in two halves",
    keys: { guestKtime: 1, guestBenchLoop: 0.1 },
  },
  guestIdle: {
    cycles: 500,
    range: [200, 1500],
    status: 'estimated',
    source:
      "Linux's idle loop from a wake-up to the next wait, with tick and RCU accounting: 0.1 to 0.6 microseconds; no figure pins it",
    keys: {
      guestIdleLoop: 0.5,
      guestIdleFlag: 0.05,
      guestPollExit: 0.12,
      guestIdleGovernor: 0.15,
      guestTickAccounting: 0.15,
      guestNextTimer: 0.4,
    },
  },
  guestTimer: {
    cycles: 2500,
    range: [1000, 6000],
    status: 'estimated',
    source:
      "Linux's tick with timekeeping, accounting and the scheduler's part: one to two microseconds; stopping and starting it is programming a timer; no figure pins it",
    keys: { guestTick: 1, guestTickStop: 0.12 },
  },
  guestTaskWakeUp: {
    cycles: 1200,
    range: [600, 2400],
    status: 'estimated',
    source: 'a wake-up within a guest and the switch to the woken task, by instruction counts; no figure pins it',
    keys: { guestTtwu: 0.12, guestActivate: 0.2, guestDeactivate: 0.25, guestContextSwitch: 0.5 },
  },
  guestMessages: {
    cycles: 2500,
    range: [1000, 6000],
    status: 'estimated',
    source: 'sending and receiving a short message through a socket on one host; no figure pins it',
    keys: { guestSend: 0.6, guestReceive: 0.4 },
  },
  guestTlb: {
    cycles: 200,
    range: [100, 500],
    status: 'estimated',
    source: 'INVLPG of one page and its accounting; no figure pins it',
    keys: { guestTlbFlush: 1 },
  },
  guestDevice: {
    cycles: 1700,
    range: [1000, 3000],
    status: 'unconstrained',
    source: 'a read from a register of a PCI Express device: 0.6 to 1 microsecond',
    keys: { guestDeviceRead: 1 },
  },
  guestTimerThread: {
    cycles: 2000,
    range: [1000, 6000],
    status: 'unconstrained',
    source:
      "a guest kernel's timer interrupt, waking a thread and switching to it, as such paths take on a bare host: cyclictest has 1 to 2 microseconds at best",
    keys: { guestHrtimerInterrupt: 0.3, guestWakeUp: 0.5, guestNanosleep: 0.2 },
  },
};
