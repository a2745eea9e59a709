import { InputError, InternalError } from './errors.js';
import { costKeyCount, costKeyName, costKeyNumber } from './routine.js';

/** What a key costs, in cycles: one number, or one per distance (same thread, SMT sibling, same socket, other socket). */
export type Cost = number | readonly [number, number, number, number];

/** Costs by number of their key, ready for the engine. */
export interface CostTable {
  /** By key: cycles at distance 0. NaN for a key that was not asked for. */
  readonly stage: readonly number[];
  /** By 4 × key + distance: cycles. */
  readonly byDistance: readonly number[];
  /** Cycles of a cache-line transfer by distance. */
  readonly line: readonly number[];
}

/** The key of a cache-line transfer between two processors, by distance. */
const lineTransferKey = 'lineTransfer';

/**
 * Resolves cost keys against a profile's costs. Throws an {@link InputError} that names the first key that is missing or is not
 * a number of cycles of 0 or more. Costs are rounded to whole cycles.
 *
 * @param costs - cycles by key
 * @param required - the keys that the machine's routines name
 * @param path - where `costs` stands in the user's input, for the error
 */
export function resolveCosts(
  costs: Readonly<Record<string, Cost>>,
  required: readonly string[],
  path = 'profile.costs',
): CostTable {
  const count = () => costKeyCount();
  const lineKey = costKeyNumber(lineTransferKey);
  const stage: number[] = new Array<number>(count()).fill(Number.NaN);
  const byDistance: number[] = new Array<number>(4 * count()).fill(Number.NaN);
  for (const key of new Set([...required, lineTransferKey])) {
    const cost = costs[key];
    if (cost === undefined)
      throw new InputError(`${path}.${key}`, 'the profile has no cost for this key, which a routine needs');
    const four = typeof cost === 'number' ? [cost, cost, cost, cost] : cost;
    four.forEach((cycles, distance) => {
      if (!(cycles >= 0 && cycles < 2 ** 40)) {
        const where = typeof cost === 'number' ? '' : `[${distance}]`;
        throw new InputError(`${path}.${key}${where}`, `${cycles} is not a number of cycles from 0 to 2^40`);
      }
      byDistance[4 * costKeyNumber(key) + distance] = Math.round(cycles);
    });
    stage[costKeyNumber(key)] = Math.round(four[0] as number);
  }
  // A line is not transferred to the processor that has it.
  const line = [0, ...byDistance.slice(4 * lineKey + 1, 4 * lineKey + 4)];
  return { stage, byDistance, line };
}

/** @internal The error for a cost that was not asked for when the machine was made. */
export function missingCost(place: string, key: number): InternalError {
  return new InternalError(
    place,
    `the cost key '${costKeyName(key)}' was not resolved: its routine is in no table of the machine`,
  );
}
