import { type CostTable, missingCost } from './costs.js';
import { InternalError } from './errors.js';
import { isLive, isTimer, messageEvent, slotOf, timerEvent, timerOf } from './events.js';
import { conditionHolds, type Hooks, retire, runStage, settle } from './interpreter.js';
import { takeMessage } from './messages.js';
import { popEvent, purgeQueue, pushEvent, replaceTop, secondTime } from './queue.js';
import { randomUnit } from './random.js';
import { Request } from './requests.js';
import { type Stage, StageType, stageName, stageTable } from './routine.js';
import type { Frame, Machine, Processor, Thread } from './state.js';
import { Phase, type RunState } from './timing.js';

/** The time of the first event while it is being handled: before anything else, and free for the next. */
const vacant = -1;

/** How a timed run charges, orders and reports. */
export interface TimedOptions<M extends Machine & { processors: C[] }, C extends Processor, O> {
  readonly hooks: Hooks<M, C>;
  readonly costs: CostTable;
  /** Distance between two processors: 0 the same, 1 SMT siblings, 2 one socket, 3 two sockets. */
  distance(a: number, b: number): number;
  /** Relative spread of each stage's cost, 0 (none) to 1: a uniform factor from 1 - jitter to 1 + jitter. */
  readonly jitter?: number;
  /**
   * A factor on the costs of stages of a processor, looked at when a stage begins: what another processor does may slow it. Lines and work are
   * not changed. With it private stages are not merged.
   */
  pace?(machine: M, processor: C): number;
  /** Takes what effects observe. */
  observe?(observers: O, time: number, processor: number, kind: number, a: number, b: number): void;
  /**
   * Called when a processor begins a stage or a wait, before anything of it has happened: `thread` is the stack that leads to it. A wait
   * that ends and a stage that goes on after an interrupt begin again.
   */
  onBegin?(processor: C, stage: Stage, time: number, thread: Thread): void;
  /** Called after each stage, with what it was and when it began and ended. */
  onStage?(processor: number, stage: Stage, start: number, end: number, frame: Frame): void;
  /** Called when a processor's wait ends: `by` is the processor whose stage ended it, -1 for a timer or an arrival. */
  onWake?(processor: number, time: number, by: number): void;
  /** Called when a message is sent, with when it will arrive. */
  onSend?(from: number, to: number, message: number, sent: number, arrives: number): void;
  /** Called when a message arrives. */
  onArrive?(to: number, message: number, time: number): void;
  /** One event per stage, none merged. The states are the same; only slower. */
  readonly plain?: boolean;
  /** Test every waiting condition after every event, and fail if one holds that nobody was told of. */
  readonly checkWaits?: boolean;
}

/** Where a run stops. */
export interface RunLimit {
  /** No event after this time, in cycles, is handled. */
  readonly time?: number;
  /** At about this many stages more. */
  readonly stages?: number;
}

/** Why a run stopped: nothing is left to happen, the time or the number of stages was reached, or `stop` was called. */
export type RunEnd = 'quiescent' | 'time' | 'stages' | 'stopped';

/**
 * A discrete-event run: every stage takes its cost in cycles, its effect comes at its end. The state is plain data and is
 * changed in place; nothing about the run is kept anywhere else, so it can be saved and restored between two events.
 */
export class TimedRun<M extends Machine & { processors: C[] }, C extends Processor, O = unknown> {
  readonly state: RunState<M, O>;
  private readonly options: TimedOptions<M, C, O>;
  private readonly hooks: Hooks<M, C>;
  private readonly stageCost: readonly number[];
  private readonly jitter: number;
  private readonly fuse: boolean;
  /** When each processor's stage began, kept only if somebody is told. */
  private readonly starts: number[] | undefined;
  private stopRequested = false;
  private staleEvents = 0;
  private stageCount = 0;
  private lastStage = Number.POSITIVE_INFINITY;

  constructor(state: RunState<M, O>, options: TimedOptions<M, C, O>) {
    if (state.machine.storeBuffers !== 0) {
      throw new InternalError('timed run', 'store buffers are for runs without time: here nothing would drain them');
    }
    this.state = state;
    this.options = options;
    this.hooks = options.hooks;
    this.stageCost = options.costs.stage;
    this.jitter = options.jitter ?? 0;
    this.fuse = options.plain !== true && options.checkWaits !== true;
    const { onBegin, onStage } = options;
    const observed = onBegin !== undefined || onStage !== undefined;
    this.starts = observed ? state.machine.processors.map(() => state.timing.now) : undefined;
  }

