import * as v from 'valibot';

/** `5.10`, also as in `v5.10`, `5.10.0-8-amd64` or `5.10-rc3`. */
const pattern = /^v?(\d+)\.(\d+)(?:[.-].*)?$/;

/** A version as a number that grows with it. */
function order(version: string): number {
  const [, major, minor] = pattern.exec(version) ?? [];
  return major === undefined ? Number.NaN : Number(major) * 1000 + Number(minor);
}

/** The oldest that a scenario may name. */
const oldest = '3.10';

/**
 * A kernel version: one of those that the library knows, or any other since 3.10, which counts as the newest of them that is not newer (the oldest if
 * none is).
 *
 * @param known - in order of age
 */
export function kernelVersion<const Version extends string>(known: readonly [Version, ...Version[]]) {
  return v.pipe(
    v.string(({ received }) =>
      /^[\d.]+$/.test(received)
        ? `${received} is a number; a version is text, as "${received}"`
        : `${received} is not of the type string`,
    ),
    v.check(
      (version) => order(version) >= order(oldest),
      ({ received }) => `${received} is not a kernel version from ${oldest} on, as one of ${quoted(known)}`,
    ),
    v.transform((version) => nearest(known, version)),
  );
}

function quoted(known: readonly string[]): string {
  return known.map((version) => `"${version}"`).join(', ');
}

function nearest<Version extends string>(known: readonly [Version, ...Version[]], version: string): Version {
  const asked = order(version);
  return known.findLast((one) => order(one) <= asked) ?? known[0];
}
