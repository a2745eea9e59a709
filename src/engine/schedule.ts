import type { Action, ActionKind, MachineActions } from './actions.js';
import { InputError } from './errors.js';
import { show } from './schema.js';

/** The names of a machine's own actions. */
export type Names = Pick<MachineActions<never>, 'names'>;

const letters = { stage: 'p', event: 'e', arrival: 'm', expiry: 't', drain: 'd' } as const;
const kinds: Readonly<Record<string, ActionKind>> = { p: 'stage', e: 'event', t: 'expiry', d: 'drain' };
const wordPattern = /^(?:([petd])(\d{1,9})|m(\d{1,9}):(\d{1,10})|([a-z][a-z-]+):(\d{1,10}))(?:\*([1-9]\d{0,5}))?$/;

/**
 * A schedule as one short string, from which {@link parseSchedule} makes it again: `p0*3 m1:7 e1 p1 t2 d0 preempt:1`,
 * that is three stages of processor 0, the arrival of message 7 at processor 1, its recognition there, a stage, the
 * expiry of timer 2, the drain of a store of processor 0 and an action of the machine's own.
 */
export function scheduleText(schedule: readonly Action[], own?: Names): string {
  const words: string[] = [];
  let repeats = 0;
  for (let i = 0; i < schedule.length; i++) {
    const word = actionWord(schedule[i] as Action, own);
    const next = schedule[i + 1];
    repeats++;
    if (next !== undefined && actionWord(next, own) === word) continue;
    words.push(repeats > 1 ? `${word}*${repeats}` : word);
    repeats = 0;
  }
  return words.join(' ');
}

/** @internal One action of a schedule. */
export function actionWord({ kind, of, detail }: Action, own?: Names): string {
  if (kind === 'machine') return `${own?.names[of] ?? `action-${of}`}:${detail}`;
  return kind === 'arrival' ? `m${of}:${detail}` : `${letters[kind]}${of}`;
}

/** The schedule of a string. Throws an {@link InputError} for a word that is none. */
export function parseSchedule(text: string, own?: Names): Action[] {
  const schedule: Action[] = [];
  const words = text.split(' ').filter((word) => word !== '');
  for (let i = 0; i < words.length; i++) {
    const parts = wordPattern.exec(words[i] as string);
    if (parts === null) {
      throw new InputError(
        `schedule[${i}]`,
        `${show(words[i])} is not an action such as p0, e0, m0:1, t0, d0, or a name and a number`,
      );
    }
    const action = actionOf(parts, i, own);
    for (let n = Number(parts[7] ?? 1); n > 0; n--) schedule.push(action);
  }
  return schedule;
}

function actionOf([, letter, of, to, message, name, detail]: RegExpExecArray, i: number, own?: Names): Action {
  if (letter !== undefined) return { kind: kinds[letter] as ActionKind, of: Number(of), detail: 0 };
  if (name === undefined) return { kind: 'arrival', of: Number(to), detail: Number(message) };
  const which = own?.names.indexOf(name) ?? -1;
  if (which < 0) throw new InputError(`schedule[${i}]`, `this machine has no action '${name}'`);
  return { kind: 'machine', of: which, detail: Number(detail) };
}
