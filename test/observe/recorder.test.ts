import { describe, expect, it } from 'vitest';
import { recordKindOf } from '../../src/engine/records.js';
import { Record } from '../../src/hardware/records.js';
import { exitTotals } from '../../src/observe/exit-statistics.js';
import { createCounters, createRecorder, finishCounters } from '../../src/observe/recorder.js';

/** Counters after these records: time, processor, kind, a, b. */
function count(warmup: number, records: readonly (readonly [number, number, number, number?, number?])[]) {
  const counters = createCounters(2, warmup);
  const record = createRecorder();
  for (const [time, processor, kind, a = 0, b = 0] of records) record(counters, time, processor, kind, a, b);
  return counters;
}

const { vmEntry, vmExit, iteration, ipiSent, delivered, coalesced } = Record;

describe('counters', () => {
  it('have the cycles of each iteration after the warm-up', () => {
    const { iterations, began, ended } = count(1, [
      [100, 0, iteration, 0, 1],
      [150, 0, iteration, 0, 0],
      [150, 0, iteration, 1, 1],
      [210, 0, iteration, 1, 0],
      [210, 0, iteration, 2, 1],
      [290, 0, iteration, 2, 0],
    ]);
    expect({ iterations, began, ended }).toEqual({ iterations: [60, 80], began: 150, ended: 290 });
  });

  it('have exits by reason, from exit to entry, and the cycles in guest and host', () => {
    const counters = count(0, [
      [0, 0, vmEntry],
      [10, 0, iteration, 0, 1],
      [40, 0, vmExit, 32],
      [100, 0, vmEntry],
      [150, 0, vmExit, 32],
      [170, 0, vmEntry],
      [180, 0, vmExit, 1],
      [200, 0, vmEntry],
      [230, 0, iteration, 0, 0],
    ]);
    finishCounters(counters);
    expect(
      exitTotals(counters.exits).map(({ reason, count: times, cycles, min, max }) => [reason, times, cycles, min, max]),
    ).toEqual([
      ['MSR_WRITE', 2, 80, 20, 60],
      ['EXTERNAL_INTERRUPT', 1, 20, 20, 20],
    ]);
    expect([counters.guestCycles, counters.hostCycles]).toEqual([120, 100]);
    expect(counters.guestCycles + counters.hostCycles).toBe(counters.ended - counters.began);
  });

  it('do not have what came before the first iteration that counts, but the part of an exit that reaches into it', () => {
    const counters = count(0, [
      [0, 1, vmEntry],
      [10, 0, ipiSent],
      [20, 1, vmExit, 1],
      [50, 0, iteration, 0, 1],
      [60, 0, ipiSent],
      [70, 1, vmEntry],
      [70, 1, delivered],
      [75, 0, coalesced],
      [80, 0, iteration, 0, 0],
    ]);
    finishCounters(counters);
    expect(exitTotals(counters.exits)[0]).toMatchObject({ reason: 'EXTERNAL_INTERRUPT', cycles: 20 });
    expect([counters.guestCycles, counters.hostCycles]).toEqual([10, 20]);
    expect([counters.sent, counters.delivered, counters.coalesced]).toEqual([1, 1, 1]);
  });

  it('are as they were if nothing counted', () => {
    const counters = count(5, [[0, 0, vmEntry]]);
    const before = structuredClone(counters);
    finishCounters(counters);
    expect(counters).toEqual(before);
  });

  it('rest on kinds of record that exist', () => {
    expect(recordKindOf(vmExit)).toMatchObject({ name: 'vm-exit', fields: ['reason', 'qualification'] });
  });
});
