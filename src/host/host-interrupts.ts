import { call } from '../engine/frames.js';
import { arm, readClock } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { setHandler } from '../hardware/interrupt-table.js';
import type { LogicalProcessor } from '../hardware/machine.js';
import { physicalEoi } from '../hardware/physical-apic.js';
import { addTimer, TimerKind, timerUse } from '../hardware/timer-uses.js';
import { addTask } from './create-host.js';
import { currentTask, type HostMachine, host, SystemVector, TaskState } from './machine.js';
import { schedule } from './schedule.js';

const { program, stage, glue } = host;

/** The first vector of devices whose interrupts mean nothing to guests; each source has its own. */
const firstVector = 0x60;

/** How long the handler of such an interrupt works, in cycles: its source is the timer of that kind and vector on this processor. */
function handlerWork(machine: HostMachine, processor: LogicalProcessor, kind: number, vector: number): number {
  const use = machine.timerUses.find((each) => {
    return each.kind === kind && each.vector === vector && each.processor === processor.id;
  });
  return use?.owner ?? 0;
}

/** The vector in service. */
function inService({ apic }: LogicalProcessor): number {
  for (let word = 7; word >= 0; word--) {
    const bits = apic.isr[word] as number;
    if (bits !== 0) return 32 * word + 31 - Math.clz32(bits);
  }
  return -1;
}

/** An interrupt of a device of the host, edge-triggered: acknowledged, then handled with interrupts off. Linux `handle_edge_irq`. */
export const handleEdgeIrq = program('handle_edge_irq', () => ({ vector: -1 }), [
  stage('irq_ack', 'hostInterruptHandler', shared, (_m, cpu, f) => {
    f.vector = inService(cpu);
    physicalEoi(cpu);
  }),
  stage('handle_irq_event', 'hostInterruptHandler', shared, () => {}, {
    work: (m, cpu, f) => handlerWork(m, cpu, TimerKind.hostDevice, f.vector),
  }),
]);

/** The tick of a busy or idle processor. Linux `tick_sched_timer`. */
export const tickSchedTimer = program('tick_sched_timer', () => ({ timer: 0 }), [
  stage(
    'tick_sched_handle',
    'hostInterruptHandler',
    shared,
    (m) => {
      readClock(m);
    },
    {
      work: (m, _cpu, f) => timerUse(m, f.timer).owner,
    },
  ),
  // Ticks keep their distance, however long the way to the handler was.
  stage('hrtimer_forward', 'hrtimerStart', shared, (m, _cpu, f, now) => {
    const { period, count } = timerUse(m, f.timer);
    arm(m, f.timer, period - ((((now - count) % period) + period) % period));
  }),
]);

/** A non-maskable interrupt of the host: a counter of `perf` has overflowed, or the watchdog wants a sign of life. Linux `exc_nmi`. */
export const excNmi = program('exc_nmi', () => ({}), [
  stage('handle', 'hostInterruptHandler', shared, () => {}, {
    work: (m, cpu) => handlerWork(m, cpu, TimerKind.hostNmi, 2),
  }),
]);

/** Lets a source begin, and is gone. Linux `request_irq`, `perf_event_open`. */
export const startInterrupts = program('start_interrupts', () => ({ timer: 0, delay: 0 }), [
  stage('arm', 'hrtimerStart', shared, (m, _cpu, f) => {
    arm(m, f.timer, f.delay);
  }),
  stage('exit', 'loadStep', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
  }),
  glue('exited', () => done),
]);

/** A source of interrupts on one processor. Times in cycles. */
export interface InterruptSource {
  readonly what: 'device' | 'tick' | 'nmi';
  readonly processor: number;
  /** From one to the next, above 0; and how long the handler works beside what any handler costs. */
  readonly period: number;
  readonly handler: number;
  /** Which source it is, from 0: its vector follows. */
  readonly index: number;
}

/** Adds a source that begins within its first period. */
export function addInterruptSource(
  machine: HostMachine,
  { what, processor, period, handler, index }: InterruptSource,
): void {
  const vector = what === 'device' ? firstVector + index : what === 'tick' ? SystemVector.localTimer : 2;
  if (what === 'device') setHandler(machine.hostInterrupts, vector, handleEdgeIrq.entry);
  const kinds = { device: TimerKind.hostDevice, tick: TimerKind.localTimer, nmi: TimerKind.hostNmi } as const;
  // Processors' ticks are not at once: Linux `tick_setup_sched_timer` with `skew_tick`.
  const delay = Math.max(1, Math.round((period * (processor + 1)) / (machine.processors.length + 1)));
  const timer = addTimer(machine, {
    kind: kinds[what],
    processor,
    vector,
    owner: handler,
    period,
    // Of a tick: when it is due, in its period.
    count: what === 'tick' ? delay : 0,
    handler: what === 'tick' ? tickSchedTimer.entry : -1,
  });
  const task = addTask(machine, startInterrupts as never, { allowed: [processor] });
  const frame = machine.threads[machine.tasks[task]?.thread ?? -1]?.[0];
  Object.assign(frame?.locals ?? {}, { timer, delay });
}
