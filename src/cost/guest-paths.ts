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
    },
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
