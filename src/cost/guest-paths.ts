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
};
