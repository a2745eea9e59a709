import { formatNumber } from './table.js';

/** A mark of an axis. */
export interface Tick {
  readonly value: number;
  /** `2 000`, `0.5`: as many decimals as the ticks beside it need. */
  readonly label: string;
}

/** An axis of a chart: where values lie, and what is written beside it. */
export interface Axis {
  /** Where a value lies, in the unit of the picture. */
  at(value: number): number;
  readonly ticks: readonly Tick[];
}

/** How an axis is divided: `linear`, `log`, or `auto`: logarithmic if the values differ by a factor of 30 and none is 0. */
export type Division = 'linear' | 'log' | 'auto';

/**
 * An axis on which all of `values` lie, with some room at both ends.
 *
 * @param values - finite numbers; an axis from 0 to 1 if there are none
 * @param from - where it begins, in the unit of the picture
 * @param to - where it ends
 * @param count - about how many ticks
 */
export function axisOf(
  values: readonly number[],
  from: number,
  to: number,
  count = 6,
  division: Division = 'linear',
): Axis {
  let least = Math.min(...values);
  let most = Math.max(...values);
  if (values.length === 0) [least, most] = [0, 1];
  const log = least > 0 && (division === 'log' || (division === 'auto' && most / least >= 30));
  if (log) {
    const [low, high] = widened(Math.log10(least), Math.log10(most));
    return {
      at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
      ticks: logTicks(10 ** low, 10 ** high),
    };
  }
  let [low, high] = widened(least, most);
  // An axis that nearly begins at 0 begins there.
  if (least >= 0 && low < 0.25 * high) low = 0;
  const step = niceStep((high - low) / Math.max(1, count));
  high = Math.max(high, low + step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: Tick[] = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high * (1 + 1e-12); index++) {
    ticks.push({ value: index * step, label: formatNumber(index * step, digits) });
  }
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

function widened(least: number, most: number): [number, number] {
  // Values so close that their ticks could not be told apart count as one.
  const extent = most - least > 1e-9 * Math.max(Math.abs(least), Math.abs(most)) ? most - least : 0;
  const room = extent === 0 ? Math.abs(least) * 0.1 || 1 : extent * 0.06;
  return [least - room, most + room];
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  for (const factor of [1, 2, 5]) if (factor * power >= step * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

function logTicks(low: number, high: number): Tick[] {
  const factors = high / low > 1000 ? [1] : [1, 2, 5];
  const ticks: Tick[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) ticks.push({ value, label: formatNumber(value, Math.max(0, -power)) });
    }
  }
  return ticks;
}