  /** Stages run since this object was made. */
  get stages(): number {
    return this.stageCount;
  }

  /** Makes {@link run} return after the event under way; for use from an observer. */
  stop(): void {
    this.stopRequested = true;
  }

  /** Runs until nothing is left to happen, or a limit is reached. */
  run(limit: RunLimit = {}): RunEnd {
    const lastTime = limit.time ?? Number.POSITIVE_INFINITY;
    this.lastStage = limit.stages === undefined ? Number.POSITIVE_INFINITY : this.stageCount + limit.stages;
    const { queue, timing } = this.state;
    this.stopRequested = false;
    if (timing.begun === 0) this.beginAll();
    while (queue.size > 0) {
      const time = queue.time[0] as number;
      const event = queue.event[0] as number;
      const sequence = queue.sequence[0] as number;
      if (event >= 0) {
        if (timing.event[event] !== sequence) {
          this.dropStale();
          continue;
        }
        if (time > lastTime) return 'time';
        this.runProcessor(event, time, lastTime);
      } else if (isTimer(event)) {
        const timer = timerOf(event);
        if (timing.timerEvent[timer] !== sequence) {
          this.dropStale();
          continue;
        }
        if (time > lastTime) return 'time';
        timing.now = time;
        timing.timerEvent[timer] = 0;
        queue.time[0] = vacant;
        this.expire(timer);
        if (queue.size > 0 && queue.time[0] === vacant) popEvent(queue);
      } else {
        if (time > lastTime) return 'time';
        timing.now = time;
        queue.time[0] = vacant;
        this.arrive(slotOf(event));
        if (queue.size > 0 && queue.time[0] === vacant) popEvent(queue);
      }
      if (this.options.checkWaits === true) this.checkWaits();
      if (this.stopRequested) return 'stopped';
      if (this.stageCount >= this.lastStage) return 'stages';
    }
    return 'quiescent';
  }

  /** Runs one event: one stage in a plain run, perhaps several merged ones otherwise. False if there was none. */
  step(): boolean {
    const before = this.stageCount;
    const { queue } = this.state;
    if (this.state.timing.begun === 0) this.beginAll();
    while (queue.size > 0 && this.stageCount === before) {
      if (this.run({ stages: 0 }) === 'quiescent') break;
    }
    return this.stageCount > before;
  }

  /** Time of the next event, Infinity if there is none. */
  nextTime(): number {
    const { queue, timing } = this.state;
    if (timing.begun === 0) return timing.now;
    while (queue.size > 0) {
      if (isLive(timing, queue.event[0] as number, queue.sequence[0] as number)) return queue.time[0] as number;
      this.dropStale();
    }
    return Number.POSITIVE_INFINITY;
  }

  private dropStale(): void {
    popEvent(this.state.queue);
    if (this.staleEvents > 0) this.staleEvents--;
  }

  private beginAll(): void {
    const { machine, timing } = this.state;
    timing.begun = 1;
    for (const processor of machine.processors) this.start(processor, timing.now);
  }

  /** Starts whatever a processor has to do next, from a moment at which it has no event. */
  private start(processor: C, now: number): void {
    const { machine, timing, queue } = this.state;
    const p = processor.id;
    const next = settle(machine, processor, this.hooks, false);
    if (machine.requests.count !== 0) this.carryOut(p, now, undefined);
    const end = this.begin(processor, next, now);
    if (end < 0) return;
    // Where the event that led here is done with, its place is free.
    timing.event[p] = queue.size > 0 && queue.time[0] === vacant ? replaceTop(queue, end, p) : pushEvent(queue, end, p);
  }

