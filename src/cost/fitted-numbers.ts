/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 530.2,
  slowExitSoftware: 518.2,
  entrySoftware: 267.8,
  hostInterrupt: 626.3,
  exitHandlers: 162.9,
  timerProgramming: 184.7,
  timerExpiry: 100.6,
  haltEmulation: 754.8,
  hostTimer: 875.1,
  wakeUp: 2400,
  guestCode: 286,
  guestCallFunction: 254.4,
  guestIdle: 500.6,
  vmExit: 365.6,
  vmEntry: 383.5,
  avicIpi: 352.7,
  postedInterruptProcessing: 513.1,
  delivery: 714.4,
  interruptReturn: 99.06,
  eoiVirtualization: 58.89,
  msrAccess: 71.66,
  fence: 47.25,
  timeStampCounter: 19.23,
  ipiFlight: 246.7,
  'haswell.scale': 0.9199,
  'sapphire-rapids.scale': 1.241,
  'sapphire-rapids.apicPageAccess': 366.1,
  'sapphire-rapids.ipiVirtualization': 370.4,
  'sapphire-rapids.ipiFlight': 385.1,
  'epyc.scale': 1.061,
  'epyc.apicPageAccess': 95.82,
  'epyc.lineTransfer': 66.5,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 15.76;
