/** The numbers that a routine works with: its operands, its working registers, its result. */
export type Locals = Record<string, number>;

/** Any object type whose properties are numbers: what the locals of a particular routine are. */
export type Numbers<L> = { [Name in keyof L]: number };

/**
 * One activation of a routine. In memory `at` is the number of the stage that runs next; a saved frame names its routine
 * and stage instead (what `saveRun` does), so nothing depends on the order in which routines were registered.
 */
export interface Frame {
  /** Number of the next stage. */
  at: number;
  /** What the routine called last returned (0 before the first return). */
  value: number;
  /** Cycles left of a work stage that was cut by an interrupt; 0 if none was. Belongs to the timing part of the state. */
  left: number;
  /** 1 if an event put the frame there: what it returns does not reach the interrupted frame. */
  event: number;
  locals: Locals;
}

/** A thread of control: a stack of frames, the running one last. A host task has one, a vCPU's guest context has one. */
export type Thread = Frame[];

/** A logical processor, as far as the engine knows it. Rooms above add their own fields. */
export interface Processor {
  /** Index in {@link Machine.processors}. */
  id: number;
  /** The thread it executes, an index in {@link Machine.threads}. */
  thread: number;
  /** Not 0 while there may be an event to recognise: the engine then asks {@link Hooks.recognise} at each boundary. */
  attention: number;
  /** 1 while no event can be recognised at a stage boundary of a program (in root mode: interrupts disabled). */
  masked: number;
  /** Instruction boundaries until an STI or MOV SS shadow ends; 0 if there is none. */
  shadow: number;
  /** Messages (interrupts) sent to this processor that have not arrived. What a number means is the sender's business. */
  inFlight: number[];
  /** Plain stores that have not become visible: location, index, value, …, oldest first. Empty unless stores are buffered. */
  storeBuffer: number[];
}

/** A timer. Its deadline is in the timing part of the state: effects ask whether it has expired, never what time it is. */
export interface Timer {
  armed: number;
  expired: number;
  /** Channel whose waiters test their conditions when it expires; -1 for none. */
  channel: number;
}

/**
 * What effects ask of whoever runs them: notifications, messages, timers, observations, as numbers. Filled by the functions
 * of `requests.ts`, emptied after every stage; empty whenever a state is looked at.
 */
export interface Requests {
  count: number;
  words: number[];
}

/** The part of the state that software and hardware could observe. Rooms above add their own fields. */
export interface Machine {
  processors: Processor[];
  threads: Thread[];
  timers: Timer[];
  /** 1 if plain stores go through the processors' store buffers (explored runs only). */
  storeBuffers: number;
  requests: Requests;
}

/** An empty request list. */
export function emptyRequests(): Requests {
  return { count: 0, words: [] };
}

/**
 * A processor that executes `thread` and has nothing pending. A machine whose processors have more fields does better to write each as one
 * literal with all of them: spread into another object, this gives each processor a hidden class of its own, and a stage then takes
 * two to four times as long.
 */
export function createProcessor(id: number, thread: number): Processor {
  return { id, thread, attention: 0, masked: 0, shadow: 0, inFlight: [], storeBuffer: [] };
}

/** A timer that is not armed. */
export function createTimer(): Timer {
  return { armed: 0, expired: 0, channel: -1 };
}
