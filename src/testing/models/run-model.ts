import { InternalError } from '../../engine/errors.js';
import { stageName } from '../../engine/routine.js';
import { parseSchedule } from '../../engine/schedule.js';
import { runScheduled } from '../../engine/scheduled.js';
import { pctScheduler, randomScheduler, replayScheduler, type Scheduler } from '../../engine/scheduler.js';
import { hardwareHooks } from '../../hardware/events.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { finalInvariants, ledgerInvariants, machineInvariants } from '../invariants/index.js';
import type { StateInvariant } from '../invariants/invariant.js';
import { enter } from '../invariants/ledger.js';
import type { Ledger } from '../invariants/ledger-entries.js';
import { createModelState, type ModelConfiguration, type ModelState } from './model.js';
import type { ModelMachine } from './model-machine.js';
import { worldActions } from './world.js';

/** A step of a run of a model: what happened, and where. */
export interface ModelStep {
  /** The action of the schedule that it belongs to, from 0. */
  readonly action: number;
  /** The processor whose step it is, or that it reaches; -1 for the world around. */
  readonly processor: number;
  /** The virtual CPU that is current there, -1 for none. */
  readonly vcpu: number;
  /** True in VMX non-root operation. */
  readonly guest: boolean;
  readonly kind: 'stage' | 'event' | 'arrival' | 'expiry' | 'drain' | 'machine';
  /** `routine.stage`, or what it is in words. */
  readonly what: string;
  /** The vector of a message that arrives. */
  readonly message?: number;
  /** Messages that the step sends: to which processor, which vector. */
  readonly sends: readonly { readonly to: number; readonly message: number }[];
}

/** What became of one run of a model. */
export interface ModelRun {
  /** What happened, as a string that replays it. */
  readonly schedule: string;
  /** `quiescent` if nothing more can happen, `broken` if an invariant is. */
  readonly end: 'quiescent' | 'stopped' | 'steps' | 'broken';
  /** Actions. */
  readonly actions: number;
  readonly steps: readonly ModelStep[];
  /** The invariant that is broken, and how, in words. */
  readonly broken?: { readonly invariant: string; readonly what: string };
}

const always: readonly StateInvariant[] = [...machineInvariants, ...ledgerInvariants];

function firstBroken(state: ModelState, invariants: readonly StateInvariant[]): ModelRun['broken'] {
  for (const invariant of invariants) {
    const what = invariant.check(state.machine, state.observers);
    if (what !== undefined) return { invariant: invariant.id, what };
  }
  return undefined;
}

/**
 * Runs a configuration of a model once, one action after the other as a scheduler says, and looks at the invariants after each.
 *
 * @param most - actions at most
 */
export function runModel(configuration: ModelConfiguration, scheduler: Scheduler, most = 100_000): ModelRun {
  const state = createModelState(configuration);
  const { machine } = state;
  const steps: ModelStep[] = [];
  let broken = firstBroken(state, always);
  let count = -1;
  /** The step that an action begins with, until a stage of it follows. */
  let pending: ModelStep | undefined;
  const flush = (): void => {
    if (pending !== undefined) steps.push(pending);
    pending = undefined;
  };
  const inFlight = (): number[][] => machine.processors.map((processor) => [...processor.inFlight]);
  let before = inFlight();
  const sent = (): { to: number; message: number }[] => {
    const now = inFlight();
    const found: { to: number; message: number }[] = [];
    now.forEach((messages, to) => {
      const old = [...(before[to] ?? [])];
      for (const message of messages) {
        const at = old.indexOf(message);
        if (at < 0) found.push({ to, message });
        else old.splice(at, 1);
      }
    });
    before = now;
    return found;
  };
  const check = (): void => {
    broken ??= firstBroken(state, always);
  };
  const where = (processor: number): Pick<ModelStep, 'vcpu' | 'guest'> => {
    const cpu = machine.processors[processor];
    return { vcpu: cpu?.vcpu ?? -1, guest: cpu?.nonRoot === 1 };
  };
  let run: { end: ModelRun['end']; schedule: string };
  try {
    run = runScheduled<ModelMachine, LogicalProcessor, Ledger>(
      state,
      {
        hooks: hardwareHooks,
        actions: worldActions,
        observe: (ledger, processor, kind, a, b, m) => enter(ledger, kind, a, b, m, processor),
        onAction: ({ kind, of, detail }, name) => {
          check();
          flush();
          before = inFlight();
          count++;
          if (kind === 'stage') return;
          const processor = kind === 'expiry' || kind === 'machine' ? -1 : of;
          pending = {
            action: count,
            processor,
            ...where(processor),
            kind,
            what: kind === 'machine' ? name : name.replace(/^p\d+ /, ''),
            ...(kind === 'arrival' ? { message: detail } : {}),
            sends: [],
          };
        },
        onStage: (processor, { at }) => {
          flush();
          steps.push({
            action: count,
            processor,
            ...where(processor),
            kind: 'stage',
            what: stageName(at),
            sends: sent(),
          });
        },
      },
      { next: (actions, m) => (broken === undefined ? scheduler.next(actions, m) : -1) },
      most,
    );
    flush();
  } catch (error) {
    if (!(error instanceof InternalError)) throw error;
    flush();
    return {
      schedule: '',
      end: 'broken',
      actions: count + 1,
      steps,
      broken: { invariant: error.message, what: error.message },
    };
  }
  check();
  if (run.end === 'quiescent') broken ??= firstBroken(state, finalInvariants);
  const end = broken === undefined ? run.end : 'broken';
  return { schedule: run.schedule, end, actions: count + 1, steps, ...(broken === undefined ? {} : { broken }) };
}

/** A scheduler for {@link runModel}, anew for each run. */
export const modelSchedulers = {
  /** Any possible action, each as likely as the others. */
  random: (seed: number): Scheduler => randomScheduler(seed),
  /** Probabilistic concurrency testing: priorities with `depth - 1` changes in about `actions` steps. */
  pct: (seed: number, depth = 3, actions = 150): Scheduler => pctScheduler(seed, depth, actions),
  /** What a schedule says. Throws an InputError for a word that is none; a run throws one where an action is not possible. */
  replay: (schedule: string): Scheduler => replayScheduler(parseSchedule(schedule, worldActions)),
} as const;
