/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 511.3,
  slowExitSoftware: 503.3,
  entrySoftware: 266.5,
  hostInterrupt: 630,
  exitHandlers: 195.4,
  timerProgramming: 225.2,
  timerExpiry: 107.9,
  haltEmulation: 353.5,
  vmcsMigration: 2400,
  hostTimer: 880,
  switchOut: 2520,
  wakeUp: 3136,
  guestCode: 243.1,
  vmExit: 378.7,
  vmEntry: 372.6,
  postedInterruptProcessing: 560,
  delivery: 656.8,
  interruptReturn: 121.4,
  eoiVirtualization: 78.55,
  msrAccess: 68.72,
  fence: 37.92,
  timeStampCounter: 19.25,
  'haswell.scale': 0.9228,
  'sapphire-rapids.scale': 1.25,
  'sapphire-rapids.apicPageAccess': 363.7,
  'sapphire-rapids.ipiVirtualization': 369.7,
  'sapphire-rapids.ipiFlight': 400,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 11.26;
