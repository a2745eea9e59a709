import { stageName } from './routine.js';
import type { Machine, Processor, Thread } from './state.js';
import { drain } from './store-buffer.js';
import type { Untimed, UntimedState } from './untimed.js';

/** What can happen next in a run without time. */
export type ActionKind =
  /** A processor runs its next stage and the local ones after it. */
  | 'stage'
  /** A processor recognises an event that has come since it came to rest. */
  | 'event'
  /** A message arrives. */
  | 'arrival'
  /** A timer expires. */
  | 'expiry'
  /** The oldest store in a processor's buffer becomes visible. */
  | 'drain'
  /** Something that only this machine knows: a preemption, a migration. */
  | 'machine';

/** One thing that can happen next. */
export interface Action {
  readonly kind: ActionKind;
  /** The processor; the timer; the number of the machine's own action. */
  readonly of: number;
  /** The message; what the machine's own action is about; otherwise 0. */
  readonly detail: number;
}

/** What can happen to a machine of its own, beside what the engine knows. */
export interface MachineActions<M> {
  /** A name for each kind of action: small letters and hyphens, two at least. */
  readonly names: readonly string[];
  /** Says which of them can happen now: the number of the name, and a detail of 0 or more. */
  enabled(machine: M, add: (which: number, detail: number) => void): void;
  /** Makes one happen. */
  perform(machine: M, which: number, detail: number): void;
}

/**
 * Everything that can happen next, in an order that depends on the state alone. Of equal messages to one processor, one
 * arrives.
 *
 * @param into - taken for the result, after it has been emptied
 */
export function enabledActions<M extends Machine & { processors: C[] }, C extends Processor, O>(
  untimed: Untimed<M, C, O>,
  machine: M,
  own?: MachineActions<M>,
  into: Action[] = [],
): Action[] {
  while (into.length > 0) into.pop();
  for (let p = 0; p < machine.processors.length; p++) enabledOn(untimed, machine, p, into);
  enabledElsewhere(machine, own, into);
  return into;
}

/** Adds what can happen next on a processor. */
export function enabledOn<M extends Machine & { processors: C[] }, C extends Processor, O>(
  untimed: Untimed<M, C, O>,
  machine: M,
  p: number,
  into: Action[],
): void {
  const processor = machine.processors[p] as C;
  if (untimed.canRun(machine, processor)) into.push({ kind: 'stage', of: p, detail: 0 });
  if (untimed.mayRecognise(machine, processor)) into.push({ kind: 'event', of: p, detail: 0 });
  const { inFlight } = processor;
  for (let i = 0; i < inFlight.length; i++) {
    const message = inFlight[i] as number;
    if (inFlight.indexOf(message) === i) into.push({ kind: 'arrival', of: p, detail: message });
  }
  if (machine.storeBuffers !== 0 && processor.storeBuffer.length > 0) into.push({ kind: 'drain', of: p, detail: 0 });
}

/** Adds what can happen next beside processors: timers expire, the machine's own actions. */
export function enabledElsewhere<M extends Machine>(
  machine: M,
  own: MachineActions<M> | undefined,
  into: Action[],
): void {
  const { timers } = machine;
  for (let timer = 0; timer < timers.length; timer++) {
    if (timers[timer]?.armed === 1) into.push({ kind: 'expiry', of: timer, detail: 0 });
  }
  own?.enabled(machine, (which, detail) => {
    into.push({ kind: 'machine', of: which, detail });
  });
}

/**
 * Makes an enabled action happen. False if it was an event that the hooks did not recognise, so that nothing has
 * happened.
 */
export function perform<M extends Machine & { processors: C[] }, C extends Processor, O>(
  untimed: Untimed<M, C, O>,
  state: UntimedState<M, O>,
  action: Action,
  own?: MachineActions<M>,
): boolean {
  const { machine } = state;
  const { kind, of, detail } = action;
  if (kind === 'stage') untimed.run(state, machine.processors[of] as C);
  else if (kind === 'event') return untimed.recognise(state, machine.processors[of] as C);
  else if (kind === 'arrival') untimed.arrive(state, machine.processors[of] as C, detail);
  else if (kind === 'expiry') untimed.expire(state, of);
  else if (kind === 'drain') drain(machine, machine.processors[of] as C);
  else {
    own?.perform(machine, of, detail);
    untimed.carryOutRequests(state);
  }
  return true;
}

/** What an action is, for people: `p0 toy-source.prepare`, `message 3 reaches p1`, `timer 2 expires`. */
export function actionName(machine: Machine, action: Action, own?: Pick<MachineActions<never>, 'names'>): string {
  const { kind, of, detail } = action;
  if (kind === 'arrival') return `message ${detail} reaches p${of}`;
  if (kind === 'expiry') return `timer ${of} expires`;
  if (kind === 'machine') return `${own?.names[of]} ${detail}`;
  if (kind === 'drain') return `p${of} drains a store`;
  const thread = machine.threads[(machine.processors[of] as Processor).thread] as Thread;
  const frame = thread[thread.length - 1];
  const place = frame === undefined ? 'idle' : stageName(frame.at);
  return kind === 'stage' ? `p${of} ${place}` : `p${of} recognises an event before ${place}`;
}
