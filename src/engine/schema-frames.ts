import { InputError, InternalError } from './errors.js';
import { type Routine, type Stage, stageName, stageNumber, stageTable } from './routine.js';
import { compareOne, type Json, loadFields, type Schema, show } from './schema.js';
import { compareLists, cycles, flag, integer, safeInteger } from './schema-values.js';
import type { Frame, Locals, Thread } from './state.js';

const twoTo32 = 2 ** 32;
const frameFields = ['at', 'value', 'left', 'event', 'locals'];

/** The number of a stage, presented as its `routine.stage` name; -1 for none, presented as null. */
export const stageAt: Schema<number> = {
  ...integer(-1, 2 ** 31 - 1),
  save: (at) => (at < 0 ? null : stageName(at)),
  load: (json, path) => (json === null ? -1 : loadStage(json, path)),
  compare: (presented, at, path, differences) => {
    compareOne(presented, at < 0 ? null : stageName(at), path, differences);
  },
};

function loadStage(json: unknown, path: string): number {
  const at = typeof json === 'string' ? stageNumber(json) : -1;
  if (at < 0)
    throw new InputError(path, typeof json === 'string' ? `no stage '${json}'` : `${show(json)} is not a name`);
  return at;
}

function routineOf(at: number): Routine {
  return (stageTable[at] as Stage).routine;
}

/**
 * One frame as words: stage and flags, returned value, locals; two words a number if one of them needs more than 32
 * bits.
 */
function encodeFrame(frame: Frame, words: Int32Array, offset: number): number {
  const { at, value, locals } = frame;
  const { localNames } = routineOf(at);
  words[offset] = at * 4 + frame.event * 2;
  words[offset + 1] = value;
  let fits = (value | 0) === value;
  let end = offset + 2;
  for (let i = 0; i < localNames.length; i++) {
    const local = locals[localNames[i] as string] as number;
    if ((local | 0) !== local) fits = false;
    words[end++] = local;
  }
  return fits ? end : encodeWide(frame, localNames, words, offset);
}

function encodeWide(frame: Frame, localNames: readonly string[], words: Int32Array, offset: number): number {
  words[offset] = frame.at * 4 + frame.event * 2 + 1;
  let end = offset + 1;
  for (let i = -1; i < localNames.length; i++) {
    const name = localNames[i] as string;
    const number = i < 0 ? frame.value : (frame.locals[name] as number);
    if (!Number.isSafeInteger(number)) {
      throw new InternalError(
        stageName(frame.at),
        `${i < 0 ? 'the returned value' : name} is ${number}, not an integer`,
      );
    }
    words[end] = number;
    words[end + 1] = Math.floor(number / twoTo32);
    end += 2;
  }
  return end;
}

function decodeFrame(words: Int32Array, offset: number, thread: Thread, index: number): number {
  const header = words[offset] as number;
  const at = header >>> 2;
  const routine = routineOf(at);
  let frame = thread[index];
  if (frame === undefined) {
    frame = { at, value: 0, left: 0, event: 0, locals: routine.locals() };
    thread[index] = frame;
  } else if (routineOf(frame.at) !== routine) {
    frame.locals = routine.locals();
  }
  frame.at = at;
  frame.left = 0;
  frame.event = (header >> 1) & 1;
  const { locals } = frame;
  const { localNames } = routine;
  let end = offset + 1;
  if ((header & 1) === 0) {
    frame.value = words[end++] as number;
    for (let i = 0; i < localNames.length; i++) locals[localNames[i] as string] = words[end++] as number;
    return end;
  }
  for (let i = -1; i < localNames.length; i++) {
    const number = (words[end + 1] as number) * twoTo32 + ((words[end] as number) >>> 0);
    if (i < 0) frame.value = number;
    else locals[localNames[i] as string] = number;
    end += 2;
  }
  return end;
}

/**
 * @internal True if these words are what a thread encodes to: so much for the usual case, that nobody has changed it. False says
 * nothing about a thread with numbers of more than 32 bits.
 */
