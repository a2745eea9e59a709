import * as v from 'valibot';

/** A whole number from `least` to `most`. */
export const count = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

/** A number above 0. */
export const positive = v.pipe(v.number(), v.gtValue(0), v.maxValue(1e12));

/** A clock in GHz: below, nothing is a cycle long; above, a second is not a safe number of them. */
export const gigahertz = v.pipe(v.number(), v.minValue(0.01), v.maxValue(100));

/** A number of 0 or more. */
export const nonNegative = v.pipe(v.number(), v.minValue(0), v.maxValue(1e15));

/** A virtual CPU of the VM that runs the workload. */
export const vcpuNumber = count(0, 4095);
