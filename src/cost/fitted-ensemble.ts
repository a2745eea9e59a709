/**
 * Sets of numbers that agree with the published figures about as well as the fitted ones, drawn from what calibration leaves open: how far a simulated
 * figure moves over them is how uncertain it is. Written by `npm run calibrate`, not by hand.
 */
export const fittedEnsemble: readonly Readonly<Record<string, number>>[] = [];
