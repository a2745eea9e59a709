import { InternalError } from './errors.js';
import { call, frameOf } from './frames.js';
import { conditionHolds, type Hooks, retire, runStage, settle } from './interpreter.js';
import { notation, type Routine, StageType, stageName } from './routine.js';
import type { Machine, Numbers, Processor, Thread } from './state.js';
import { carryOutUntimed } from './untimed.js';

/** Stages beyond which an atomic run counts as endless. */
const stageLimit = 1_000_000;

/** Stands under the routine on the thread, takes what it returns, and stops the run when it comes to the top. */
const finish = notation().microcode('atomic-run', () => ({}), [
  notation().until('finished', 'none', () => false, { channel: () => -1 }),
]);

/** What an atomic run may be told beside what it runs. */
export interface AtomicOptions<M extends Machine, C extends Processor> {
  /**
   * Recognise events and end STI shadows as these say. Without them nothing is recognised, and what is pending stays.
   */
  readonly hooks?: Hooks<M, C>;
  /** Takes what effects observe. */
  observe?(processor: number, kind: number, a: number, b: number): void;
}

type Observation = [processor: number, kind: number, a: number, b: number];

/** Nothing is recognised, and what is pending stays so. */
const unattended: Hooks<Machine, Processor> = {
  recognise: () => false,
  arrive: () => {},
  expire: () => -1,
  shadowEnded: () => {},
};

/**
 * Runs a routine to its end at once, on the processor's current thread, with the same stages as any other run, and
 * returns the value that it returned (0 if none). Messages it sends stay in flight, timers it arms stay armed.
 *
 * The routine ends too if it drops the instruction that it is part of (a fault-like VM exit): the processor is then
 * where that left it. Throws an {@link InternalError} if it comes to a wait whose condition does not hold.
 *
 * @param operands - the locals that do not begin at their initial values
 */
export function runAtomic<M extends Machine & { processors: C[] }, C extends Processor, L extends Numbers<L>>(
  machine: M,
  processor: C,
  routine: Routine<L>,
  operands: Partial<L>,
  options: AtomicOptions<M, C> = {},
): number {
  const hooks: Hooks<M, C> = options.hooks ?? unattended;
  const { observe } = options;
  const observing = observe === undefined ? {} : { observe: (_: undefined, ...what: Observation) => observe(...what) };
  const home = machine.threads[processor.thread] as Thread;
  const mark = frameOf(finish);
  home.push(mark);
  Object.assign(call(machine, processor, routine), operands);
  for (let stages = 0; home.includes(mark); stages++) {
    const stage = settle(machine, processor, hooks, false);
    carryOutUntimed(machine, processor, undefined, undefined, undefined, observing);
    const thread = machine.threads[processor.thread] as Thread;
    const frame = thread[thread.length - 1];
    if (frame === mark) {
      home.pop();
      return mark.value;
    }
    if (stage === undefined || frame === undefined) {
      throw new InternalError(routine.name, 'left its thread in an atomic run, and nothing comes back to it');
    }
    const place = stageName(stage.at);
    if (stages === stageLimit) throw new InternalError(place, `still runs after ${stageLimit} stages of an atomic run`);
    if (stage.type === StageType.wait) {
      if (!conditionHolds(machine, processor, frame, stage)) {
        throw new InternalError(place, 'waits in an atomic run for what does not hold');
      }
      frame.at = stage.at + 1;
    } else {
      runStage(machine, processor, thread, frame, stage);
    }
    carryOutUntimed(machine, processor, frame, stage, undefined, observing);
    if (processor.shadow !== 0 && stage.kind === 'program') retire(machine, processor, hooks);
  }
  return 0;
}