  /** Begins a stage: when it will end, or -1 if the processor waits or has nothing to do. */
  private begin(processor: C, stage: Stage | undefined, now: number): number {
    const { machine, timing } = this.state;
    const p = processor.id;
    if (stage === undefined) {
      timing.event[p] = 0;
      timing.phase[p] = Phase.idle;
      return -1;
    }
    const frames = machine.threads[processor.thread] as Thread;
    const frame = frames[frames.length - 1] as Frame;
    if (this.starts !== undefined) {
      this.starts[p] = now;
      this.options.onBegin?.(processor, stage, now, frames);
    }
    if (stage.type === StageType.wait && !conditionHolds(machine, processor, frame, stage)) {
      this.wait(processor, frame, stage);
      return -1;
    }
    timing.phase[p] = Phase.running;
    let duration: number;
    if (frame.left > 0) {
      duration = frame.left;
      frame.left = 0;
      timing.phase[p] = Phase.working;
      timing.workEnd[p] = now + duration;
    } else {
      duration = this.cost(stage, p);
      if (stage.line !== undefined) {
        const line = stage.line(machine, processor, frame.locals);
        duration += stage.type === StageType.wait ? this.readLine(line, p) : this.touch(line, p);
      }
      if (stage.work !== undefined) {
        const work = stage.work(machine, processor, frame.locals);
        if (!(work >= 0)) throw new InternalError(stageName(stage.at), `${work} is not a number of cycles of work`);
        duration += Math.round(work);
        timing.phase[p] = Phase.working;
        timing.workEnd[p] = now + duration;
      }
    }
    return now + duration;
  }

  private cost(stage: Stage, p: number): number {
    let cost = this.stageCost[stage.cost] as number;
    if (!(cost >= 0)) throw missingCost(stageName(stage.at), stage.cost);
    if (this.options.pace !== undefined) {
      const { machine } = this.state;
      const factor = this.options.pace(machine, machine.processors[p] as C);
      if (factor !== 1) cost = Math.round(cost * factor);
    }
    if (this.jitter !== 0) {
      const factor = 1 + this.jitter * (2 * randomUnit(this.state.timing.random[p] as number[]) - 1);
      return Math.round(cost * factor);
    }
    return cost;
  }

  private touch(line: number, p: number): number {
    if (line < 0) return 0;
    const { lineOwner } = this.state.timing;
    const owner = lineOwner[line] as number;
    if (owner === p) return 0;
    lineOwner[line] = p;
    return owner < 0 ? 0 : (this.options.costs.line[this.options.distance(owner, p)] as number);
  }

  /** What a look at a line costs that ends a wait. Its last writer keeps a copy, which the next writer has to invalidate, be it who looked. */
  private readLine(line: number, p: number): number {
    if (line < 0) return 0;
    const owner = this.state.timing.lineOwner[line] as number;
    return owner < 0 || owner === p ? 0 : (this.options.costs.line[this.options.distance(owner, p)] as number);
  }

  private wait(processor: C, frame: Frame, stage: Stage): void {
    const { machine, timing } = this.state;
    const p = processor.id;
    this.keepLine(processor, frame, stage);
    const channel = (stage.channel as NonNullable<Stage['channel']>)(machine, processor, frame.locals);
    timing.event[p] = 0;
    if (channel < 0) {
      timing.phase[p] = Phase.idle;
    } else {
      timing.phase[p] = channel;
      (timing.waiters[channel] as number[]).push(p);
    }
  }

  /**
   * A processor that spins on a line has it again after every look, and one that has written it has it then, whoever looked while
   * it was on its way: the next one pays for the transfer.
   */
  private keepLine(processor: C, frame: Frame, stage: Stage): void {
    if (stage.line === undefined) return;
    const { machine, timing } = this.state;
    const line = stage.line(machine, processor, frame.locals);
    if (line >= 0) timing.lineOwner[line] = processor.id;
  }

  private leaveWait(p: number): void {
    const { timing } = this.state;
    const channel = timing.phase[p] as number;
    timing.phase[p] = Phase.running;
    if (channel < 0) return;
    const waiters = timing.waiters[channel] as number[];
    const index = waiters.indexOf(p);
    for (let i = index + 1; i < waiters.length; i++) waiters[i - 1] = waiters[i] as number;
    waiters.pop();
  }

