import { flag, id, integer, list, record } from '../engine/schema-values.js';
import { linuxGuestSchema } from './linux/schema.js';

const count = integer(0, 2 ** 31 - 1);
const safe = integer(0, Number.MAX_SAFE_INTEGER);

/** What the machine has for guests. */
export const guestFields = {
  guests: list(
    record({
      ipiLock: count,
      ipiFunction: count,
      ipiData: count,
      ipiDone: count,
      ipiWait: count,
      activeCpus: count,
      line: count,
      doneChannel: count,
      handled: count,
      handledChannel: count,
      ipiMask: list(list(count)),
      processors: count,
      turn: count,
      faults: count,
      x2apic: flag,
      msrImmediate: flag,
      device: record({ timer: id('timers', -1), interval: safe, handled: safe, total: safe, line: flag }),
      timer: record({ program: count, interval: safe, count: safe, deadline: safe, expiries: safe, total: safe }),
      addressMode: integer(0, 2),
    }),
  ),
  linux: list(linuxGuestSchema),
} as const;
