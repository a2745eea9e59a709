import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createQueue,
  type EventQueue,
  popEvent,
  purgeQueue,
  pushEvent,
  replaceTop,
  secondTime,
} from '../../src/engine/queue.js';

interface Event {
  time: number;
  sequence: number;
  event: number;
}

/** The law of the order, as plainly as it can be said. */
function byLaw(a: Event, b: Event): number {
  if (a.time !== b.time) return a.time - b.time;
  if (a.event < 0 || b.event < 0) {
    if (a.event >= 0) return 1;
    if (b.event >= 0) return -1;
    return a.sequence - b.sequence;
  }
  return a.event - b.event || a.sequence - b.sequence;
}

function top({ time, sequence, event }: EventQueue): Event {
  return { time: time[0] as number, sequence: sequence[0] as number, event: event[0] as number };
}

function drainAll(queue: EventQueue): Event[] {
  const events: Event[] = [];
  for (; queue.size > 0; popEvent(queue)) events.push(top(queue));
  return events;
}

describe('the event queue', () => {
  it('orders by time; at one time other events go before processors, in the order in which they were asked for', () => {
    const queue = createQueue();
    pushEvent(queue, 20, 1);
    pushEvent(queue, 10, 3);
    pushEvent(queue, 10, -2);
    pushEvent(queue, 10, 0);
    pushEvent(queue, 10, -1);
    expect(drainAll(queue).map(({ time, event }) => [time, event])).toEqual([
      [10, -2],
      [10, -1],
      [10, 0],
      [10, 3],
      [20, 1],
    ]);
  });

  it('does whatever a sorted list does', () => {
    const time = fc.nat(6);
    const event = fc.integer({ min: -4, max: 4 });
    const operation = fc.oneof(
      fc.record({ op: fc.constant('push' as const), time, event }),
      fc.record({ op: fc.constant('replace' as const), time, event }),
      fc.record({ op: fc.constant('pop' as const) }),
      fc.record({ op: fc.constant('purge' as const), event }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const queue = createQueue();
        let model: Event[] = [];
        let next = 1;
        const add = (at: number, what: number): number => {
          model.push({ time: at, sequence: next, event: what });
          model.sort(byLaw);
          return next++;
        };
        for (const operation of operations) {
          if (operation.op === 'push') {
            const sequence = pushEvent(queue, operation.time, operation.event);
            expect(sequence).toBe(add(operation.time, operation.event));
          } else if (operation.op === 'purge') {
            purgeQueue(queue, (kept, sequence) => kept !== operation.event && sequence % 5 !== 0);
            model = model.filter((kept) => kept.event !== operation.event && kept.sequence % 5 !== 0);
          } else if (model.length > 0) {
            model.shift();
            if (operation.op === 'pop') popEvent(queue);
            else {
              const sequence = replaceTop(queue, operation.time, operation.event);
              expect(sequence).toBe(add(operation.time, operation.event));
            }
          }
          expect(queue.size).toBe(model.length);
          if (model.length > 0) expect(top(queue)).toEqual(model[0]);
          expect(secondTime(queue)).toBe(model[1]?.time ?? Number.POSITIVE_INFINITY);
        }
        expect(drainAll(queue)).toEqual(model);
      }),
    );
  });

  it('takes a sorted list for a heap', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.integer({ min: -9, max: 9 }))), (pairs) => {
        const sorted = pairs.map(([time, event], i) => ({ time, event, sequence: i + 1 })).sort(byLaw);
        const queue: EventQueue = {
          size: sorted.length,
          next: sorted.length + 1,
          time: sorted.map(({ time }) => time),
          sequence: sorted.map(({ sequence }) => sequence),
          event: sorted.map(({ event }) => event),
        };
        expect(drainAll(queue)).toEqual(sorted);
      }),
    );
  });
});
