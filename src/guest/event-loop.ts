import { call } from '../engine/frames.js';
import { observe } from '../engine/requests.js';
import { done, shared } from '../engine/routine.js';
import { Record } from '../hardware/records.js';
import { sendNmis, wakeupSecondaryCpuViaInit } from './bring-up.js';
import { guest, guestLine, guestMemory } from './machine.js';

const { program, stage, glue } = guest;

const loopLocals = () => ({ target: 0, iterations: 0, iteration: 0, bringUp: 0 });

/** Sends an NMI and waits for its handler, or (`bringUp` 1) starts a processor by INIT and SIPI and waits until it is online, again and again. */
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
    call(m, cpu, f.bringUp === 1 ? wakeupSecondaryCpuViaInit : sendNmis).target = f.target;
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
