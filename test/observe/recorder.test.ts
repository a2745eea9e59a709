import { describe, expect, it } from 'vitest';
import { recordKindOf } from '../../src/engine/records.js';
import { Record } from '../../src/hardware/records.js';
import { HostRecord } from '../../src/host/records.js';
import { KvmRecord } from '../../src/kvm/records.js';
import { cpuTimeOf } from '../../src/observe/cpu-time.js';
import { exitTotals } from '../../src/observe/exit-statistics.js';
import { createCounters, createRecorder, finishCounters, OtherTask } from '../../src/observe/recorder.js';

/** Counters after these records: time, processor, kind, a, b. */
function count(warmup: number, records: readonly (readonly [number, number, number, number?, number?])[]) {
  const tasks = [OtherTask.idle, OtherTask.idle, 0, 1, OtherTask.load];
  const counters = createCounters({ processors: 2, virtualCpus: 2, warmup, tasks });
  const record = createRecorder();
  for (const [time, processor, kind, a = 0, b = 0] of records) record(counters, time, processor, kind, a, b);
  return counters;
}

const { vmEntry, vmExit, iteration, ipiSent, delivered, coalesced, idle, hostInterrupt } = Record;

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
    expect(cpuTimeOf(counters, []).processors[0]).toMatchObject({ guest: 120, host: 100 });
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
    expect(cpuTimeOf(counters, []).processors[1]).toMatchObject({ guest: 10, host: 20 });
    expect([counters.sent, counters.delivered, counters.coalesced]).toEqual([1, 1, 1]);
  });

  it('have of a HLT what was polling, sleep, waiting for a processor, and work', () => {
    const counters = count(0, [
      [0, 0, HostRecord.schedIn, 2],
      [0, 0, vmEntry],
      [0, 1, HostRecord.schedIn, 4],
      [0, 1, iteration, 0, 1],
      [100, 0, vmExit, 12],
      [120, 0, KvmRecord.haltPoll, 0, 1],
      // An interrupt during polling is work.
      [130, 0, hostInterrupt, 236, 1],
      [145, 0, hostInterrupt, 236, 0],
      [160, 0, KvmRecord.haltPoll, 0, 0],
      [200, 0, HostRecord.schedOut, 2, 0],
      [200, 0, HostRecord.schedIn, 0],
      [210, 0, idle, 1, 1],
      [450, 1, HostRecord.wakeup, 2, 0],
      [480, 0, idle, 1, 0],
      [500, 0, HostRecord.schedOut, 0, 1],
      [500, 0, HostRecord.schedIn, 2],
      [560, 0, vmEntry],
      [600, 0, iteration, 0, 0],
    ]);
    finishCounters(counters);
    expect(exitTotals(counters.exits)).toEqual([
      {
        reason: 'HLT',
        count: 1,
        cycles: 460,
        min: 460,
        max: 460,
        stdev: 0,
        polling: 25,
        blocked: 250,
        waiting: 50,
        work: 135,
      },
    ]);
    const cpu = cpuTimeOf(counters, ['POLL', 'C1']);
    expect(cpu.processors).toEqual([
      { guest: 140, host: 165, haltPoll: 25, idle: 270, idleByState: { C1: 270 }, otherLoad: 0 },
      { guest: 0, host: 0, haltPoll: 0, idle: 0, idleByState: {}, otherLoad: 600 },
    ]);
    expect(cpu.vcpus[0]).toEqual({ guest: 140, host: 135, haltPoll: 25, blocked: 250, steal: 50 });
    expect([cpu.elapsed, cpu.otherLoad, cpu.steal]).toEqual([600, 600, 650]);
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
