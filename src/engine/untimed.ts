import { InternalError } from './errors.js';
import { conditionHolds, type Hooks, retire, runStage, settle } from './interpreter.js';
import { putMessage, takeMessage } from './messages.js';
import { Request } from './requests.js';
import { type Stage, StageType, stageName, stageTable } from './routine.js';
import type { Frame, Machine, Processor, Thread } from './state.js';

/** What a run without time changes. */
export interface UntimedState<M, O> {
  machine: M;
  /** What checks remember. Nothing that happens depends on it. */
  observers: O;
}

/** How the stages of a run without time are carried out. */
export interface UntimedOptions<M extends Machine & { processors: C[] }, C extends Processor, O> {
  readonly hooks: Hooks<M, C>;
  /** Takes what effects observe. The machine is as the effect left it. */
  observe?(observers: O, processor: number, kind: number, a: number, b: number, machine: M): void;
  /** Called before each stage. */
  onBegin?(processor: C, stage: Stage): void;
  /** Called after each stage. */
  onStage?(processor: number, stage: Stage): void;
  /**
   * False at a boundary at which no event can come, whatever the other processors do: then it is none, and local stages
   * are merged across it. Asked only while events are not masked.
   */
  interruptible?(machine: M, processor: C): boolean;
  /** One stage per action, local ones too. More states and schedules, which come to the same; only slower. */
  readonly plain?: boolean;
}

/**
 * The stages of one processor at a time, as effects without time: what scheduled and explored runs are made of.
 *
 * Between two actions a processor rests: before a shared stage, or at an open boundary (where an event could be
 * recognised), even before the glue that stands there. An event that is pending when it comes to an open boundary is
 * recognised there. One that comes while it rests there may be recognised at once, or the stage had begun already and
 * goes first: both are actions.
 */
export class Untimed<M extends Machine & { processors: C[] }, C extends Processor, O> {
  private readonly options: UntimedOptions<M, C, O>;
  private readonly hooks: Hooks<M, C>;
  /** The hooks of a machine in which nothing is recognised at the moment. */
  private readonly unattended: Hooks<M, C>;

  constructor(options: UntimedOptions<M, C, O>) {
    const { hooks } = options;
    this.options = options;
    this.hooks = hooks;
    this.unattended = {
      recognise: () => false,
      arrive: (machine, processor, message) => hooks.arrive(machine, processor, message),
      expire: (machine, timer) => hooks.expire(machine, timer),
      shadowEnded: (machine, processor) => hooks.shadowEnded(machine, processor),
    };
  }

  /** Brings every processor of a new machine to rest. */
  begin(state: UntimedState<M, O>): void {
    for (const processor of state.machine.processors) this.settle(state, processor);
  }

  /** True if a resting processor has a stage that it can run. */
  canRun(machine: M, processor: C): boolean {
    const thread = machine.threads[processor.thread] as Thread;
    const depth = thread.length;
    if (depth === 0) return false;
    const frame = thread[depth - 1] as Frame;
    const stage = stageTable[frame.at] as Stage;
    return stage.type !== StageType.wait || conditionHolds(machine, processor, frame, stage);
  }

  /** True if a resting processor may have an event to recognise. */
  mayRecognise(machine: M, processor: C): boolean {
    if (processor.attention === 0) return false;
    const thread = machine.threads[processor.thread] as Thread;
    const depth = thread.length;
    return depth === 0 || this.open(machine, processor, stageTable[(thread[depth - 1] as Frame).at] as Stage);
  }

  /** Runs the next stage of a resting processor that {@link canRun}, and the local ones that follow. */
  run(state: UntimedState<M, O>, processor: C): void {
    const { machine } = state;
    let stage = settle(machine, processor, this.unattended, false);
    if (machine.requests.count !== 0) this.carryOut(state, processor, undefined, undefined);
    while (stage !== undefined) {
      const thread = machine.threads[processor.thread] as Thread;
      const frame = thread[thread.length - 1] as Frame;
      if (stage.type === StageType.wait) {
        if (!conditionHolds(machine, processor, frame, stage)) return;
        this.options.onBegin?.(processor, stage);
        frame.at = stage.at + 1;
      } else {
        this.options.onBegin?.(processor, stage);
        runStage(machine, processor, thread, frame, stage);
      }
      if (machine.requests.count !== 0) this.carryOut(state, processor, frame, stage);
      if (processor.shadow !== 0 && stage.kind === 'program') retire(machine, processor, this.hooks);
      this.options.onStage?.(processor.id, stage);
      stage = this.settle(state, processor);
      if (this.options.plain === true || stage === undefined || !stage.local || stage.type !== StageType.ordinary)
        return;
      if (this.open(machine, processor, stage)) return;
    }
  }

