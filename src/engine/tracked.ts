import { InternalError } from './errors.js';
import { type Composition, compositionOf, pathName, type Schema } from './schema.js';
import { hasWords } from './schema-frames.js';
import type { Thread } from './state.js';

/*
 * A state that notices what is done to it. It looks like any other, but the fields of its records are accessors: one that
 * changes a number, or hands out a list, marks the part of the state that this belongs to. So whoever keeps many
 * states looks at the marked parts alone, however large the state is. Accessors also tell which parts somebody has read:
 * what follows from those alone is the same in every state in which they are the same.
 */

/** What stands behind a record: its own part, then the values of its fields. */
type Store = unknown[];

interface TrackedRecord {
  $: Store;
}

/** Takes note of what has been touched, and of what has been read. */
export interface Tracker {
  touch(part: Part): void;
  see(part: Part): void;
}

const noWords = new Int32Array(0);

/** What a {@link Part} is. */
export const PartKind = { record: 0, list: 1, whole: 2, thread: 3, words: 4, countedWords: 5 } as const;

/**
 * A part of a state: the numbers of a record; a list that is stored as a whole; or a list whose elements are parts,
 * which has nothing of its own but their order.
 */
export class Part {
  /** True while it may have changed since somebody looked. */
  touched = false;
  /** True once it has been read, or written, since somebody asked what is. */
  seen = false;
  /** For whoever keeps invariants: a bit for each that has ever read it. */
  readers = 0;
  /** For whoever keeps states: the number of what it was last and at first, and its place (-1: none yet). */
  index = -1;
  first = -1;
  place = -1;
  /** The words that it was last: where they are. */
  page: Int32Array = noWords;
  start = 0;
  readonly path: string;
  readonly kind: number;
  /** It is `holder[key]`. */
  readonly holder: unknown[];
  readonly key: number;
  /** Of a list stored as a whole, or anything else that has no parts. */
  readonly schema: Schema<unknown> | undefined;
  /** Of a record: for each field 1 if it is a signed word, 2 if an unsigned one, else 0. */
  readonly words: readonly number[];
  /** Of a record: the part that each of its fields is; of a list: those that its elements are. */
  readonly children: (Part | undefined)[] = [];
  /** Of a record and of a list of parts: the object that stands there. */
  object: unknown = undefined;
  private readonly tracker: Tracker;

  constructor(
    kind: number,
    tracker: Tracker,
    path: string,
    holder: unknown[],
    key: number,
    schema: Schema<unknown> | undefined,
    words: readonly number[],
  ) {
    this.kind = kind;
    this.tracker = tracker;
    this.path = path;
    this.holder = holder;
    this.key = key;
    this.schema = schema;
    this.words = words;
  }

  /** Marks it. */
  touch(): void {
    this.touched = true;
    this.tracker.touch(this);
  }

  /** Notes that it has been read. What is written in part depends on the rest, so writing counts too. */
  see(): void {
    this.seen = true;
    this.tracker.see(this);
  }

  /** True if it is what it was last. If it is not, or that is not easily seen: false. */
  isSame(): boolean {
    const { kind, page, start } = this;
    if (kind === PartKind.thread) return hasWords(this.holder[this.key] as Thread, page, start);
    if (kind !== PartKind.words && kind !== PartKind.countedWords) return false;
    const list = this.holder[this.key] as number[];
    const { length } = list;
    let at = start;
    if (kind === PartKind.countedWords ? page[at++] !== length : page[at - 1] !== length) return false;
    for (let i = 0; i < length; i++) if (((list[i] as number) | 0) !== page[at++]) return false;
    return true;
  }

  /** Writes its words from the beginning of `words` and returns how many there are, if these were long enough. */
  encode(words: Int32Array): number {
    const { schema } = this;
    if (schema !== undefined) return schema.encode(this.holder[this.key], words, 0);
    const kinds = this.words;
    const store = (this.object as TrackedRecord).$;
    let at = 0;
    for (let i = 1; i < kinds.length; i++) if (kinds[i] !== 0) words[at++] = store[i] as number;
    return at;
  }

