/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 499.5,
  slowExitSoftware: 501.9,
  entrySoftware: 260.4,
  hostInterrupt: 677.2,
  exitHandlers: 194,
  timerProgramming: 228.7,
  timerExpiry: 106.3,
  haltEmulation: 513.9,
  hostTimer: 925.3,
  guestCode: 226.4,
  vmExit: 381.7,
  vmEntry: 374.4,
  postedInterruptProcessing: 539.1,
  delivery: 635.7,
  interruptReturn: 146.7,
  eoiVirtualization: 87.24,
  msrAccess: 84.29,
  fence: 39.5,
  timeStampCounter: 20.87,
  'haswell.scale': 0.9133,
  'sapphire-rapids.scale': 1.242,
  'sapphire-rapids.apicPageAccess': 362.4,
  'sapphire-rapids.ipiVirtualization': 348.4,
  'sapphire-rapids.lineTransfer': 65.35,
  'sapphire-rapids.ipiFlight': 392.8,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 11.46;
