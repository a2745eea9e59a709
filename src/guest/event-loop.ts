import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, type Routine, shared } from '../engine/routine.js';
import { Record } from '../hardware/records.js';
import { sendNmis, sendSmi, wakeupSecondaryCpuViaInit } from './bring-up.js';
import { guest, guestLine, guestMemory } from './machine.js';

const { program, stage, glue } = guest;

const loopLocals = () => ({ target: 0, iterations: 0, iteration: 0, event: 0 });

/** What an {@link eventLoop} sends. */
export const SentEvent = { nmi: 0, bringUp: 1, smi: 2 } as const;

const senders: readonly Routine<{ target: number }>[] = [
  sendNmis as unknown as Routine<{ target: number }>,
  wakeupSecondaryCpuViaInit,
  sendSmi,
];

/** Sends an NMI or SMI and waits for its handler, or starts a processor by INIT and SIPI and waits until it is online, again and again. `event` is a {@link SentEvent}. */
export const eventLoop = program('event_loop', loopLocals, [
  stage(
    'begin',
    'guestStores',
    shared,
    (m, cpu, f) => {
      guestMemory(m, cpu).handled = 0;
      observe(m, Record.iteration, f.iteration, 1);
    },
    { line: guestLine },
  ),
  glue('event', (m, cpu, f) => {
    call(m, cpu, senders[f.event] ?? sendNmis).target = f.target;
  }),
  stage(
    'seen',
    'guestLoop',
    shared,
    (m, _cpu, f) => {
      observe(m, Record.iteration, f.iteration, 0);
      f.iteration++;
      return f.iteration < f.iterations ? 'begin' : done;
    },
    { to: ['begin'] },
  ),
]);
