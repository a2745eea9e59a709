/**
 * The event queue as plain data: a binary heap in three parallel arrays. An event is a number: 0 and above for a processor (its
 * id), below 0 for anything else. Order: time; then anything else before processors, by sequence; then processors by id. So
 * the order of equal times depends only on what was asked for, not on how many stages the engine took in one go. Events are
 * cancelled by their owner, who knows the sequence number of the one that counts. The arrays never shrink.
 */
export interface EventQueue {
  size: number;
  /** Sequence number of the next event. */
  next: number;
  time: number[];
  sequence: number[];
  event: number[];
}

/** An empty queue. */
export function createQueue(): EventQueue {
  return { size: 0, next: 1, time: [], sequence: [], event: [] };
}

/** @internal True if the event (at the same time as the other) goes first. */
export function before(event: number, sequence: number, otherEvent: number, otherSequence: number): boolean {
  if (event >= 0) return otherEvent >= 0 && (event < otherEvent || (event === otherEvent && sequence < otherSequence));
  return otherEvent >= 0 || sequence < otherSequence;
}

/** Adds an event; returns its sequence number. */
export function pushEvent(queue: EventQueue, time: number, event: number): number {
  const sequence = queue.next++;
  const { time: times, sequence: sequences, event: events } = queue;
  let hole = queue.size++;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    const parentTime = times[parent] as number;
    if (parentTime < time) break;
    if (parentTime === time && before(events[parent] as number, sequences[parent] as number, event, sequence)) break;
    times[hole] = parentTime;
    sequences[hole] = sequences[parent] as number;
    events[hole] = events[parent] as number;
    hole = parent;
  }
  times[hole] = time;
  sequences[hole] = sequence;
  events[hole] = event;
  return sequence;
}

/** Replaces the first event by another; returns its sequence number. Cheaper than pop and push. */
export function replaceTop(queue: EventQueue, time: number, event: number): number {
  const sequence = queue.next++;
  siftDown(queue, 0, time, sequence, event);
  return sequence;
}

/** Removes the first event. */
export function popEvent(queue: EventQueue): void {
  const last = --queue.size;
  if (last > 0) {
    siftDown(queue, 0, queue.time[last] as number, queue.sequence[last] as number, queue.event[last] as number);
  }
}

/** The time of the event that would be first if the first were gone, or Infinity. */
export function secondTime(queue: EventQueue): number {
  const { size, time } = queue;
  if (size < 2) return Number.POSITIVE_INFINITY;
  const a = time[1] as number;
  if (size === 2) return a;
  const b = time[2] as number;
  return a < b ? a : b;
}

/** Removes every event for which `keep` is false; the order of the rest does not change. */
export function purgeQueue(queue: EventQueue, keep: (event: number, sequence: number) => boolean): void {
  const { time, sequence, event } = queue;
  let size = 0;
  for (let i = 0; i < queue.size; i++) {
    if (!keep(event[i] as number, sequence[i] as number)) continue;
    time[size] = time[i] as number;
    sequence[size] = sequence[i] as number;
    event[size] = event[i] as number;
    size++;
  }
  queue.size = size;
  for (let i = (size >> 1) - 1; i >= 0; i--) {
    siftDown(queue, i, time[i] as number, sequence[i] as number, event[i] as number);
  }
}

function siftDown(queue: EventQueue, start: number, time: number, sequence: number, event: number): void {
  const { size, time: times, sequence: sequences, event: events } = queue;
  let hole = start;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= size) break;
    let childTime = times[child] as number;
    const right = child + 1;
    if (right < size) {
      const rightTime = times[right] as number;
      if (
        rightTime < childTime ||
        (rightTime === childTime &&
          before(
            events[right] as number,
            sequences[right] as number,
            events[child] as number,
            sequences[child] as number,
          ))
      ) {
        child = right;
        childTime = rightTime;
      }
    }
    if (childTime > time) break;
    if (childTime === time && before(event, sequence, events[child] as number, sequences[child] as number)) break;
    times[hole] = childTime;
    sequences[hole] = sequences[child] as number;
    events[hole] = events[child] as number;
    hole = child;
  }
  times[hole] = time;
  sequences[hole] = sequence;
  events[hole] = event;
}
