/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 499.1,
  slowExitSoftware: 498.5,
  entrySoftware: 278.4,
  hostInterrupt: 628.7,
  exitHandlers: 180.2,
  timerProgramming: 220.3,
  timerExpiry: 115.9,
  haltEmulation: 502.3,
  hostTimer: 880.6,
  guestCode: 212.1,
  guestCallFunction: 279.1,
  vmExit: 385.2,
  vmEntry: 359.8,
  postedInterruptProcessing: 515.1,
  delivery: 658.2,
  interruptReturn: 136.5,
  eoiVirtualization: 84.85,
  msrAccess: 76.08,
  fence: 37.25,
  timeStampCounter: 18.9,
  ipiFlight: 219.1,
  'haswell.scale': 0.9252,
  'sapphire-rapids.scale': 1.247,
  'sapphire-rapids.apicPageAccess': 363.3,
  'sapphire-rapids.ipiVirtualization': 362.5,
  'sapphire-rapids.lineTransfer': 65.52,
  'sapphire-rapids.ipiFlight': 397.4,
  'epyc.scale': 0.9958,
  'epyc.apicPageAccess': 62.01,
  'epyc.lineTransfer': 68.85,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 13.16;