  /** Recognises an event on a resting processor that {@link mayRecognise}. False if there was none to be taken. */
  recognise(state: UntimedState<M, O>, processor: C): boolean {
    const { machine } = state;
    if (!this.hooks.recognise(machine, processor)) return false;
    if (machine.requests.count !== 0) this.carryOut(state, processor, undefined, undefined);
    const stage = this.settle(state, processor);
    // What the event begins with may be local; it belongs to the event.
    if (
      this.options.plain !== true &&
      stage?.local === true &&
      stage.type === StageType.ordinary &&
      !this.open(machine, processor, stage)
    ) {
      this.run(state, processor);
    }
    return true;
  }

  /** A message that is in flight arrives. */
  arrive(state: UntimedState<M, O>, processor: C, message: number): void {
    takeMessage(processor, message);
    this.hooks.arrive(state.machine, processor, message);
    if (state.machine.requests.count !== 0) this.carryOut(state, processor, undefined, undefined);
  }

  /** A timer that is armed expires. */
  expire(state: UntimedState<M, O>, timer: number): void {
    const { machine } = state;
    const armed = machine.timers[timer];
    if (armed === undefined) throw new InternalError(`timer ${timer}`, 'expires but does not exist');
    armed.armed = 0;
    armed.expired = 1;
    const p = this.hooks.expire(machine, timer);
    if (machine.requests.count !== 0) {
      this.carryOut(state, machine.processors[Math.max(p, 0)] as C, undefined, undefined);
    }
  }

  /** Carries out what something outside of any stage has asked for: an action of the machine's own. */
  carryOutRequests(state: UntimedState<M, O>): void {
    const { machine } = state;
    if (machine.requests.count !== 0) this.carryOut(state, machine.processors[0] as C, undefined, undefined);
  }

  /**
   * Brings a processor to rest: returns from ended routines, takes pending events, does glue, but not at an open
   * boundary.
   */
  private settle(state: UntimedState<M, O>, processor: C): Stage | undefined {
    const { machine } = state;
    for (;;) {
      let stage = settle(machine, processor, this.hooks, true);
      if (stage !== undefined && !this.open(machine, processor, stage)) {
        if (stage.type === StageType.glue) stage = settle(machine, processor, this.unattended, false);
        if (machine.requests.count !== 0) this.carryOut(state, processor, undefined, undefined);
        return stage;
      }
      const taken = processor.attention !== 0 && this.hooks.recognise(machine, processor);
      if (machine.requests.count !== 0) this.carryOut(state, processor, undefined, undefined);
      if (!taken) return stage;
    }
  }

  private open(machine: M, processor: C, stage: Stage): boolean {
    return stage.boundary && processor.masked === 0 && this.options.interruptible?.(machine, processor) !== false;
  }

  private carryOut(
    { machine, observers }: UntimedState<M, O>,
    processor: C,
    frame: Frame | undefined,
    stage: Stage | undefined,
  ): void {
    carryOutUntimed(machine, processor, frame, stage, observers, this.options);
  }
}

/**
 * @internal Carries out what an effect asked for, without time: messages are in flight, timers armed, nobody needs to
 * be notified, and the clock stands still.
 */
export function carryOutUntimed<M extends Machine, O>(
  machine: M,
  processor: Processor,
  frame: Frame | undefined,
  stage: Stage | undefined,
  observers: O,
  options: { observe?(observers: O, processor: number, kind: number, a: number, b: number, machine: M): void },
): void {
  const { requests } = machine;
  const { words } = requests;
  for (let i = 0; i < requests.count; i += 4) {
    const kind = words[i] as number;
    const a = words[i + 1] as number;
    const b = words[i + 2] as number;
    if (kind === Request.observe) {
      options.observe?.(observers, processor.id, a, b, words[i + 3] as number, machine);
    } else if (kind === Request.readClock) {
      if (frame !== undefined) frame.value = 0;
    } else {
      if (stage?.local === true) {
        throw new InternalError(stageName(stage.at), 'is declared local but sends, notifies or arms a timer');
      }
      if (kind === Request.send) putMessage(machine.processors[a] as Processor, b);
    }
  }
  requests.count = 0;
}
