import { InternalError } from './errors.js';
import { Request } from './requests.js';
import { done, type Stage, StageType, stageName, stageTable } from './routine.js';
import type { Frame, Machine, Processor, Requests, Thread } from './state.js';

/**
 * What the rooms above decide: which events a processor recognises, and what the arrival of a message and the expiry of a
 * timer mean.
 */
export interface Hooks<M extends Machine, C extends Processor> {
  /**
   * At a boundary, with {@link Processor.attention} not 0: if an event is to be taken now, changes the processor's stack (or
   * thread) accordingly and returns true; otherwise changes nothing but `attention` and returns false.
   */
  recognise(machine: M, processor: C): boolean;
  /** A message has arrived at a processor. Sets `attention` if there is something to recognise. */
  arrive(machine: M, processor: C, message: number): void;
  /** A timer has expired. Returns the processor that may now have something to recognise, or -1. */
  expire(machine: M, timer: number): number;
  /** The instruction after an STI or MOV SS has retired. */
  shadowEnded(machine: M, processor: C): void;
}

/** Hooks of a machine that has no events: for routines that only compute and wait. */
export const noHooks: Hooks<Machine, Processor> = {
  recognise: (_machine, processor) => {
    processor.attention = 0;
    return false;
  },
  arrive: () => {},
  expire: () => -1,
  shadowEnded: () => {},
};

/** Elements without cost in a row beyond which a routine counts as an endless loop. */
const glueLimit = 10_000;

/** Runs the effect of a stage and carries out the control it returns. */
export function runStage(machine: Machine, processor: Processor, frames: Frame[], frame: Frame, stage: Stage): void {
  // The position advances first, so an effect that calls a routine continues behind itself.
  frame.at = stage.at + 1;
  const control = stage.effect(machine, processor, frame.locals, frame.value);
  if (control === undefined) return;
  if (typeof control === 'string') {
    const { to, targets } = stage;
    for (let i = 0; i < to.length; i++) {
      if (to[i] === control) {
        frame.at = targets[i] as number;
        return;
      }
    }
    throw new InternalError(stageName(stage.at), `goes to '${control}', which it does not list`);
  }
  if (frames[frames.length - 1] !== frame) {
    throw new InternalError(stageName(stage.at), 'returns although it has called another routine or left its thread');
  }
  frame.value = control === done ? 0 : (control as number);
  frame.at = stage.routine.entry + stage.routine.stages.length;
}

/** An instruction, or a program's stage, has retired: the STI shadow comes nearer to its end. */
export function retire<M extends Machine, C extends Processor>(machine: M, processor: C, hooks: Hooks<M, C>): void {
  if (processor.shadow !== 0 && --processor.shadow === 0) hooks.shadowEnded(machine, processor);
}

/**
 * Brings a processor to the stage it has to start next: returns from ended routines, recognises events, does glue. Undefined
 * if its thread has nothing left to run.
 *
 * @param stopAtBoundary - stop, even before glue, where an event could be recognised: the caller is ahead of the clock
 */
export function settle<M extends Machine, C extends Processor>(
  machine: M,
  processor: C,
  hooks: Hooks<M, C>,
  stopAtBoundary: boolean,
): Stage | undefined {
  for (let elements = 0; ; elements++) {
    const frames = machine.threads[processor.thread] as Thread;
    const depth = frames.length;
    if (depth === 0) {
      if (!stopAtBoundary && processor.attention !== 0 && hooks.recognise(machine, processor)) continue;
      return undefined;
    }
    const frame = frames[depth - 1] as Frame;
    const stage = stageTable[frame.at] as Stage;
    if (stage.type === StageType.end) {
      frames.pop();
      if (depth > 1 && frame.event === 0) (frames[depth - 2] as Frame).value = frame.value;
      if (processor.shadow !== 0 && stage.kind === 'instruction') retire(machine, processor, hooks);
      continue;
    }
    if (stage.boundary) {
      if (stopAtBoundary && processor.masked === 0) return stage;
      if (processor.attention !== 0 && hooks.recognise(machine, processor)) continue;
    }
    if (stage.type !== StageType.glue) return stage;
    if (elements > glueLimit) throw new InternalError(stageName(stage.at), 'an endless loop of elements without cost');
    const requested = machine.requests.count;
    runStage(machine, processor, frames, frame, stage);
    if (machine.requests.count !== requested) checkGlue(machine.requests, requested, stage);
  }
}

/** Glue happens at no time of its own, so all that it may ask for is to be observed. */
function checkGlue(requests: Requests, from: number, stage: Stage): void {
  for (let i = from; i < requests.count; i += 4) {
    if (requests.words[i] !== Request.observe) {
      throw new InternalError(stageName(stage.at), 'is glue but sends, notifies, arms a timer or reads the clock');
    }
  }
}

/** True if the wait that a processor is at can end now. */
export function conditionHolds(machine: Machine, processor: Processor, frame: Frame, stage: Stage): boolean {
  return (stage.condition as NonNullable<Stage['condition']>)(machine, processor, frame.locals);
}
