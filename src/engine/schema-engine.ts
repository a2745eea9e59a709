import type { EventQueue } from './queue.js';
import type { Schema } from './schema.js';
import { frames } from './schema-frames.js';
import { storeBuffer } from './schema-store-buffer.js';
import {
  cycles,
  type Fields,
  flag,
  id,
  ignored,
  integer,
  list,
  type RecordSchema,
  record,
  register,
} from './schema-values.js';
import { emptyRequests, type Machine, type Processor } from './state.js';
import type { Timing } from './timing.js';

const positive = integer(0, 2 ** 31 - 1);

const processorFields = {
  id: id('processors'),
  thread: id('threads'),
  attention: positive,
  masked: flag,
  shadow: positive,
  inFlight: list(positive),
  storeBuffer,
} satisfies { [Name in keyof Processor]: Schema<Processor[Name]> };

const timer = record({ armed: flag, expired: flag, channel: integer(-1, 2 ** 31 - 1) });

/** A processor: what the engine knows of it and the fields that a room above adds. */
export function processorSchema<const F extends Fields>(extra: F): RecordSchema<typeof processorFields & F> {
  return record({ ...processorFields, ...extra });
}

/** A machine: what the engine knows of it, with these processors, and the fields that a room above adds. */
export function machineSchema<C extends Processor, const F extends Fields>(processor: Schema<C>, extra: F) {
  const engineFields = {
    processors: list(processor),
    threads: list(frames),
    timers: list(timer),
    storeBuffers: flag,
    requests: ignored(emptyRequests),
  } satisfies { [Name in keyof Machine]: Schema<Machine[Name]> };
  return record({ ...engineFields, ...extra });
}

/** What a run knows of time. Its ids are of lists of the machine. */
export const timingSchema: Schema<Timing> = record({
  now: cycles,
  begun: flag,
  event: list(cycles, 'processors'),
  phase: list(integer(-4, 2 ** 31 - 1), 'processors'),
  workEnd: list(cycles, 'processors'),
  waiters: list(list(id('processors'))),
  timerEvent: list(cycles, 'timers'),
  deadline: list(cycles, 'timers'),
  lineOwner: list(id('processors', -1)),
  random: list(list(register, 4), 'processors'),
  messageTo: list(id('processors')),
  message: list(positive),
  freeMessages: list(id('message')),
});

/** The queue. */
export const queueSchema: Schema<EventQueue> = record({
  size: positive,
  next: cycles,
  time: list(cycles),
  sequence: list(cycles),
  event: list(integer(-(2 ** 31), 2 ** 31 - 1)),
});
