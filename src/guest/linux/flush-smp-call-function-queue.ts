import { call } from '../../engine/frames.js';
import { type Routine, shared } from '../../engine/routine.js';
import { cpuNumber, cpuOf, guest, linuxGuest, thisCpu } from '../machine.js';
import { calledFunctions } from './called-functions.js';
import { callIndirectly } from './clock.js';
import { csdLine, csdUnlock } from './csd.js';
import { tagWaits } from './state.js';
import { schedTtwuPending } from './wake-up.js';

const { program, stage, glue } = guest;

/** The entries of a batch in the order in which they run: since 5.8 first those whose callers wait. */
function inOrder(batch: readonly number[], synchronousFirst: boolean): number[] {
  if (!synchronousFirst || batch.length <= 3) return [...batch];
  const waited: number[] = [];
  const others: number[] = [];
  for (let i = 0; i < batch.length; i += 3) {
    (tagWaits(batch[i] as number) ? waited : others).push(...batch.slice(i, i + 3));
  }
  return [...waited, ...others];
}

/**
 * Runs what is in this CPU's queue, with interrupts off. The csd of a caller who waits is unlocked after its function has run, any other before,
 * because its owner may use it again then. Linux `flush_smp_call_function_queue`.
 */
export const flushSmpCallFunctionQueue = program(
  'flush_smp_call_function_queue',
  () => ({ tag: 0, function: 0, info: 0, more: 0, wake: 0 }),
  [
    stage(
      'llist_del_all',
      'guestAtomic',
      shared,
      (m, cpu, f) => {
        const self = thisCpu(m, cpu);
        if (linuxGuest(m, cpu).pollingIdleRunsCalls === 1) {
          f.wake = self.wakePending;
          self.wakePending = 0;
        }
        self.batch = inOrder(self.queue, linuxGuest(m, cpu).synchronousFirst === 1);
        self.queue = [];
        return self.batch.length === 0 ? 'sched_ttwu_pending' : undefined;
      },
      { line: (m, cpu) => thisCpu(m, cpu).queueLine, to: ['sched_ttwu_pending'] },
    ),
    stage(
      'csd',
      'guestCsdRead',
      shared,
      (m, cpu, f) => {
        const self = thisCpu(m, cpu);
        const { batch } = self;
        f.tag = batch[0] as number;
        f.function = batch[1] as number;
        f.info = batch[2] as number;
        self.batch = batch.slice(3);
        f.more = self.batch.length;
        if (tagWaits(f.tag)) return 'function';
        csdUnlock(m, cpu, f.tag, cpuNumber(m, cpu));
        return undefined;
      },
      {
        line: (m, cpu) => {
          const tag = thisCpu(m, cpu).batch[0] as number;
          return csdLine(cpuOf(m, cpu, tag >>> 3), tag & 3, cpuNumber(m, cpu));
        },
        to: ['function'],
      },
    ),
    glue('function', (m, cpu, f) => {
      const called = call(m, cpu, calledFunctions[f.function] as Routine<{ caller: number; info: number }>);
      called.caller = f.tag >>> 3;
      called.info = f.info;
      callIndirectly(m, cpu);
    }),
    glue('synchronous', (_m, _cpu, f) => (tagWaits(f.tag) ? undefined : 'next'), { to: ['next'] }),
    stage(
      'csd_unlock',
      'guestCsdUnlock',
      shared,
      (m, cpu, f) => {
        csdUnlock(m, cpu, f.tag, cpuNumber(m, cpu));
      },
      { line: (m, cpu, f) => csdLine(cpuOf(m, cpu, f.tag >>> 3), f.tag & 3, cpuNumber(m, cpu)) },
    ),
    glue('next', (_m, _cpu, f) => (f.more > 0 ? 'csd' : undefined), { to: ['csd'] }),
    glue('sched_ttwu_pending', (m, cpu, f) => {
      if (f.wake === 1) call(m, cpu, schedTtwuPending);
    }),
  ],
);
