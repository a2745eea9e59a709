import { InputError } from './errors.js';
import { isLive, isTimer, messageEvent, slotOf, timerOf } from './events.js';
import { topFrame } from './frames.js';
import { before, type EventQueue } from './queue.js';
import { StageType, stageTable } from './routine.js';
import { type Json, loadFields, loadState, type Schema, show } from './schema.js';
import { queueSchema, timingSchema } from './schema-engine.js';
import type { Machine, Processor, Thread } from './state.js';
import { Phase, type RunState, type Timing } from './timing.js';

/** The version of the saved form that this library writes and reads. */
const savedFormat = 1;

/** A run as JSON: it continues elsewhere as it would have here. Frames name their stages. */
export interface SavedRun {
  format: number;
  machine: Json;
  timing: Json;
  queue: Json;
  observers: Json;
}

/** What the parts of a run's state look like that the rooms above declare. */
export interface RunSchemas<M, O> {
  readonly machine: Schema<M>;
  readonly observers: Schema<O>;
}

/**
 * Saves a run between two events. Equal states give equal JSON, however the run got there, in how many pieces and with
 * what merged: only events that count are saved, in their order, and what has no meaning at the moment is 0.
 */
export function saveRun<M extends Machine, O>(state: RunState<M, O>, schemas: RunSchemas<M, O>): SavedRun {
  const { timing, queue } = withoutRemains(state.timing, state.queue);
  return {
    format: savedFormat,
    machine: schemas.machine.save(state.machine),
    timing: timingSchema.save(timing),
    queue: queueSchema.save(queue),
    observers: schemas.observers.save(state.observers),
  };
}

/**
 * Restores a run. Throws an {@link InputError} that says where and why for anything that does not belong there, is out
 * of range, or contradicts the rest.
 *
 * @param json - what {@link saveRun} returned, or what came back from its JSON text
 */
export function loadRun<M extends Machine, O extends object>(json: unknown, schemas: RunSchemas<M, O>): RunState<M, O> {
  const saved = loadFields(json, '', ['format', 'machine', 'timing', 'queue', 'observers']);
  if (saved['format'] !== savedFormat) {
    throw new InputError(
      'format',
      `${show(saved['format'])} is not a format of this version, which reads ${savedFormat}`,
    );
  }
  const machine = loadState(schemas.machine, saved['machine'], 'machine');
  const lists = listLengths(machine);
  const timing = loadState(timingSchema, saved['timing'], 'timing', lists);
  const queue = loadState(queueSchema, saved['queue'], 'queue', lists);
  const observers = loadState(schemas.observers, saved['observers'], 'observers', lists);
  checkMachine(machine, timing);
  checkQueue(machine, timing, queue);
  checkTiming(machine, timing, queue);
  return { machine, timing, queue, observers };
}

/** How long each list of a machine is, for the ids in other parts of the state. */
function listLengths(machine: object): Record<string, number> {
  const lists = Object.entries(machine).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
  return Object.fromEntries(lists.map(([name, list]) => [name, list.length]));
}

/**
 * @internal The same timing and queue, without cancelled events, in order, numbered in that order, and with what has no
 * meaning set to 0. Messages take the first slots, in the order in which they will arrive. (An array in order is a
 * heap.)
 */
export function withoutRemains(timing: Timing, queue: EventQueue): { timing: Timing; queue: EventQueue } {
  const order = Array.from({ length: queue.size }, (_, i) => i)
    .filter((i) => isLive(timing, queue.event[i] as number, queue.sequence[i] as number))
    .sort((a, b) => {
      const difference = (queue.time[a] as number) - (queue.time[b] as number);
      if (difference !== 0) return difference;
      const [first, second] = [queue.event[a] as number, queue.event[b] as number];
      return before(first, queue.sequence[a] as number, second, queue.sequence[b] as number) ? -1 : 1;
    });
  const sequences = order.map((_, i) => i + 1);
  const kept: Timing = {
    ...timing,
    event: timing.event.map(() => 0),
    workEnd: timing.workEnd.map((end, p) => (timing.phase[p] === Phase.working ? end : 0)),
    timerEvent: timing.timerEvent.map(() => 0),
    deadline: timing.deadline.map((deadline, i) => (timing.timerEvent[i] === 0 ? 0 : deadline)),
    messageTo: [],
    message: [],
    freeMessages: [],
  };
  const event = order.map((place, i) => {
    const old = queue.event[place] as number;
    if (old >= 0) {
      kept.event[old] = sequences[i] as number;
    } else if (isTimer(old)) {
      kept.timerEvent[timerOf(old)] = sequences[i] as number;
    } else {
      kept.messageTo.push(timing.messageTo[slotOf(old)] as number);
      kept.message.push(timing.message[slotOf(old)] as number);
      return messageEvent(kept.message.length - 1);
    }
    return old;
  });
  const time = order.map((place) => queue.time[place] as number);
  return { timing: kept, queue: { size: order.length, next: order.length + 1, time, sequence: sequences, event } };
}

