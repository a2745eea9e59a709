import { call } from '../../engine/frames.js';
import { readClock } from '../../engine/requests.js';
import { local, shared } from '../../engine/routine.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { type GuestMachine, guest, linuxGuest } from '../machine.js';

const { program, stage, glue } = guest;

/** A call through a pointer in a kernel that was built with retpolines. Linux `__x86_indirect_thunk`. */
export const indirectThunk = program('__x86_indirect_thunk', () => ({}), [
  stage('retpoline', 'guestRetpoline', local, () => {}),
]);

/**
 * What a call through a pointer takes beyond a direct one, before what was called last: nothing, but for a kernel with retpolines.
 *
 * @param pointers - how many such calls there are on the way to it
 */
export function callIndirectly(machine: GuestMachine, processor: LogicalProcessor, pointers = 1): undefined {
  if (linuxGuest(machine, processor).retpolines === 0) return;
  for (let pointer = 0; pointer < pointers; pointer++) call(machine, processor, indirectThunk);
}

/** Reads the clock, by the operations of its source, and returns the time. Linux `ktime_get`, `kvm_clock_read`. */
export const ktimeGet = program('guest:ktime_get', () => ({}), [
  glue('tk_clock_read', (m, cpu) => callIndirectly(m, cpu)),
  stage('rdtsc_ordered', 'guestKtime', shared, (m) => {
    readClock(m);
  }),
  glue('timekeeping_delta_to_ns', (_m, _cpu, _f, now) => now),
]);
