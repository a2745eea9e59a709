import { InternalError } from '../../engine/errors.js';
import type { Routine } from '../../engine/routine.js';
import type { Frame, Machine, Numbers, Thread } from '../../engine/state.js';
import type { KvmMachine, KvmVcpu } from '../../kvm/machine.js';

/** A stretch of a routine: from after the stage `from` to before the end of the stage `to`. */
export interface Place {
  readonly first: number;
  readonly last: number;
}

/**
 * The stretch of `routine` that begins when its stage `from` has been done and ends when `to` has. Without them: its beginning, its
 * end. Throws an {@link InternalError} for a stage that it does not have.
 */
export function place<L extends Numbers<L>>(routine: Routine<L>, from?: string, to?: string): Place {
  const number = (name: string): number => {
    const index = routine.stages.findIndex((stage) => stage.name === name);
    if (index < 0) throw new InternalError(routine.name, `there is no stage '${name}'`);
    return routine.entry + index;
  };
  return {
    first: from === undefined ? routine.entry : number(from) + 1,
    last: to === undefined ? routine.entry + routine.stages.length - 1 : number(to),
  };
}

/** The frame of a thread that is in that place, or undefined. */
export function frameIn(thread: Thread, { first, last }: Place): Frame | undefined {
  for (let i = 0; i < thread.length; i++) {
    const frame = thread[i] as Frame;
    if (frame.at >= first && frame.at <= last) return frame;
  }
  return undefined;
}

/** True if some thread is in that place with a local of that value. */
export function somebodyIn(machine: Machine, where: Place, local?: string, value?: number): boolean {
  for (let i = 0; i < machine.threads.length; i++) {
    const thread = machine.threads[i] as Thread;
    for (let f = 0; f < thread.length; f++) {
      const frame = thread[f] as Frame;
      if (frame.at >= where.first && frame.at <= where.last && (local === undefined || frame.locals[local] === value)) {
        return true;
      }
    }
  }
  return false;
}

/** True if the virtual CPU itself, in its host thread or its guest, is in one of those places. */
export function ownThreadIn(machine: KvmMachine, vcpu: KvmVcpu, where: readonly Place[]): boolean {
  const host = machine.threads[machine.tasks[vcpu.task]?.thread ?? -1] as Thread;
  const guest = machine.threads[vcpu.thread] as Thread;
  for (const each of where) {
    if (frameIn(host, each) !== undefined || frameIn(guest, each) !== undefined) return true;
  }
  return false;
}