export function hasWords(thread: Thread, words: Int32Array, offset: number): boolean {
  const depth = thread.length;
  if (words[offset] !== depth) return false;
  let at = offset + 1;
  for (let i = 0; i < depth; i++) {
    const frame = thread[i] as Frame;
    if (words[at] !== frame.at * 4 + frame.event * 2 || words[at + 1] !== frame.value) return false;
    at += 2;
    const { localNames } = (stageTable[frame.at] as Stage).routine;
    const { locals } = frame;
    for (let j = 0; j < localNames.length; j++) if (locals[localNames[j] as string] !== words[at++]) return false;
  }
  return true;
}

function loadFrame(json: unknown, path: string): Frame {
  const presented = loadFields(json, path, frameFields);
  const at = loadStage(presented['at'], `${path}.at`);
  const { localNames } = routineOf(at);
  const given = loadFields(presented['locals'], `${path}.locals`, localNames);
  const locals: Locals = routineOf(at).locals();
  for (const name of localNames) locals[name] = safeInteger.load(given[name], `${path}.locals.${name}`, []);
  return {
    at,
    value: safeInteger.load(presented['value'], `${path}.value`, []),
    left: cycles.load(presented['left'], `${path}.left`, []),
    event: flag.load(presented['event'], `${path}.event`, []),
    locals,
  };
}

/** One frame. Its words leave out {@link Frame.left}, which belongs to time; everything presented names its stage. */
const frame: Schema<Frame> = {
  word: 0,
  omitted: undefined,
  encode: encodeFrame,
  decode: (words, offset, holder, key) => decodeFrame(words, offset, holder as Thread, key as number),
  save: ({ at, value, left, event, locals }) => {
    const named: { [name: string]: Json } = {};
    for (const name of routineOf(at).localNames) named[name] = locals[name] as number;
    return { at: stageName(at), value, left, event, locals: named };
  },
  load: loadFrame,
  compare: (presented, value, path, differences) => {
    const from = presented as { [name: string]: Json };
    const old = from['at'] as string;
    const { routine } = stageTable[value.at] as Stage;
    const same = old.slice(0, old.lastIndexOf('.')) === routine.name;
    const field = (name: string, to: number | string): void => {
      path.push(name);
      compareOne(from[name] as Json, to, path, differences);
      path.pop();
    };
    field('at', stageName(value.at));
    field('value', value.value);
    field('left', value.left);
    field('event', value.event);
    path.push('locals');
    const locals = from['locals'] as { [name: string]: Json };
    if (same) {
      for (const name of routine.localNames) {
        path.push(name);
        compareOne(locals[name] as Json, value.locals[name] as number, path, differences);
        path.pop();
      }
    } else {
      differences.push({ path: [...path], from: locals, to: { ...value.locals } });
    }
    path.pop();
  },
};

const thread: Schema<Thread> = {
  word: 0,
  omitted: undefined,
  encode: (thread, words, offset) => {
    const depth = thread.length;
    words[offset] = depth;
    let end = offset + 1;
    for (let i = 0; i < depth; i++) end = encodeFrame(thread[i] as Frame, words, end);
    return end;
  },
  decode: (words, offset, holder, key) => {
    const slots = holder as Record<string | number, Thread | undefined>;
    let thread = slots[key];
    if (thread === undefined) {
      thread = [];
      slots[key] = thread;
    }
    const depth = words[offset] as number;
    while (thread.length > depth) thread.pop();
    let end = offset + 1;
    for (let i = 0; i < depth; i++) end = decodeFrame(words, end, thread, i);
    return end;
  },
  save: (thread) => thread.map((value) => frame.save(value)),
  load: (json, path) => {
    if (!Array.isArray(json)) throw new InputError(path, `${show(json)} is not a list of frames`);
    return json.map((value: unknown, index) => loadFrame(value, `${path}[${index}]`));
  },
  compare: (presented, thread, path, differences) => {
    compareLists(frame, presented as Json[], thread, path, differences);
  },
};

/** A thread: a stack of frames. */
export const frames: Schema<Thread> = {
  ...thread,
  composition: { kind: 'thread', encode: thread.encode, decode: thread.decode },
};
