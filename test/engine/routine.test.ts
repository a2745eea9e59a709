import { describe, expect, it } from 'vitest';
import {
  done,
  findRoutine,
  flowChart,
  local,
  notation,
  shared,
  stageName,
  stageNumber,
} from '../../src/engine/routine.js';
import type { Machine, Processor } from '../../src/engine/state.js';

const { program, microcode, stage, glue, until } = notation<Machine, Processor>();

const loop = program('notation-loop', () => ({ rounds: 0 }), [
  stage('work', 'step', local, (_m, _cpu, f) => {
    f.rounds++;
  }),
  glue('again', (_m, _cpu, f) => (f.rounds < 3 ? 'work' : undefined), { to: ['work'] }),
  until('free', 'step', () => true, { channel: () => -1 }),
]);

describe('a routine', () => {
  it('is found by its name, its stages by theirs', () => {
    expect(findRoutine('notation-loop')).toBe(loop);
    expect(findRoutine('notation-lost')).toBeUndefined();
    expect(stageNumber('notation-loop.again')).toBe(loop.entry + 1);
    expect(stageNumber('notation-loop.end')).toBe(loop.entry + 3);
    expect(stageNumber('notation-loop.lost')).toBe(-1);
    expect(stageNumber('notation-lost.work')).toBe(-1);
    expect(stageName(loop.entry)).toBe('notation-loop.work');
    expect(stageName(loop.entry + 3)).toBe('notation-loop.end');
    expect(stageName(-7)).toBe('stage -7');
  });

  it('has a flow chart', () => {
    expect(flowChart(loop as never)).toEqual([
      { stage: 'work', to: ['again'] },
      { stage: 'again', to: ['free', 'work'] },
      { stage: 'free', to: ['end'] },
    ]);
  });

  it('is refused if a name is taken or a stage to go to does not exist', () => {
    const nothing = () => undefined;
    expect(() => program('notation-loop', () => ({}), [])).toThrow('notation-loop: a routine of this name');
    const twice = [stage('a', 'step', local, nothing), stage('a', 'step', local, nothing)];
    expect(() => microcode('notation-twice', () => ({}), twice)).toThrow('notation-twice.a: two stages');
    const end = [stage('end', 'step', local, nothing)];
    expect(() => microcode('notation-end', () => ({}), end)).toThrow('notation-end.end');
    const lost = [stage('a', 'step', local, nothing, { to: ['b'] })];
    expect(() => microcode('notation-lost', () => ({}), lost)).toThrow(
      "notation-lost.a: there is no stage 'b' to go to",
    );
    expect(findRoutine('notation-lost')).toBeUndefined();
  });
});

describe('the types of the notation', () => {
  it('refuse a goto to a stage that is not listed, or that the routine does not have', () => {
    // @ts-expect-error 'c' is not in `to`
    stage('a', 'step', shared, () => 'c', { to: ['b'] });
    // @ts-expect-error nothing is listed
    stage('a', 'step', shared, () => 'b');
    // @ts-expect-error 'c' is not in `to`
    glue('a', () => 'c', { to: ['b'] });
    stage('a', 'step', shared, () => 'b', { to: ['b'] });
    stage('a', 'step', shared, () => done);
    stage('a', 'step', shared, () => 5);
  });

  it('refuse locals that the routine does not have', () => {
    const wrong = () =>
      program('notation-never', () => ({ x: 0 }), [
        stage('a', 'step', local, (_m, _cpu, f) => {
          // @ts-expect-error there is no y
          f.y = 1;
        }),
      ]);
    expect(wrong).not.toThrow();
  });
});