function checkMachine({ processors, timers }: Machine, { waiters }: Timing): void {
  processors.forEach(({ id }, p) => {
    if (id !== p) throw new InputError(`machine.processors[${p}].id`, `is ${id}, not its index`);
  });
  timers.forEach(({ channel }, i) => {
    if (channel < waiters.length) return;
    throw new InputError(
      `machine.timers[${i}].channel`,
      `there is no channel ${channel} (${waiters.length} available)`,
    );
  });
}

function checkQueue(machine: Machine, timing: Timing, queue: EventQueue): void {
  for (const name of ['time', 'sequence', 'event'] as const) {
    if (queue[name].length !== queue.size) {
      throw new InputError(`queue.${name}`, `has ${queue[name].length} elements, not ${queue.size}`);
    }
  }
  const arriving = machine.processors.map(({ inFlight }) => [...inFlight]);
  const slots = new Set<number>();
  queue.event.forEach((event, i) => {
    const sequence = queue.sequence[i] as number;
    const wrong = (list: string, reason: string): never => {
      throw new InputError(`queue.${list}[${i}]`, reason);
    };
    if ((queue.time[i] as number) < timing.now) wrong('time', `is before ${timing.now}, which is now`);
    if (sequence === 0 || sequence >= queue.next) wrong('sequence', `${sequence} is not from 1 to ${queue.next - 1}`);
    if (queue.sequence.indexOf(sequence) !== i) wrong('sequence', `${sequence} is there already`);
    if (event >= 0 || isTimer(event)) {
      if (!isLive(timing, event, sequence)) wrong('event', 'is not the event of its processor or timer in timing');
      if (event < 0 && machine.timers[timerOf(event)]?.armed !== 1) wrong('event', 'its timer is not armed');
      return;
    }
    const slot = slotOf(event);
    if (slot >= timing.message.length || slots.has(slot)) wrong('event', `there is no message ${slot}, or two of it`);
    slots.add(slot);
    const messages = arriving[timing.messageTo[slot] as number] as number[];
    const found = messages.indexOf(timing.message[slot] as number);
    if (found < 0) wrong('event', 'its message is not in flight to its processor');
    messages.splice(found, 1);
  });
}

function checkTiming(machine: Machine, timing: Timing, queue: EventQueue): void {
  const queued = new Set(queue.sequence);
  for (const name of ['event', 'timerEvent'] as const) {
    timing[name].forEach((sequence, i) => {
      if (sequence !== 0 && !queued.has(sequence)) {
        throw new InputError(`timing.${name}[${i}]`, `no event of sequence ${sequence} in the queue`);
      }
    });
  }
  timing.random.forEach((words, p) => {
    if (words.every((word) => word === 0)) {
      throw new InputError(`timing.random[${p}]`, 'is all 0, which is no state of a generator');
    }
  });
  if (timing.messageTo.length !== timing.message.length) {
    throw new InputError('timing.messageTo', `has ${timing.messageTo.length} elements, not ${timing.message.length}`);
  }
  machine.processors.forEach((processor, p) => {
    checkPhase(machine, timing, processor, `timing.phase[${p}]`);
  });
  const waiting = timing.phase.filter((phase) => phase >= 0).length;
  const listed = timing.waiters.reduce((sum, waiters) => sum + waiters.length, 0);
  if (waiting !== listed) throw new InputError('timing.waiters', `has ${listed} processors, but ${waiting} wait`);
}

function checkPhase(machine: Machine, timing: Timing, processor: Processor, path: string): void {
  const p = processor.id;
  const phase = timing.phase[p] as number;
  const frame = topFrame(machine.threads[processor.thread] as Thread);
  const type = frame === undefined ? undefined : stageTable[frame.at]?.type;
  const hasEvent = timing.event[p] !== 0;
  if (hasEvent !== (phase < 0 && phase !== Phase.idle)) {
    throw new InputError(path, `is ${phase}, but the processor has ${hasEvent ? 'an' : 'no'} event`);
  }
  if (phase >= 0 && !timing.waiters[phase]?.includes(p)) {
    throw new InputError(path, `is channel ${phase}, on which the processor does not wait`);
  }
  if (timing.begun === 0 || phase === Phase.beginning) return;
  const fits = hasEvent
    ? type === StageType.ordinary || type === StageType.wait
    : type === StageType.wait || (type === undefined && phase === Phase.idle);
  if (!fits) throw new InputError(path, `is ${phase}, which does not go with the next stage of the thread`);
}
