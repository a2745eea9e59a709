import { resolveCosts } from '../../src/engine/costs.js';
import { call, interruptWith } from '../../src/engine/frames.js';
import type { Hooks } from '../../src/engine/interpreter.js';
import { notation, type Routine, shared } from '../../src/engine/routine.js';
import {
  createProcessor,
  createTimer,
  emptyRequests,
  type Locals,
  type Machine,
  type Processor,
  type Thread,
} from '../../src/engine/state.js';
import { type TimedOptions, TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';

/** A machine of nothing but what the engine knows: each processor runs a routine, every message and expiry is an interrupt. */
export function lab(
  routines: readonly Routine[],
  options: Partial<TimedOptions<Machine, Processor, object>> = {},
  operands: readonly Locals[] = [],
) {
  const machine: Machine = {
    processors: routines.map((_, id) => createProcessor(id, id)),
    threads: routines.map(() => []),
    timers: [createTimer()],
    storeBuffers: 0,
    requests: emptyRequests(),
  };
  routines.forEach((routine, p) => {
    Object.assign(call(machine, machine.processors[p] as Processor, routine), operands[p]);
  });
  /** What happened, in the order in which it was told. */
  const lines: string[] = [];
  const costs = {
    'lab-step': 10,
    'lab-none': 0,
    'lab-flight': [1, 15, 30, 60],
    lineTransfer: [0, 20, 40, 80],
  } as const;
  const state = createRunState(machine, { channels: 2, lines: 1, seed: 1 }, {});
  const timed = new TimedRun<Machine, Processor, object>(state, {
    hooks: labHooks,
    costs: resolveCosts(costs, ['lab-step', 'lab-none', 'lab-flight']),
    distance: (a, b) => (a === b ? 0 : 2),
    onStage: (p, { routine, name }, start, end) => {
      lines.push(`p${p} ${routine.name.slice(4)}.${name} ${start}-${end}`);
    },
    onWake: (p, time, by) => {
      lines.push(`p${p} woken by ${by} at ${time}`);
    },
    onSend: (from, to, message, sent, arrives) => {
      lines.push(`p${from} sends ${message} to p${to} ${sent}-${arrives}`);
    },
    onArrive: (to, message, time) => {
      lines.push(`p${to} gets ${message} at ${time}`);
    },
    ...options,
  });
  return { machine, timed, lines, state };
}

const { program, stage } = notation<Machine, Processor>();

const handler = program('lab-handler', () => ({}), [
  stage('serve', 'lab-step', shared, () => undefined),
  stage('leave', 'lab-step', shared, (_m, cpu) => {
    cpu.masked = 0;
  }),
]);

const labHooks: Hooks<Machine, Processor> = {
  recognise: (m, cpu) => {
    if (cpu.masked === 1) return false;
    cpu.attention = 0;
    cpu.masked = 1;
    interruptWith(m.threads[cpu.thread] as Thread, handler);
    return true;
  },
  arrive: (_m, cpu) => {
    cpu.attention = 1;
  },
  expire: (m) => {
    (m.processors[0] as Processor).attention = 1;
    return 0;
  },
  shadowEnded: () => {},
};