  /** Makes it what it was last. */
  decode(): void {
    const { schema, page: words } = this;
    if (schema !== undefined) {
      schema.decode(words, this.start, this.holder, this.key);
      return;
    }
    const kinds = this.words;
    const store = (this.object as TrackedRecord).$;
    let at = this.start;
    for (let i = 1; i < kinds.length; i++) {
      const kind = kinds[i];
      if (kind === 1) store[i] = words[at++];
      else if (kind === 2) store[i] = (words[at++] as number) >>> 0;
    }
  }

  /** Of a record: if somebody has put another object in its place, makes the right one equal to it and puts that back. */
  adopt(): void {
    const { holder, key, object } = this;
    const other = holder[key];
    if (other === object) return;
    holder[key] = object;
    Object.assign(object as object, other);
  }

  /** Of a list of parts: true if its elements are those that they were. */
  isWhole(): boolean {
    const { object, children } = this;
    const list = object as unknown[];
    if (this.holder[this.key] !== list || list.length !== children.length) return false;
    for (let i = 0; i < list.length; i++) {
      const child = children[i] as Part;
      if (child.kind === PartKind.record && list[i] !== child.object) return false;
    }
    return true;
  }
}

type Accessors = { get(this: TrackedRecord): unknown; set(this: TrackedRecord, value: unknown): void };

/** A number: a change marks the record. */
function numberAccessors(i: number): Accessors {
  return {
    get() {
      const store = this.$;
      const part = store[0] as Part;
      if (!part.seen) part.see();
      return store[i];
    },
    set(value) {
      const store = this.$;
      const part = store[0] as Part;
      if (!part.seen) part.see();
      if (store[i] === value) return;
      store[i] = value;
      if (!part.touched) part.touch();
    },
  };
}

function takeHold(part: Part): void {
  if (!part.seen) part.see();
  if (!part.touched) part.touch();
}

/** A list: who gets hold of it may change it. */
function listAccessors(i: number): Accessors {
  return {
    get() {
      const store = this.$;
      takeHold((store[0] as Part).children[i] as Part);
      return store[i];
    },
    set(value) {
      const store = this.$;
      store[i] = value;
      takeHold((store[0] as Part).children[i] as Part);
    },
  };
}

/** A list of threads: who gets hold of one may change that one. */
function threadList(threads: Thread[], part: Part): Thread[] {
  return new Proxy(threads, {
    get: (list, key) => {
      const value: unknown = Reflect.get(list, key);
      if (Array.isArray(value)) takeHold(part.children[Number(key)] as Part);
      return value;
    },
    set: (list, key, value) => {
      const child = part.children[Number(key)];
      if (child !== undefined) takeHold(child);
      takeHold(part);
      return Reflect.set(list, key, value);
    },
  });
}

/** A record: it notices by itself what is done to it, unless it is replaced. */
function recordAccessors(i: number): Accessors {
  return {
    get() {
      return this.$[i];
    },
    set(value) {
      const store = this.$;
      store[i] = value;
      takeHold((store[0] as Part).children[i] as Part);
    },
  };
}

/** What is part of no state. */
function plainAccessors(i: number): Accessors {
  return {
    get() {
      return this.$[i];
    },
    set(value) {
      this.$[i] = value;
    },
  };
}

/** One of each per place, so that records with the same fields have the same hidden class. */
const made = new Map<string, Accessors>();

function accessorsOf(kind: string, make: (i: number) => Accessors, i: number): Accessors {
  const name = `${kind}${i}`;
  let accessors = made.get(name);
  if (accessors === undefined) {
    accessors = make(i);
    made.set(name, accessors);
  }
  return accessors;
}

/** A name for each record schema: their objects share no hidden class, even if their first fields have the same names. */
const classes = new WeakMap<object, string>();
let classCount = 0;

