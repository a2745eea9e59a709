/**
 * The Pareto front of pairs of costs: those that no other pair equals or beats in both. By growing first cost; of equal pairs the first.
 *
 * @param costs - pairs of which less is better
 * @returns indices of `costs`
 */
export function paretoFront(costs: readonly (readonly [number, number])[]): number[] {
  const order = costs.map((_, index) => index);
  order.sort((a, b) => {
    const [a0, a1] = costs[a] as readonly [number, number];
    const [b0, b1] = costs[b] as readonly [number, number];
    return a0 - b0 || a1 - b1 || a - b;
  });
  let best = Number.POSITIVE_INFINITY;
  return order.filter((index) => {
    const [, second] = costs[index] as readonly [number, number];
    if (second >= best) return false;
    best = second;
    return true;
  });
}

/**
 * The knee of a front: the point farthest below the straight line between its ends, both costs scaled to the front's own extent
 * (Satopaa et al., "Finding a 'Kneedle' in a Haystack", 2011). Undefined if no point lies below that line, so that there is nothing to
 * gain by a choice between the ends.
 *
 * @param front - as {@link paretoFront} orders it
 */
export function kneeOf(front: readonly (readonly [number, number])[]): number | undefined {
  const first = front[0];
  const last = front[front.length - 1];
  if (first === undefined || last === undefined || front.length < 3) return undefined;
  let knee: number | undefined;
  let farthest = 1e-9;
  for (const [index, [a, b]] of front.entries()) {
    const distance = 1 - (a - first[0]) / (last[0] - first[0]) - (b - last[1]) / (first[1] - last[1]);
    if (distance > farthest) {
      farthest = distance;
      knee = index;
    }
  }
  return knee;
}
