/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {
  sendSoftware: 467.6,
  slowExitSoftware: 513.8,
  entrySoftware: 269.7,
  hostInterrupt: 626.3,
  exitHandlers: 181.9,
  timerProgramming: 204.6,
  timerExpiry: 120.6,
  haltEmulation: 488.6,
  hostTimer: 880.7,
  wakeUp: 2400,
  guestCode: 200.6,
  guestCallFunction: 229.1,
  vmExit: 385.5,
  vmEntry: 373.1,
  avicIpi: 314.2,
  postedInterruptProcessing: 521.5,
  delivery: 688.4,
  interruptReturn: 135.3,
  eoiVirtualization: 87.56,
  msrAccess: 69.52,
  fence: 39.41,
  ipiFlight: 215.3,
  'haswell.scale': 0.9244,
  'sapphire-rapids.scale': 1.242,
  'sapphire-rapids.apicPageAccess': 363.1,
  'sapphire-rapids.ipiVirtualization': 324.9,
  'sapphire-rapids.lineTransfer': 65.72,
  'sapphire-rapids.ipiFlight': 400,
  'epyc.scale': 0.9957,
  'epyc.apicPageAccess': 50.93,
  'epyc.lineTransfer': 68.67,
};

/** How many parameters the figures determine, all told, where these numbers come from. */
export const effectiveParameters = 14.19;