function className(schema: object): string {
  let name = classes.get(schema);
  if (name === undefined) {
    name = `$${classCount++}`;
    classes.set(schema, name);
  }
  return name;
}

/** How a state is taken apart. */
export interface TrackOptions {
  readonly tracker: Tracker;
  /** Paths of lists that are stored as a whole although their elements could be parts: they grow, shrink or move. */
  readonly whole: ReadonlySet<string>;
  /** Takes each part. */
  found(part: Part): void;
}

/** What the part is that a schema without parts describes. */
function kindOf(composition: Composition | undefined): number {
  if (composition?.kind === 'thread') return PartKind.thread;
  if (composition?.kind !== 'list' || composition.of.word === 0) return PartKind.whole;
  return composition.counted ? PartKind.countedWords : PartKind.words;
}

/**
 * Makes `holder[key]` a state that notices what is done to it, of the same value, and returns the outermost part. Lists that
 * are stored as a whole are taken over as they are.
 */
export function track<T>(
  schema: Schema<T>,
  value: T,
  holder: unknown[],
  key: number,
  options: TrackOptions,
  path: readonly (string | number)[] = [],
): Part {
  const composition = compositionOf(schema);
  const name = pathName(path);
  if (composition?.kind === 'record') {
    return trackRecord(composition.fields, value as Record<string, unknown>, holder, key, options, path);
  }
  if (composition?.kind === 'list' && !options.whole.has(name)) {
    const { of } = composition;
    const kind = compositionOf(of)?.kind;
    if (kind === 'record' || kind === 'thread') {
      const part = new Part(PartKind.list, options.tracker, name, holder, key, undefined, []);
      const elements: unknown[] = [];
      part.object = kind === 'thread' ? threadList(elements as Thread[], part) : elements;
      holder[key] = part.object;
      (value as unknown[]).forEach((element, i) => {
        part.children.push(track(of, element, elements, i, options, [...path, i]));
      });
      return part;
    }
  }
  const part = new Part(kindOf(composition), options.tracker, name, holder, key, schema as Schema<unknown>, []);
  holder[key] = value;
  options.found(part);
  return part;
}

function trackRecord(
  fields: readonly (readonly [string, Schema<unknown>])[],
  value: Record<string, unknown>,
  holder: unknown[],
  key: number,
  options: TrackOptions,
  path: readonly (string | number)[],
): Part {
  const words = [0, ...fields.map(([, field]) => field.word)];
  const part = new Part(PartKind.record, options.tracker, pathName(path), holder, key, undefined, words);
  const store: Store = [part];
  const object = {};
  Object.defineProperty(object, className(fields), { value: 0 });
  Object.defineProperty(object, '$', { value: store, writable: true });
  part.children.push(undefined);
  fields.forEach(([name, field], index) => {
    const i = index + 1;
    let child: Part | undefined;
    let accessors: Accessors;
    store.push(0);
    if (field.omitted !== undefined) {
      store[i] = field.omitted();
      accessors = accessorsOf('plain', plainAccessors, i);
    } else if (field.word !== 0) {
      store[i] = value[name];
      accessors = accessorsOf('number', numberAccessors, i);
    } else {
      child = track(field, value[name], store, i, options, [...path, name]);
      const isRecord = compositionOf(field)?.kind === 'record';
      accessors = isRecord ? accessorsOf('record', recordAccessors, i) : accessorsOf('list', listAccessors, i);
    }
    part.children.push(child);
    Object.defineProperty(object, name, { ...accessors, enumerable: true, configurable: true });
  });
  part.object = object;
  holder[key] = object;
  options.found(part);
  return part;
}

/** @internal The error of a list that changes although its elements are stored by themselves. */
export class ListChanged extends InternalError {
  constructor(path: string) {
    super(path, 'has grown, shrunk or moved, but its elements are stored one by one');
  }
}
