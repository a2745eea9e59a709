/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 518.3,
  slowExitSoftware: 505.9,
  entrySoftware: 275.5,
  hostInterrupt: 627,
  exitHandlers: 184,
  timerProgramming: 229.5,
  timerExpiry: 114.3,
  haltEmulation: 628.1,
  hostTimer: 879.7,
  guestCode: 246.3,
  guestCallFunction: 263.6,
  guestIdle: 461.4,
  vmExit: 369.9,
  vmEntry: 369.1,
  postedInterruptProcessing: 488.5,
  delivery: 655,
  interruptReturn: 121,
  eoiVirtualization: 78.27,
  msrAccess: 71.15,
  ipiFlight: 196.8,
  'haswell.scale': 0.9242,
  'sapphire-rapids.scale': 1.246,
  'sapphire-rapids.apicPageAccess': 362.9,
  'sapphire-rapids.ipiVirtualization': 368.2,
  'sapphire-rapids.lineTransfer': 65.49,
  'sapphire-rapids.ipiFlight': 396.2,
  'epyc.scale': 0.9864,
  'epyc.apicPageAccess': 61.91,
  'epyc.lineTransfer': 64.03,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 13.68;
