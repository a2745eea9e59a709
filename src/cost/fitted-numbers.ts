/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 503.2,
  slowExitSoftware: 497,
  entrySoftware: 293,
  hostInterrupt: 622.3,
  exitHandlers: 178.9,
  timerProgramming: 236.6,
  timerExpiry: 114.2,
  haltEmulation: 412.8,
  hostTimer: 877.6,
  switchOut: 2409,
  guestCode: 207.4,
  guestCallFunction: 288.2,
  vmExit: 380.6,
  vmEntry: 355.6,
  postedInterruptProcessing: 515.1,
  delivery: 661.9,
  interruptReturn: 133.7,
  eoiVirtualization: 83.22,
  msrAccess: 73.59,
  fence: 38.28,
  ipiFlight: 219.8,
  'haswell.scale': 0.927,
  'sapphire-rapids.scale': 1.246,
  'sapphire-rapids.apicPageAccess': 363.3,
  'sapphire-rapids.ipiVirtualization': 358.9,
  'sapphire-rapids.lineTransfer': 65.5,
  'sapphire-rapids.ipiFlight': 398.6,
  'epyc.scale': 1.003,
  'epyc.apicPageAccess': 62.54,
  'epyc.lineTransfer': 67.66,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 13.7;
