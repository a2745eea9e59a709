import { done, type Routine, type Stage, StageType } from '../../src/engine/routine.js';
import type { Frame, Machine } from '../../src/engine/state.js';
import type { StageChange } from '../../src/testing/mutants/install.js';

/** A change of one stage (or of two neighbours) that a machine made. */
export interface Mutation {
  /** `routine.stage kind`: what the explanations go by. */
  readonly id: string;
  readonly changes: readonly StageChange[];
  /** Numbers of the stages that have to be reached. */
  readonly at: readonly number[];
  /** What they have to return for once; without that the change is none. */
  readonly outcome?: string;
}

type Result = string | number | typeof done | undefined;

/** What a stage was seen to return. */
export type Outcomes = ReadonlyMap<number, ReadonlySet<string>>;

/** A result as a word. */
export function outcome(result: Result): string {
  if (result === done) return 'done';
  return result === undefined ? 'next' : typeof result === 'number' ? 'value' : result;
}

/** Beside what it returned: that a stage called a routine, and one that has a virtual CPU as its target. */
export const calls = '+call';
export const callsForTarget = '+target';

/** Changes what a stage has called; what else it does stays. */
function recalled({ routine, name }: Stage, change: (thread: Frame[], machine: Machine) => void): StageChange {
  return {
    routine: routine.name,
    stage: name,
    effect: (right) => (machine: Machine, processor, locals, returned) => {
      const thread = machine.threads[processor['thread']] as Frame[];
      const depth = thread.length;
      const result = (right as Stage['effect'])(machine, processor, locals, returned);
      if (thread.length > depth) change(thread, machine);
      return result;
    },
  };
}

/** Changes what a stage's effect returns; what it does stays. */
function redirected({ routine, name }: Stage, change: (result: Result) => Result): StageChange {
  return {
    routine: routine.name,
    stage: name,
    to: routine.stages.map((stage) => stage.name),
    effect: (right) => (machine, processor, locals, returned) => {
      const result = (right as Stage['effect'])(machine, processor, locals, returned);
      return change(result);
    },
  };
}

function skipped({ routine, name }: Stage): StageChange {
  return { routine: routine.name, stage: name, effect: () => () => undefined };
}

/** True if a stage does nothing but return; what it was returned itself, a routine returns anyway. */
function onlyReturns({ effect }: Stage): boolean {
  const text = effect.toString();
  return /=>\s*done$/.test(text) || /^\(\w+, \w+, \w+, (\w+)\)\s*=>\s*\1$/.test(text);
}

/** True if a stage does nothing but take time. */
function isIdle({ effect }: Stage): boolean {
  return /^\(?[\w, ]*\)?\s*=>\s*(\{\s*\}|undefined|void 0)$/.test(effect.toString());
}

/** True if a stage does nothing but go to another. */
function goesTo({ effect }: Stage, name: string): boolean {
  return /=>\s*["']([^"']+)["']$/.exec(effect.toString())?.[1] === name;
}

/**
 * Every change of a routine: a stage that does nothing; one that does not go where it went, or always does; one that goes on where it
 * returned, or returns where it went on; a value that is another; a routine that it does not call, or calls for another virtual CPU; two
 * neighbours in the other order.
 */
export function mutationsOf(routine: Routine, seen: Outcomes): Mutation[] {
  const found: Mutation[] = [];
  const add = (stage: Stage, kind: string, changes: readonly StageChange[], outcome?: string): void => {
    const id = `${routine.name}.${stage.name} ${kind}`;
    found.push({ id, changes, at: [stage.at], ...(outcome === undefined ? {} : { outcome }) });
  };
  routine.stages.forEach((stage, index) => {
    const outcomes = seen.get(stage.at);
    if (outcomes === undefined || stage.type === StageType.wait) return;
    const results = new Set([...outcomes].filter((one) => one !== calls && one !== callsForTarget));
    const isLast = index === routine.stages.length - 1;
    // What does nothing but cost, and what returns where the routine ends anyway, can be left out by nobody's loss.
    const idle = isIdle(stage);
    if (!idle && !(isLast && onlyReturns(stage))) add(stage, 'skipped', [skipped(stage)]);
    const next = routine.stages[index + 1];
    for (const name of [...results].filter((result) => stage.to.includes(result))) {
      // Where it would go anyway.
      if (name === next?.name || (next !== undefined && goesTo(next, name))) continue;
      if (results.size > 1)
        add(stage, `never ${name}`, [redirected(stage, (result) => (result === name ? undefined : result))], name);
      if (results.has('next')) add(stage, `always ${name}`, [redirected(stage, (result) => result ?? name)], 'next');
    }
    // Where what follows does nothing but end.
    const ends = next !== undefined && /=>\s*done$/.test(next.effect.toString());
    // Some stages are called so.
    if (results.has('done') && results.size > 1 && !stage.to.includes('done')) {
      if (!ends)
        add(stage, 'never done', [redirected(stage, (result) => (result === done ? undefined : result))], 'done');
      if (results.has('next')) add(stage, 'always done', [redirected(stage, (result) => result ?? done)], 'next');
    }
    if (results.has('value')) {
      const other = (result: Result): Result => (typeof result === 'number' ? (result === 0 ? 1 : 0) : result);
      add(stage, 'other value', [redirected(stage, other)], 'value');
    }
    // A glue that calls does nothing else.
    if (outcomes.has(calls) && stage.type === StageType.ordinary) {
      add(stage, 'without its call', [recalled(stage, (thread) => thread.pop())], calls);
    }
    if (outcomes.has(callsForTarget)) {
      const other = (thread: Frame[], { vcpus }: Machine & { vcpus?: object[] }): void => {
        const { locals } = thread.at(-1) as Frame;
        locals['target'] = ((locals['target'] as number) + 1) % (vcpus?.length ?? 1);
      };
      add(stage, 'for another', [recalled(stage, other)], callsForTarget);
    }
    if (
      next === undefined ||
      stage.type !== StageType.ordinary ||
      next.type !== StageType.ordinary ||
      !seen.has(next.at) ||
      (idle && isIdle(next))
    )
      return;
    const [first, second] = [stage.effect, next.effect];
    const to = [...stage.to, ...next.to];
    found.push({
      id: `${routine.name}.${stage.name} after ${next.name}`,
      changes: [
        { routine: routine.name, stage: stage.name, to, effect: () => second as never },
        { routine: routine.name, stage: next.name, to, effect: () => first as never },
      ],
      at: [stage.at, next.at],
    });
  });
  return found;
}