  /**
   * Handles the event of a processor, which is the first of the queue, and what follows without leaving the processor: its
   * local stages while nothing can interrupt them, and any stage that ends strictly before the next event of anybody.
   */
  private runProcessor(p: number, time: number, lastTime: number): void {
    const { machine, timing, queue } = this.state;
    const { requests } = machine;
    const { hooks, fuse } = this;
    const merge = fuse && this.options.pace === undefined;
    const processor = machine.processors[p] as C;
    let now = time;
    // Its event stays first until it is replaced, even if an effect asks for something at this very time.
    queue.time[0] = vacant;
    for (;;) {
      timing.now = now;
      let elapsed = 0;
      let ahead = false;
      let end = -2;
      let next: Stage | undefined;
      if (timing.phase[p] === Phase.beginning) {
        next = settle(machine, processor, hooks, false);
        if (requests.count !== 0) this.carryOut(p, now, undefined);
      } else {
        let start = this.starts === undefined ? 0 : (this.starts[p] as number);
        for (;;) {
          const frames = machine.threads[processor.thread] as Thread;
          const frame = frames[frames.length - 1] as Frame;
          const stage = stageTable[frame.at] as Stage;
          if (stage.type === StageType.wait) {
            // Somebody else may have made the condition false again while this processor was on its way.
            if (!conditionHolds(machine, processor, frame, stage)) {
              next = settle(machine, processor, hooks, false);
              if (requests.count !== 0) this.carryOut(p, now, undefined);
              break;
            }
            frame.at = stage.at + 1;
          } else {
            if (!stage.simple) this.keepLine(processor, frame, stage);
            runStage(machine, processor, frames, frame, stage);
          }
          this.stageCount++;
          if (requests.count !== 0) this.carryOut(p, now + elapsed, frame, stage);
          if (processor.shadow !== 0 && stage.kind === 'program') retire(machine, processor, hooks);
          if (this.starts !== undefined) this.options.onStage?.(p, stage, start, now + elapsed, frame);
          next = settle(machine, processor, hooks, ahead);
          if (requests.count !== 0) this.carryOut(p, now + elapsed, frame);
          if (!merge || next === undefined || !next.local || !next.simple) break;
          if (next.boundary && processor.masked === 0) break;
          start = now + elapsed;
          if (this.starts !== undefined) {
            this.options.onBegin?.(processor, next, start, machine.threads[processor.thread] as Thread);
          }
          elapsed += this.cost(next, p);
          ahead = true;
          if (now + elapsed > lastTime || this.stageCount >= this.lastStage) {
            if (this.starts !== undefined) this.starts[p] = start;
            timing.phase[p] = Phase.running;
            end = now + elapsed;
            break;
          }
        }
      }
      if (end >= 0) {
        // The run stops during a local stage that is under way already.
      } else if (next?.simple && this.starts === undefined && !(ahead && next.boundary && processor.masked === 0)) {
        timing.phase[p] = Phase.running;
        end = now + elapsed + this.cost(next, p);
      } else if (ahead && (next === undefined || !next.simple || (next.boundary && processor.masked === 0))) {
        // Whatever looks at the world when it begins must begin when the local stages have elapsed.
        end = now + elapsed;
        timing.phase[p] = Phase.beginning;
      } else {
        end = this.begin(processor, next, now + elapsed);
      }
      if (end < 0) {
        popEvent(queue);
        return;
      }
      if (
        fuse &&
        end < secondTime(queue) &&
        end <= lastTime &&
        !this.stopRequested &&
        this.stageCount < this.lastStage
      ) {
        now = end;
        continue;
      }
      timing.event[p] = replaceTop(queue, end, p);
      return;
    }
  }

  /** Carries out what an effect asked for. */
  private carryOut(p: number, time: number, frame: Frame | undefined, stage?: Stage): void {
    const { machine, timing, queue, observers } = this.state;
    const { requests } = machine;
    const { words } = requests;
    for (let i = 0; i < requests.count; i += 4) {
      const kind = words[i] as number;
      const a = words[i + 1] as number;
      const b = words[i + 2] as number;
      const c = words[i + 3] as number;
      if (kind === Request.observe) {
        this.options.observe?.(observers, time, p, a, b, c);
        continue;
      }
      if (kind === Request.readClock) {
        if (frame !== undefined) frame.value = time;
        continue;
      }
      if (stage?.local === true) {
        throw new InternalError(stageName(stage.at), 'is declared local but sends, notifies or arms a timer');
      }
      if (kind === Request.notify) {
        this.notify(a, p, time);
      } else if (kind === Request.send) {
        const flight = this.options.costs.byDistance[4 * c + this.options.distance(p, a)] as number;
        if (!(flight >= 0)) throw missingCost(stage === undefined ? 'a message' : stageName(stage.at), c);
        const slot = timing.freeMessages.pop() ?? timing.message.length;
        timing.messageTo[slot] = a;
        timing.message[slot] = b;
        (machine.processors[a] as C).inFlight.push(b);
        pushEvent(queue, time + flight, messageEvent(slot));
        this.options.onSend?.(p, a, b, time, time + flight);
      } else if (kind === Request.arm) {
        if (timing.timerEvent[a] !== 0) this.countStale();
        timing.deadline[a] = time + Math.ceil(b);
        timing.timerEvent[a] = pushEvent(queue, timing.deadline[a] as number, timerEvent(a));
      } else {
        if (timing.timerEvent[a] !== 0) this.countStale();
        timing.timerEvent[a] = 0;
      }
    }
    requests.count = 0;
  }

