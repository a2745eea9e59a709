/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 467.6,
  slowExitSoftware: 506.4,
  entrySoftware: 285.7,
  hostInterrupt: 621.5,
  exitHandlers: 176.2,
  timerProgramming: 226.4,
  timerExpiry: 123.7,
  haltEmulation: 477.9,
  hostTimer: 877,
  guestCode: 210.3,
  guestCallFunction: 281.3,
  vmExit: 395.5,
  vmEntry: 351.3,
  postedInterruptProcessing: 518.5,
  delivery: 663.5,
  interruptReturn: 123.6,
  eoiVirtualization: 84.57,
  msrAccess: 72.63,
  fence: 35.34,
  ipiFlight: 220.3,
  'haswell.scale': 0.9302,
  'sapphire-rapids.scale': 1.251,
  'sapphire-rapids.apicPageAccess': 361.3,
  'sapphire-rapids.ipiVirtualization': 348.9,
  'sapphire-rapids.lineTransfer': 65.57,
  'sapphire-rapids.ipiFlight': 399.6,
  'epyc.scale': 0.9923,
  'epyc.apicPageAccess': 62.06,
  'epyc.lineTransfer': 68.94,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 13.43;
