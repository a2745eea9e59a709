import { finalInvariants, ledgerInvariants, machineInvariants } from './invariants/index.js';
import type { InvariantInfo } from './invariants/invariant.js';

export { type InvariantClass, type InvariantInfo, invariantClasses } from './invariants/invariant.js';

/** What every model is checked for: between any two stages, or (ids in {@link finalIds}) when nothing more can happen. */
export const invariants: readonly InvariantInfo[] = [...machineInvariants, ...ledgerInvariants, ...finalInvariants].map(
  ({ id, group, statement, source, example }) => ({ id, group, statement, source, example }),
);

/** The ids of invariants that hold only when nothing more can happen. */
export const finalIds: readonly string[] = finalInvariants.map(({ id }) => id);
