/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 523.3,
  slowExitSoftware: 490.4,
  entrySoftware: 265.7,
  hostInterrupt: 681.8,
  exitHandlers: 216.2,
  timerProgramming: 220.6,
  timerExpiry: 116.4,
  haltEmulation: 457.6,
  hostTimer: 929.4,
  switchOut: 2665,
  wakeUp: 3436,
  guestCode: 205.2,
  guestCallFunction: 425.7,
  vmExit: 366.6,
  vmEntry: 371.2,
  postedInterruptProcessing: 503.8,
  delivery: 664,
  interruptReturn: 142.4,
  eoiVirtualization: 76.47,
  msrAccess: 85.43,
  fence: 40.05,
  timeStampCounter: 20.88,
  ipiFlight: 202.5,
  'haswell.scale': 0.9072,
  'sapphire-rapids.scale': 1.244,
  'sapphire-rapids.apicPageAccess': 364.2,
  'sapphire-rapids.ipiVirtualization': 352.9,
  'sapphire-rapids.lineTransfer': 65.62,
  'sapphire-rapids.ipiFlight': 400,
  'epyc.scale': 0.9838,
  'epyc.apicPageAccess': 70.47,
  'epyc.lineTransfer': 65.45,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 14.75;
