import * as v from 'valibot';

/** `5.10`, also as in `v5.10`, `5.10.0-8-amd64` or `5.10-rc3`. */
const pattern = /^v?(\d+)\.(\d+)(?:[.-].*)?$/;

/** How many versions of a major number came before the next one: 3.0 to 3.19, 4.0 to 4.20, 5.0 to 5.19. */
const releases: Readonly<Record<number, number>> = { 3: 20, 4: 21, 5: 20 };

/** A version as its place among all since 3.0. */
function order(version: string): number {
  const [, major, minor] = pattern.exec(version) ?? [];
  if (major === undefined || Number(major) < 3) return -1;
  let place = Number(minor);
  for (let before = 3; before < Number(major); before++) place += releases[before] ?? 20;
  return place;
}

/** The oldest that a scenario may name. */
const oldest = '3.10';

/**
 * A kernel version: one of those that the library knows, or any other since 3.10, which counts as the nearest of them (the newer of two).
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

/** The nearest of the versions that the library knows. */
export function nearest<Version extends string>(known: readonly [Version, ...Version[]], version: string): Version {
  const distance = (one: Version): number => Math.abs(order(one) - order(version));
  return known.reduce((best, one) => (distance(one) <= distance(best) ? one : best));
}
