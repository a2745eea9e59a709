import { call } from '../engine/frames.js';
import { readClock } from '../engine/requests.js';
import { type Control, shared } from '../engine/routine.js';
import { updateCurr } from './fair.js';
import { FairClass, host, runQueueOf, type Task, TaskState } from './machine.js';
import { schedule } from './schedule.js';
import { reschedCurr } from './try-to-wake-up.js';

const { program, stage, glue } = host;

/** What {@link yieldTo} returns where both processors have one task only: nobody would be helped. Linux `-ESRCH`. */
const nobodyWaits = -3;

/**
 * The calling task gives up its turn for another that waits for its own: that one becomes its queue's next, the caller's queue passes over the
 * caller. Returns 1 if it did, 0 if the other does not wait, {@link nobodyWaits}. EEVDF does not prefer the other; the caller's request is put
 * off. Linux `yield_to`, `yield_to_task_fair`.
 */
export const yieldTo = program('yield_to', () => ({ task: 0, now: 0, yielded: 0 }), [
  stage('double_rq_lock', 'yieldTo', shared, (m) => {
    readClock(m);
  }),
  stage(
    'yield_to_task_fair',
    'yieldTo',
    shared,
    (m, cpu, f, now): Control<'schedule'> => {
      const task = m.tasks[f.task] as Task;
      const own = runQueueOf(m, cpu.id);
      const other = runQueueOf(m, task.cpu);
      const otherRunning = other.queue.length + (other.current === other.idle ? 0 : 1);
      if (own.queue.length === 0 && otherRunning === 1) return nobodyWaits;
      // It runs, or sleeps, or is being switched.
      if (task.onCpu === 1 || task.onRunQueue === 0 || task.state !== TaskState.running) return 0;
      if (!other.queue.includes(task.id)) return 0;
      f.yielded = 1;
      other.next = task.id;
      updateCurr(m, own, now);
      own.skip = own.current;
      const current = m.tasks[own.current] as Task;
      if (m.scheduler.fairClass === FairClass.eevdf) {
        current.deadline += Math.round((m.scheduler.baseSlice * 1024) / current.weight);
      }
      if (task.cpu === cpu.id) return 'schedule';
      call(m, cpu, reschedCurr).processor = task.cpu;
      return undefined;
    },
    { line: (m, _cpu, f) => runQueueOf(m, (m.tasks[f.task] as Task).cpu).line, to: ['schedule'] },
  ),
  glue('schedule', (m, cpu) => {
    call(m, cpu, schedule).preempt = 1;
  }),
  glue('yielded', (_m, _cpu, f) => f.yielded),
]);
