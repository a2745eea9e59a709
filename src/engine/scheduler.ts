import type { Action } from './actions.js';
import { InputError } from './errors.js';
import { createRandom, randomBelow, randomU32 } from './random.js';
import { actionWord } from './schedule.js';
import type { Machine } from './state.js';

/** Decides who runs next in a run without time. */
export interface Scheduler {
  /**
   * Chooses one of the actions that are possible now (one at least) by its index; -1 ends the run. Their order depends
   * on the machine alone, which it must not change.
   */
  next(actions: readonly Action[], machine: Machine): number;
}

/** Always the first: each processor runs as long as it can, the lowest first. */
export function firstScheduler(): Scheduler {
  return { next: () => 0 };
}

/** Any of them, each as likely as the others; the same for the same seed. */
export function randomScheduler(seed: number): Scheduler {
  const random = createRandom(seed);
  return { next: (actions) => randomBelow(random, actions.length) };
}

/**
 * Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010): whatever acts has a
 * random priority, the highest goes first, and at `depth - 1` random steps the one that would go falls below all that
 * have not fallen. A bug that needs `depth` orderings in a run of n actors and k steps shows in at least one of n × k^(depth -
 * 1) runs. Here an actor is a processor, its events, its store buffer, a message to it, a timer, or an action of the
 * machine's own.
 *
 * @param depth - orderings that the bug needs, 1 or more
 * @param steps - about how many steps a run has
 */
export function pctScheduler(seed: number, depth: number, steps: number): Scheduler {
  const random = createRandom(seed);
  // The steps are in no order: who falls later may come to stand above or below who fell before.
  const changes = new Map<number, number>();
  for (let i = 1; i < depth; i++) changes.set(randomBelow(random, steps), -i);
  const priorities = new Map<string, number>();
  let step = 0;
  const highest = (actions: readonly Action[]): number => {
    let best = 0;
    let bestPriority = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < actions.length; i++) {
      const actor = actionWord(actions[i] as Action);
      let priority = priorities.get(actor);
      if (priority === undefined) {
        priority = randomU32(random);
        priorities.set(actor, priority);
      }
      if (priority > bestPriority) {
        best = i;
        bestPriority = priority;
      }
    }
    return best;
  };
  return {
    next: (actions) => {
      const choice = highest(actions);
      const lower = changes.get(step++);
      if (lower === undefined) return choice;
      priorities.set(actionWord(actions[choice] as Action), lower);
      return highest(actions);
    },
  };
}

/**
 * What a schedule says, then the end. Throws an {@link InputError} that says where if an action is not possible when
 * its turn comes: then the schedule is of another machine or another program.
 */
export function replayScheduler(schedule: readonly Action[]): Scheduler {
  let step = 0;
  return {
    next: (actions) => {
      const wanted = schedule[step];
      if (wanted === undefined) return -1;
      const found = actions.findIndex(
        ({ kind, of, detail }) => kind === wanted.kind && of === wanted.of && detail === wanted.detail,
      );
      if (found < 0) {
        const possible = actions.map((action) => actionWord(action)).join(', ');
        throw new InputError(`schedule[${step}]`, `${actionWord(wanted)} is not possible here (possible: ${possible})`);
      }
      step++;
      return found;
    },
  };
}
