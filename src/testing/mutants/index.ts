import { InternalError } from '../../engine/errors.js';
import type { ExploreResult } from '../../engine/explored.js';
import { findConfiguration } from '../models/catalogue.js';
import { type ExploreModelOptions, exploreModel } from '../models/explore-model.js';
import { apicMutants } from './apic.js';
import { deliveryMutants } from './delivery.js';
import { emulationMutants } from './emulation.js';
import { withChanges } from './install.js';
import type { Mutant } from './mutant.js';
import { nestedMutants } from './nested.js';
import { notificationMutants } from './notifications.js';
import { postedInterruptMutants } from './posted-interrupts.js';
import { priorityMutants } from './priority.js';
import { timerMutants } from './timers.js';

/** Every bug that can be switched on. */
export const mutants: readonly Mutant[] = [
  ...postedInterruptMutants,
  ...deliveryMutants,
  ...notificationMutants,
  ...apicMutants,
  ...emulationMutants,
  ...nestedMutants,
  ...timerMutants,
  ...priorityMutants,
];

/** What became of a mutant. */
export interface MutantReport {
  readonly id: string;
  readonly title: string;
  /** True if an invariant that should catch it did. */
  readonly caught: boolean;
  readonly by: 'explorer' | 'property';
  /** The model and its configuration, or the property. */
  readonly where: string;
  /** The invariant that was broken. */
  readonly invariant?: string;
  /** The schedule that replays it, or the counterexample. */
  readonly schedule?: string;
  /** States explored until it was found. */
  readonly states?: number;
}

/** Runs what should catch a mutant, with the mutant installed. */
export function tryMutant(mutant: Mutant, options: ExploreModelOptions = {}, seed = 1): MutantReport {
  const { id, title, changes, detector } = mutant;
  return withChanges(changes, () => {
    if (detector.by === 'property') {
      const found = detector.run(seed);
      const report = { id, title, by: detector.by, where: detector.name };
      return found === undefined ? { ...report, caught: false } : { ...report, caught: true, schedule: found };
    }
    const { model, configuration } = detector;
    const result: ExploreResult = exploreModel(findConfiguration(model, configuration), options);
    const report = { id, title, by: detector.by, where: `${model}/${configuration}`, states: result.states };
    if (result.violation === undefined) return { ...report, caught: false };
    const { invariant, schedule } = result.violation;
    return { ...report, caught: isExpected(mutant, invariant), invariant, schedule };
  });
}

/** A broken invariant of one of the classes that the mutant breaks, or an expectation of a routine. */
function isExpected({ breaks }: Mutant, invariant: string): boolean {
  return breaks.some((group) => invariant.startsWith(`${group}-`));
}

/** The mutant of that id. Throws an {@link InternalError} if there is none. */
export function findMutant(id: string): Mutant {
  const mutant = mutants.find((each) => each.id === id);
  if (mutant === undefined) throw new InternalError(id, 'there is no mutant of this name');
  return mutant;
}

/**
 * Runs `body` with a mutant switched on, and switches it off again, whatever comes of it.
 *
 * @param id - as `PI-01`; throws an {@link InternalError} if there is none of that name
 */
export function withMutant<T>(id: string, body: () => T): T {
  return withChanges(findMutant(id).changes, body);
}
