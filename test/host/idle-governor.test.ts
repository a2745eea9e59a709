import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIdleHistory, reflectIdle, selectIdleState, typicalInterval } from '../../src/host/idle-governor.js';
import { FairClass, IdleGovernor, IdleMode, type SchedulerOptions, WakeList } from '../../src/host/machine.js';

// Microseconds: POLL, C1, C1E, C6.
const states = [
  { exitLatency: 0, targetResidency: 0 },
  { exitLatency: 0, targetResidency: 2 },
  { exitLatency: 8, targetResidency: 20 },
  { exitLatency: 131, targetResidency: 600 },
];
const options: SchedulerOptions = {
  ...{ fairClass: FairClass.cfs, latency: 1, minGranularity: 1, wakeupGranularity: 1, baseSlice: 1 },
  ...{ wakeupPreemption: 1, idleMode: IdleMode.mwait, governor: IdleGovernor.menu, wakeList: WakeList.idleToo },
  ...{ tick: 4000, idlePollMax: 200 },
};

/** The states chosen over and over by a processor that is idle for these times. */
function chosen(times: readonly number[], governor: number): number[] {
  const own = { ...options, governor };
  const history = createIdleHistory(states.length);
  return times.map((time) => {
    history.state = selectIdleState(states, history, own);
    reflectIdle(states, history, own, time);
    return history.state;
  });
}

const repeat = (time: number): number[] => new Array<number>(64).fill(time);

describe.each([
  ['menu', IdleGovernor.menu],
  ['teo', IdleGovernor.teo],
])('%s', (_, governor) => {
  test.each([
    ['short times need the lightest state', 5, 1],
    ['longer ones a deeper', 100, 2],
    ['long ones the deepest', 3000, 3],
  ])('%s', (_name, time, state) => {
    expect(chosen(repeat(time), governor).at(-1)).toBe(state);
  });

  test('never chooses the state that polls, nor one that does not exist', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 50 }), (times) => {
        for (const state of chosen(times, governor)) expect(state >= 1 && state < states.length).toBe(true);
      }),
    );
  });
});

test('haltpoll polls once its window is open, and halts after a time-out', () => {
  const history = createIdleHistory(states.length);
  const own = { ...options, governor: IdleGovernor.haltpoll };
  expect(selectIdleState(states, history, own)).toBe(1);
  history.state = 1;
  reflectIdle(states, history, own, 100);
  expect(history.window).toBe(50);
  expect(selectIdleState(states, history, own)).toBe(0);
  history.state = 0;
  history.timedOut = 1;
  expect(selectIdleState(states, history, own)).toBe(1);
});

test('a typical interval leaves out what is far longer than the rest', () => {
  expect(typicalInterval([10, 10, 10, 10, 10, 10, 10, 5000])).toBe(10);
  expect(typicalInterval([1, 4000, 20, 3000, 7, 2500, 900, 5000])).toBe(Number.POSITIVE_INFINITY);
});
