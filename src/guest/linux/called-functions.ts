import { call } from '../../engine/frames.js';
import { notify, observe } from '../../engine/requests.js';
import { local, type Routine, shared } from '../../engine/routine.js';
import { Record } from '../../hardware/records.js';
import { cpuOf, guest, linuxGuest, thisCpu } from '../machine.js';
import { ktimeGet } from './clock.js';

const { program, stage, glue, until } = guest;

/** What a called function is told: who calls, and in which iteration of what is measured. */
const operands = () => ({ caller: 0, info: 0 });

/** Does nothing. */
const emptyFunction = program('empty_function', operands, [
  stage('run', 'guestCall', shared, (m, cpu, f) => {
    observe(m, Record.callArrived, cpu.vcpu, f.info);
  }),
]);

/** Reads the clock and writes down how long it took to get here. The LKML IPI benchmark's `handle_ipi`. */
const handleIpi = program('handle_ipi', operands, [
  glue('ktime_get', (m, cpu) => {
    call(m, cpu, ktimeGet);
  }),
  glue('time', (m, cpu, f) => {
    observe(m, Record.callArrived, cpu.vcpu, f.info);
  }),
  stage('store-time', 'guestStores', shared, () => {}, { line: (m, cpu, f) => cpuOf(m, cpu, f.caller).infoLine }),
]);

/** Takes and releases a lock that all targets want. The LKML IPI benchmark's `handle_ipi_spinlock`; Linux `queued_spin_lock`. */
const handleIpiSpinlock = program('handle_ipi_spinlock', () => ({ caller: 0, info: 0, ticket: 0 }), [
  stage(
    'spin_lock',
    'guestAtomic',
    shared,
    (m, cpu, f) => {
      const shared = linuxGuest(m, cpu);
      f.ticket = shared.lockNext++;
      return f.ticket === shared.lockServing ? 'spin_unlock' : undefined;
    },
    { line: (m, cpu) => linuxGuest(m, cpu).lockLine, to: ['spin_unlock'] },
  ),
  until('queued', 'guestSpinExit', (m, cpu, f) => linuxGuest(m, cpu).lockServing === f.ticket, {
    channel: (m, cpu) => linuxGuest(m, cpu).lockChannel,
    line: (m, cpu) => linuxGuest(m, cpu).lockLine,
  }),
  stage(
    'spin_unlock',
    'guestStores',
    shared,
    (m, cpu, f) => {
      const shared = linuxGuest(m, cpu);
      shared.lockServing++;
      // Nobody waits: the tickets begin anew, so that they stay small.
      if (shared.lockServing === shared.lockNext) {
        shared.lockNext = 0;
        shared.lockServing = 0;
      } else {
        notify(m, shared.lockChannel);
      }
      observe(m, Record.callArrived, cpu.vcpu, f.info);
    },
    { line: (m, cpu) => linuxGuest(m, cpu).lockLine },
  ),
]);

/**
 * Flushes what another CPU has unmapped, unless a flush since has done it: compares generations, which are in the mm's
 * line, and invalidates. Linux `flush_tlb_func`.
 */
const flushTlbFunc = program('flush_tlb_func', operands, [
  stage('flush_tlb_info', 'guestLoads', shared, () => {}, { line: (m, cpu, f) => cpuOf(m, cpu, f.caller).infoLine }),
  stage(
    'tlb_gen',
    'guestLoads',
    shared,
    (m, cpu) => (thisCpu(m, cpu).tlbGeneration === linuxGuest(m, cpu).tlbGeneration ? 'current' : undefined),
    { line: (m, cpu) => linuxGuest(m, cpu).mmLine, to: ['current'] },
  ),
  stage('invlpg', 'guestTlbFlush', local, () => {}),
  stage(
    'current',
    'guestStores',
    shared,
    (m, cpu, f) => {
      thisCpu(m, cpu).tlbGeneration = linuxGuest(m, cpu).tlbGeneration;
      observe(m, Record.callArrived, cpu.vcpu, f.info);
    },
    { line: (m, cpu) => thisCpu(m, cpu).tlbLine },
  ),
]);

/** The functions that a CPU can have another run, by the number that a csd holds. */
export const CalledFunction = { empty: 0, handleIpi: 1, handleIpiSpinlock: 2, flushTlb: 3 } as const;

/** Their routines, by number. */
export const calledFunctions: readonly Routine<{ caller: number; info: number }>[] = [
  emptyFunction,
  handleIpi,
  handleIpiSpinlock as unknown as typeof emptyFunction,
  flushTlbFunc,
];
