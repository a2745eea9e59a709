import { InternalError } from './errors.js';
import { type Routine, type Stage, stageName, stageTable } from './routine.js';
import type { Frame, Locals, Machine, Numbers, Processor, Thread } from './state.js';

/** A new activation of `routine`, at its first stage, its locals at their initial values. */
export function frameOf(routine: Routine<Locals>): Frame {
  return { at: routine.entry, value: 0, left: 0, event: 0, locals: routine.locals() };
}

/**
 * Calls `routine` on the processor's current thread and returns its locals, for the caller to fill in. The callee runs when
 * the current effect has ended; what it returns is the `returned` of the stage that follows.
 */
export function call<L extends Numbers<L>>(machine: Machine, processor: Processor, routine: Routine<L>): L {
  return callOn(machine.threads[processor.thread] as Thread, routine);
}

/** Calls `routine` on a thread that need not be running. */
export function callOn<L extends Numbers<L>>(thread: Thread, routine: Routine<L>): L {
  const locals = routine.locals();
  thread.push({ at: routine.entry, value: 0, left: 0, event: 0, locals });
  return locals;
}

/**
 * Puts a routine on a thread because of an event: the frame below goes on afterwards as if nothing had been, and keeps what it
 * had got returned.
 */
export function interruptWith<L extends Numbers<L>>(thread: Thread, routine: Routine<L>): L {
  const locals = routine.locals();
  thread.push({ at: routine.entry, value: 0, left: 0, event: 1, locals });
  return locals;
}

/** As {@link interruptWith}, for a routine that the state names by the number of its first stage (an IDT entry). */
export function interruptAt(thread: Thread, entry: number): void {
  interruptWith(thread, (stageTable[entry] as Stage).routine);
}

/** As {@link callOn}, for a routine that the state names by the number of its first stage. */
export function callAt(thread: Thread, entry: number): void {
  callOn(thread, (stageTable[entry] as Stage).routine);
}

/** The frame that runs next on a thread, or undefined if the thread has ended. */
export function topFrame(thread: Thread): Frame | undefined {
  return thread[thread.length - 1];
}

/** The stage that a frame runs next. */
export function stageOf(frame: Frame): Stage {
  return stageTable[frame.at] as Stage;
}

function instructionIndex(thread: Thread, action: string): number {
  for (let index = thread.length - 1; index >= 0; index--) {
    const kind = stageOf(thread[index] as Frame).kind;
    if (kind === 'instruction') return index;
    if (kind === 'program') break;
  }
  const top = topFrame(thread);
  throw new InternalError(
    top === undefined ? 'ended thread' : stageName(top.at),
    `no instruction on top to ${action}: a handler acted twice, or on an exit that was trap-like`,
  );
}

/**
 * A fault-like VM exit or a fault: what the instruction on top was doing is dropped, and it will start again from its
 * operands. Throws an {@link InternalError} if no instruction is on top.
 */
export function restartInstruction(thread: Thread): void {
  const index = instructionIndex(thread, 'restart');
  thread.length = index + 1;
  const frame = thread[index] as Frame;
  const { routine } = stageOf(frame);
  frame.at = routine.entry;
  frame.value = 0;
  frame.left = 0;
  if (routine.scratch.length > 0) {
    const initial = routine.locals();
    for (const name of routine.scratch) frame.locals[name] = initial[name] as number;
  }
}

/**
 * The instruction on top retires: dropped with all that it was doing, its caller goes on with `value` as what it returned.
 * For a trap-like VM exit, and for software that emulates the instruction and skips it. Throws an {@link InternalError} if no
 * instruction is on top.
 */
export function retireInstruction(thread: Thread, value = 0): void {
  const index = instructionIndex(thread, 'retire');
  thread.length = index;
  const caller = topFrame(thread);
  if (caller !== undefined) caller.value = value;
}

/** True if an instruction is on top of the thread (it has begun or is about to begin). */
export function inInstruction(thread: Thread): boolean {
  for (let index = thread.length - 1; index >= 0; index--) {
    const kind = stageOf(thread[index] as Frame).kind;
    if (kind === 'instruction') return true;
    if (kind === 'program') return false;
  }
  return false;
}

/** The stack from the outermost to the innermost frame, as `routine.stage` names. */
export function stackNames(thread: Thread): string[] {
  return thread.map((frame) => stageName(frame.at));
}

/**
 * A test for "this thread is inside `routine`, after its stage `from` and not yet after its stage `to`": what an invariant
 * needs to say "between its PIR and its ON step". Names are checked when the test is built.
 *
 * @param from - a stage that has been done, or undefined for the beginning of the routine
 * @param to - a stage that has not been done yet, or undefined for the end of the routine
 */
export function within<L extends Numbers<L>>(
  routine: Routine<L>,
  from?: string,
  to?: string,
): (thread: Thread) => boolean {
  const place = (name: string): number => {
    const index = routine.stages.findIndex((stage) => stage.name === name);
    if (index < 0) throw new InternalError(routine.name, `there is no stage '${name}'`);
    return routine.entry + index;
  };
  const first = from === undefined ? routine.entry : place(from) + 1;
  const last = to === undefined ? routine.entry + routine.stages.length - 1 : place(to);
  return (thread) => {
    for (const frame of thread) if (frame.at >= first && frame.at <= last) return true;
    return false;
  };
}
