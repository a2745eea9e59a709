import type { Routine } from '../engine/routine.js';
import { guestRoutines } from '../guest/routines.js';
import { hardwareCostKeys, hardwareRoutines } from '../hardware/routines.js';
import { hostRoutines } from '../host/routines.js';
import { kvmRoutines } from '../kvm/routines.js';

/** Every routine that a machine may run: its profile must have a cost for each of their stages. */
export const systemRoutines: readonly Routine[] = [
  ...hardwareRoutines,
  ...hostRoutines,
  ...kvmRoutines,
  ...guestRoutines,
];

/** Cost keys that effects name themselves. */
export const systemCostKeys: readonly string[] = hardwareCostKeys;
