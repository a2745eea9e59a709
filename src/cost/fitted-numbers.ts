/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 503,
  slowExitSoftware: 504.2,
  entrySoftware: 298,
  hostInterrupt: 631.2,
  exitHandlers: 191.8,
  timerProgramming: 226,
  timerExpiry: 123.7,
  haltEmulation: 517.5,
  hostTimer: 884.2,
  wakeUp: 3273,
  guestCode: 213.9,
  guestCallFunction: 242.4,
  guestIdle: 504.4,
  vmExit: 376,
  vmEntry: 358.7,
  postedInterruptProcessing: 511.2,
  delivery: 649.6,
  interruptReturn: 139,
  eoiVirtualization: 85.72,
  msrAccess: 74.83,
  fence: 36.01,
  ipiFlight: 196.6,
  'haswell.scale': 0.9234,
  'sapphire-rapids.scale': 1.256,
  'sapphire-rapids.apicPageAccess': 362.6,
  'sapphire-rapids.ipiVirtualization': 366.8,
  'sapphire-rapids.lineTransfer': 66.45,
  'sapphire-rapids.ipiFlight': 400,
  'epyc.scale': 0.9824,
  'epyc.apicPageAccess': 61.42,
  'epyc.lineTransfer': 65.51,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 13.9;
