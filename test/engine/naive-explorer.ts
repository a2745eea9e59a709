import { enabledActions, perform } from '../../src/engine/actions.js';
import type { ExploreOptions, ExploreResult } from '../../src/engine/explored.js';
import type { Machine, Processor } from '../../src/engine/state.js';
import { Untimed, type UntimedState } from '../../src/engine/untimed.js';

/**
 * All interleavings as one would write it down first: every state a copy of its own, found again by its words. What the explorer
 * does with parts, rows and one state in memory has to come to the same.
 *
 * @param seen - called with each new state, in the order of their numbers
 */
export function exploreNaively<M extends Machine & { processors: C[] }, C extends Processor, O extends object>(
  state: UntimedState<M, O>,
  options: ExploreOptions<M, C, O>,
  seen: (words: string) => void,
): Pick<ExploreResult, 'complete' | 'states' | 'edges' | 'depth'> & { finals: string[] } {
  const { schemas, limits = {} } = options;
  const untimed = new Untimed(options);
  const copy = ({ machine, observers }: UntimedState<M, O>): UntimedState<M, O> => ({
    machine: schemas.machine.load(schemas.machine.save(machine), '', []),
    observers: schemas.observers.load(schemas.observers.save(observers), '', []),
  });
  const wordsOf = ({ machine, observers }: UntimedState<M, O>): string => {
    const words = new Int32Array(10_000);
    const end = schemas.observers.encode(observers, words, schemas.machine.encode(machine, words, 0));
    return words.subarray(0, end).join();
  };
  const first = copy(state);
  untimed.begin(first);
  const states: { state: UntimedState<M, O>; depth: number }[] = [];
  const numbers = new Map<string, number>();
  const finals: string[] = [];
  let edges = 0;
  const add = (found: UntimedState<M, O>, depth: number): void => {
    const words = wordsOf(found);
    if (numbers.has(words)) return;
    numbers.set(words, states.length);
    states.push({ state: found, depth });
    seen(words);
  };
  add(first, 0);
  for (const { state: from, depth } of states) {
    const count = states.length;
    if (count > (limits.states ?? Number.POSITIVE_INFINITY))
      return { complete: false, states: count, edges, depth, finals };
    const actions = enabledActions(untimed, from.machine, options.actions);
    let final = true;
    for (const action of actions) {
      const to = copy(from);
      if (!perform(untimed, to, action, options.actions)) continue;
      final = false;
      edges++;
      add(to, depth + 1);
    }
    if (final) finals.push(wordsOf(from));
  }
  return { complete: true, states: states.length, edges, depth: states.at(-1)?.depth ?? 0, finals };
}