  private notify(channel: number, by: number, now: number): void {
    if (channel < 0) return;
    const { machine, timing, queue } = this.state;
    const waiters = timing.waiters[channel] as number[];
    let kept = 0;
    for (let i = 0; i < waiters.length; i++) {
      const p = waiters[i] as number;
      const processor = machine.processors[p] as C;
      const frames = machine.threads[processor.thread] as Thread;
      const frame = frames[frames.length - 1] as Frame;
      const stage = stageTable[frame.at] as Stage;
      if (conditionHolds(machine, processor, frame, stage)) {
        this.options.onWake?.(p, now, by);
        timing.event[p] = pushEvent(queue, this.begin(processor, stage, now), p);
      } else {
        this.keepLine(processor, frame, stage);
        waiters[kept++] = p;
      }
    }
    while (waiters.length > kept) waiters.pop();
  }

  private arrive(slot: number): void {
    const { machine, timing } = this.state;
    const to = timing.messageTo[slot] as number;
    const message = timing.message[slot] as number;
    timing.freeMessages.push(slot);
    const processor = machine.processors[to] as C;
    takeMessage(processor, message);
    this.options.onArrive?.(to, message, timing.now);
    this.hooks.arrive(machine, processor, message);
    if (machine.requests.count !== 0) this.carryOut(to, timing.now, undefined);
    this.look(processor);
  }

  private expire(timer: number): void {
    const { machine, timing } = this.state;
    const state = machine.timers[timer];
    if (state === undefined) throw new InternalError(`timer ${timer}`, 'expires but does not exist');
    state.armed = 0;
    state.expired = 1;
    const p = this.hooks.expire(machine, timer);
    if (machine.requests.count !== 0) this.carryOut(Math.max(p, 0), timing.now, undefined);
    this.notify(state.channel, -1, timing.now);
    if (p >= 0) this.look(machine.processors[p] as C);
  }

  /** A processor may have something to recognise although its own stage has not ended: while it waits or works. */
  private look(processor: C): void {
    if (processor.attention === 0) return;
    const { machine, timing } = this.state;
    const p = processor.id;
    const { now } = timing;
    const idle = timing.event[p] === 0;
    const remaining = (timing.workEnd[p] as number) - now;
    if (!idle && (timing.phase[p] !== Phase.working || remaining <= 0)) return;
    const frames = machine.threads[processor.thread] as Thread;
    const frame = frames[frames.length - 1];
    if (frame !== undefined && !(stageTable[frame.at] as Stage).boundary) return;
    if (!this.hooks.recognise(machine, processor)) return;
    if (idle) {
      this.leaveWait(p);
      this.options.onWake?.(p, now, -1);
    } else {
      if (frame !== undefined) frame.left = remaining;
      timing.event[p] = 0;
      this.countStale();
    }
    if (machine.requests.count !== 0) this.carryOut(p, now, undefined);
    this.start(processor, now);
  }

  /** Cancelled events leave when their time comes, or together once they are many. */
  private countStale(): void {
    const { queue, timing } = this.state;
    if (++this.staleEvents < 64 || 2 * this.staleEvents < queue.size) return;
    purgeQueue(queue, (event, sequence) => isLive(timing, event, sequence));
    this.staleEvents = 0;
  }

  private checkWaits(): void {
    const { machine, timing } = this.state;
    for (const processor of machine.processors) {
      if (timing.event[processor.id] !== 0) continue;
      const frames = machine.threads[processor.thread] as Thread;
      const frame = frames[frames.length - 1];
      if (frame === undefined) continue;
      const stage = stageTable[frame.at] as Stage;
      if (stage.type === StageType.wait && conditionHolds(machine, processor, frame, stage)) {
        throw new InternalError(
          stageName(stage.at),
          `processor ${processor.id} waits although the condition holds: its channel was not notified`,
        );
      }
    }
  }
}
