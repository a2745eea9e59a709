/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 537.3,
  slowExitSoftware: 514.1,
  entrySoftware: 291.6,
  hostInterrupt: 622.4,
  exitHandlers: 191.8,
  timerProgramming: 247.3,
  timerExpiry: 121.6,
  haltEmulation: 432.2,
  hostTimer: 876.2,
  switchOut: 2301,
  guestCode: 234.3,
  guestCallFunction: 258.3,
  guestIdle: 535.1,
  vmExit: 366.2,
  vmEntry: 364.6,
  postedInterruptProcessing: 499,
  delivery: 634,
  interruptReturn: 128.7,
  eoiVirtualization: 95.17,
  msrAccess: 61.28,
  fence: 35.13,
  timeStampCounter: 19.12,
  ipiFlight: 192.8,
  'haswell.scale': 0.9307,
  'sapphire-rapids.scale': 1.249,
  'sapphire-rapids.apicPageAccess': 363.9,
  'sapphire-rapids.ipiVirtualization': 397.2,
  'sapphire-rapids.lineTransfer': 66.41,
  'sapphire-rapids.ipiFlight': 400,
  'epyc.scale': 0.9805,
  'epyc.apicPageAccess': 65.07,
  'epyc.lineTransfer': 66.6,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 14.07;
