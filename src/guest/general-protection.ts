import { shared } from '../engine/routine.js';
import { AfterFault } from '../hardware/exceptions.js';
import { guest, guestMemory } from './machine.js';

const { program, stage } = guest;

/** The vector of a general-protection fault. */
export const generalProtectionVector = 13;

/**
 * The handler of #GP: counts it and leaves the instruction out, as for one with an entry in the exception table (`wrmsr_safe`). Linux
 * `exc_general_protection`, `fixup_exception`.
 */
export const excGeneralProtection = program('exc_general_protection', () => ({}), [
  stage('fixup_exception', 'guestHandlerEntry', shared, (m, cpu) => {
    guestMemory(m, cpu).faults++;
    return AfterFault.skip;
  }),
]);
