/**
 * What calibration found, by parameter: the name of a shared group (core cycles on Skylake-SP), or a processor's name and a group of its own.
 * Written by `npm run calibrate`, not by hand; a parameter that is not here has the estimate that stands with its range.
 */
export const fittedNumbers: Readonly<Record<string, number>> = {};
