import { type Action, actionName, enabledActions, type MachineActions, perform } from './actions.js';
import { scheduleText } from './schedule.js';
import type { Scheduler } from './scheduler.js';
import type { Machine, Processor } from './state.js';
import { Untimed, type UntimedOptions, type UntimedState } from './untimed.js';

/** How a scheduled run is carried out. */
export interface ScheduledOptions<M extends Machine & { processors: C[] }, C extends Processor, O>
  extends UntimedOptions<M, C, O> {
  /** What can happen to this machine beside what the engine knows. */
  readonly actions?: MachineActions<M>;
  /** Called before each action, with what it is for people. */
  onAction?(action: Action, name: string): void;
}

/** What became of a scheduled run. */
export interface ScheduledEnd {
  /** Nothing more was possible, the scheduler ended it, or it had as many steps as it may. */
  readonly end: 'quiescent' | 'stopped' | 'steps';
  readonly steps: number;
  /** What happened, as a string that replays it. */
  readonly schedule: string;
}

/**
 * Runs a machine without time, one action after the other as the scheduler says. The state is changed in place.
 *
 * @param steps - actions at most
 */
export function runScheduled<M extends Machine & { processors: C[] }, C extends Processor, O>(
  state: UntimedState<M, O>,
  options: ScheduledOptions<M, C, O>,
  scheduler: Scheduler,
  steps = 1_000_000,
): ScheduledEnd {
  const untimed = new Untimed(options);
  const own = options.actions;
  const schedule: Action[] = [];
  const ended = (end: ScheduledEnd['end']): ScheduledEnd => ({
    end,
    steps: schedule.length,
    schedule: scheduleText(schedule, own),
  });
  /** Processors whose events were refused, until something else happens. */
  let refused: number[] = [];
  untimed.begin(state);
  for (;;) {
    const all = enabledActions(untimed, state.machine, own);
    const actions =
      refused.length === 0 ? all : all.filter(({ kind, of }) => kind !== 'event' || !refused.includes(of));
    if (actions.length === 0) return ended('quiescent');
    if (schedule.length === steps) return ended('steps');
    const choice = scheduler.next(actions, state.machine);
    if (choice < 0) return ended('stopped');
    const action = actions[choice] as Action;
    options.onAction?.(action, actionName(state.machine, action, own));
    schedule.push(action);
    if (perform(untimed, state, action, own)) refused = [];
    else refused.push(action.of);
  }
}
