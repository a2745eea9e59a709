import { describe, expect, it } from 'vitest';
import { resolveCosts } from '../../src/engine/costs.js';
import { call } from '../../src/engine/frames.js';
import { noHooks } from '../../src/engine/interpreter.js';
import { arm, cancel, costKey, expired, notify, readClock, send } from '../../src/engine/requests.js';
import { local, notation, shared } from '../../src/engine/routine.js';
import type { Machine, Processor } from '../../src/engine/state.js';
import { TimedRun } from '../../src/engine/timed.js';
import { lab } from './lab.js';

const { program, instruction, microcode, stage, glue, until } = notation<Machine, Processor>();
const step = 'lab-step';
const flight = costKey('lab-flight');
const nothing = () => undefined;

/** Computes for a number of cycles, then ends. */
const compute = program('lab-compute', () => ({ cycles: 100 }), [
  stage('compute', step, local, nothing, { work: (_m, _cpu, f) => f.cycles }),
]);
/** Sends message 5 at time 20. */
const sender = program('lab-sender', () => ({ to: 0 }), [
  stage('prepare', step, local, nothing),
  stage('send', step, shared, (m, _cpu, f) => {
    send(m, f.to, 5, flight);
  }),
]);
/** Waits until timer 0 is armed, as the other's sign. */
const waiter = program('lab-waiter', () => ({ interruptible: 0 }), [
  until('armed', step, (m) => m.timers[0]?.armed === 1, { channel: () => 0, line: () => 0 }),
]);
/** Arms timer 0 for a number of cycles and says so. */
const armer = program('lab-armer', () => ({ cycles: 100 }), [
  stage(
    'arm',
    step,
    shared,
    (m, _cpu, f) => {
      arm(m, 0, f.cycles);
      notify(m, 0);
    },
    { line: () => 0 },
  ),
]);

describe('a stage', () => {
  it('takes what it costs, and begins when the one before it has ended', () => {
    const { timed, lines, state } = lab([compute, sender], {}, [{ cycles: 15 }]);
    expect(timed.run()).toBe('quiescent');
    expect(lines).toEqual([
      'p1 sender.prepare 0-10',
      'p1 sends 5 to p0 20-50',
      'p1 sender.send 10-20',
      'p0 compute.compute 0-25',
      'p0 gets 5 at 50',
      'p0 woken by -1 at 50',
      'p0 handler.serve 50-60',
      'p0 handler.leave 60-70',
    ]);
    expect([timed.stages, state.timing.now]).toEqual([5, 70]);
  });

  it('must be declared shared to send, notify or arm a timer', () => {
    const liar = program('lab-liar', () => ({}), [
      stage('send', step, local, (m) => {
        send(m, 0, 1, flight);
      }),
    ]);
    expect(() => lab([liar]).timed.run()).toThrow('lab-liar.send: is declared local but sends');
  });

  it('must have a cost that the run has resolved', () => {
    const dear = program('lab-dear', () => ({}), [stage('a', 'lab-unresolved', local, nothing)]);
    expect(() => lab([dear]).timed.run()).toThrow("lab-dear.a: the cost key 'lab-unresolved' was not resolved");
    const far = program('lab-far', () => ({}), [
      stage('a', step, shared, (m) => {
        send(m, 0, 1, costKey('lab-unresolved-flight'));
      }),
    ]);
    expect(() => lab([far]).timed.run()).toThrow("lab-far.a: the cost key 'lab-unresolved-flight' was not resolved");
    expect(() => lab([compute], {}, [{ cycles: -1 }]).timed.run()).toThrow('lab-compute.compute: -1 is not a number');
  });

  it('pays for a cache line that another processor touched last', () => {
    const { timed, lines, state } = lab([armer, armer, armer]);
    timed.run({ time: 100 });
    // The first has it for nothing; the others take it from one another, 40 cycles away.
    expect(lines.filter((line) => line.includes('arm '))).toEqual([
      'p0 armer.arm 0-10',
      'p1 armer.arm 0-50',
      'p2 armer.arm 0-50',
    ]);
    expect(state.timing.lineOwner).toEqual([2]);
  });
});

describe('a work stage', () => {
  it('is cut by an interrupt, and the rest of it is done afterwards', () => {
    const { timed, lines } = lab([compute, sender]);
    timed.run();
    expect(lines.slice(3)).toEqual([
      'p0 gets 5 at 50',
      'p0 handler.serve 50-60',
      'p0 handler.leave 60-70',
      'p0 compute.compute 70-130',
    ]);
  });

  it('is not cut inside an instruction', () => {
    const long = instruction('lab-long', () => ({}), [], [stage('work', step, local, nothing, { work: () => 100 })]);
    const caller = program('lab-caller', () => ({}), [
      glue('call', (m, cpu) => {
        call(m, cpu, long);
      }),
    ]);
    const { timed, lines } = lab([caller, sender]);
    timed.run();
    expect(lines.slice(3)).toEqual([
      'p0 gets 5 at 50',
      'p0 long.work 0-110',
      'p0 handler.serve 110-120',
      'p0 handler.leave 120-130',
    ]);
  });
});

describe('a timer', () => {
  /** Arms timer 0, then computes. */
  const armThenCompute = program('lab-arm-then-compute', () => ({ cycles: 100 }), [
    stage('arm', step, shared, (m, _cpu, f) => {
      arm(m, 0, f.cycles, 1);
    }),
    stage('compute', step, local, nothing, { work: () => 200 }),
  ]);

  it('expires at its time, whatever interrupts come in between', () => {
    const { timed, lines } = lab([armThenCompute, sender]);
    timed.run();
    expect(lines).toEqual([
      'p0 arm-then-compute.arm 0-10',
      'p1 sender.prepare 0-10',
      'p1 sends 5 to p0 20-50',
      'p1 sender.send 10-20',
      'p0 gets 5 at 50',
      'p0 handler.serve 50-60',
      'p0 handler.leave 60-70',
      // The timer, at 10 + 100.
      'p0 handler.serve 110-120',
      'p0 handler.leave 120-130',
      'p0 arm-then-compute.compute 130-260',
    ]);
  });

  it('takes a new deadline when it is armed again, and none when it is cancelled', () => {
    const twice = (second: (m: Machine) => void, name: string) =>
      program(name, () => ({}), [
        stage('first', step, shared, (m) => {
          arm(m, 0, 20);
        }),
        stage('second', step, shared, (m) => {
          second(m);
        }),
        stage('compute', step, local, nothing, { work: () => 200 }),
      ]);
    const rearmed = lab([twice((m) => arm(m, 0, 99.5), 'lab-rearm')]);
    rearmed.timed.run();
    expect(rearmed.lines[2]).toBe('p0 handler.serve 120-130');
    expect(rearmed.machine.timers[0]).toEqual({ armed: 0, expired: 1, channel: -1 });
    const cancelled = lab([twice((m) => cancel(m, 0), 'lab-cancel')]);
    cancelled.timed.run();
    expect(cancelled.lines[2]).toBe('p0 cancel.compute 20-230');
    expect(cancelled.machine.timers[0]).toEqual({ armed: 0, expired: 0, channel: -1 });
  });

  it('armed for no time at all expires at once', () => {
    const { timed, lines } = lab([armThenCompute], {}, [{ cycles: 0 }]);
    timed.run();
    expect(lines[1]).toBe('p0 handler.serve 10-20');
  });

  it('wakes whoever waits on its channel', () => {
    const sleeper = program('lab-sleeper', () => ({}), [
      stage('arm', step, shared, (m) => {
        arm(m, 0, 25, 1);
      }),
      until('expired', step, (m) => expired(m, 0), { channel: () => 1 }),
    ]);
    const { timed, lines, machine } = lab([compute, sleeper]);
    (machine.processors[0] as Processor).masked = 1;
    timed.run();
    expect(lines).toEqual([
      'p1 sleeper.arm 0-10',
      'p1 woken by -1 at 35',
      'p1 sleeper.expired 35-45',
      'p0 compute.compute 0-110',
    ]);
  });

  it('can be cancelled ten thousand times without a trace', () => {
    const fickle = program('lab-fickle', () => ({ rounds: 0 }), [
      stage('arm', 'lab-none', shared, (m) => {
        arm(m, 0, 1_000_000);
      }),
      stage('cancel', 'lab-none', shared, (m) => {
        cancel(m, 0);
      }),
      glue('again', (_m, _cpu, f) => (++f.rounds < 10_000 ? 'arm' : undefined), { to: ['arm'] }),
    ]);
    const { timed, state } = lab([fickle, compute]);
    expect(timed.run({ time: 50 })).toBe('time');
    expect(timed.stages).toBe(20_000);
    expect(state.queue.size).toBeLessThan(200);
    expect(timed.run()).toBe('quiescent');
    expect(state.timing.now).toBe(110);
  });
});

describe('a wait', () => {
  it('ends when its channel is notified and its condition holds, and costs what it costs then', () => {
    const { timed, lines } = lab([armer, waiter]);
    timed.run({ time: 100 });
    // To see the line that the other has written takes 40 cycles more.
    expect(lines).toEqual(['p1 woken by 0 at 10', 'p0 armer.arm 0-10', 'p1 waiter.armed 10-60']);
  });

  it('takes a copy of its line: its processor pays to write it, and whoever looks again in vain has the line again', () => {
    const touch = program('lab-toucher', () => ({}), [
      until('armed', step, (m) => m.timers[0]?.armed === 1, { channel: () => 0, line: () => 0 }),
      stage('write', step, shared, nothing, { line: () => 0 }),
      stage('write-again', step, shared, nothing, { line: () => 0 }),
    ]);
    const writer = program('lab-writer', () => ({}), [
      stage(
        'write',
        step,
        shared,
        (m) => {
          notify(m, 0);
        },
        { line: () => 0 },
      ),
      stage(
        'arm',
        step,
        shared,
        (m) => {
          arm(m, 0, 1_000_000);
          notify(m, 0);
        },
        { line: () => 0 },
      ),
    ]);
    const { timed, lines } = lab([writer, touch]);
    timed.run({ time: 1000 });
    expect(lines).toEqual([
      'p0 writer.write 0-10',
      // The other looked again at 10, in vain: 40 cycles to take the line from it once more.
      'p1 woken by 0 at 60',
      'p0 writer.arm 10-60',
      'p1 toucher.armed 60-110',
      // A look is not ownership.
      'p1 toucher.write 110-160',
      'p1 toucher.write-again 160-170',
    ]);
  });

  it('is tested again when it should end, and goes on if somebody was faster', () => {
    const locker = program('lab-locker', () => ({}), [
      until('free', step, (m) => m.timers[0]?.channel === -1, { channel: () => 0 }),
      stage('take', 'lab-none', shared, (m) => {
        arm(m, 0, 1_000_000, 1);
      }),
      stage('hold', step, shared, nothing),
      stage('release', step, shared, (m) => {
        cancel(m, 0);
        (m.timers[0] as { channel: number }).channel = -1;
        notify(m, 0);
      }),
    ]);
    const { timed, lines } = lab([locker, locker]);
    timed.run();
    expect(lines).toEqual([
      'p0 locker.free 0-10',
      'p0 locker.take 10-10',
      'p0 locker.hold 10-20',
      'p1 woken by 0 at 30',
      'p0 locker.release 20-30',
      'p1 locker.free 30-40',
      'p1 locker.take 40-40',
      'p1 locker.hold 40-50',
      'p1 locker.release 50-60',
    ]);
  });

  it('is left for an interrupt that came while it was about to end, if it does not end after all', () => {
    // Processor 0 is woken at 50 and has until 60; the message comes at 50, and at 55 the condition is false again.
    const fickle = program('lab-fickle-armer', () => ({}), [
      stage('arm', step, shared, (m) => {
        send(m, 0, 5, flight);
      }),
      stage('wait', 'lab-none', shared, nothing, { work: () => 35 }),
      stage('notify', 'lab-none', shared, (m) => {
        arm(m, 0, 1000);
        notify(m, 0);
      }),
      stage('again', 'lab-none', shared, nothing, { work: () => 5 }),
      stage('cancel', 'lab-none', shared, (m) => {
        cancel(m, 0);
      }),
    ]);
    const idle = program('lab-idle', () => ({}), [
      until('armed', step, (m) => m.timers[0]?.armed === 1, { channel: () => 0 }),
    ]);
    for (const plain of [false, true]) {
      const { timed, lines } = lab([idle, fickle], { plain });
      timed.run();
      const mine = lines.filter((line) => line.startsWith('p0'));
      expect(mine).toEqual([
        'p0 gets 5 at 40',
        'p0 woken by -1 at 40',
        'p0 handler.serve 40-50',
        'p0 handler.leave 50-60',
      ]);
    }
  });

  it('that nobody was told of is found by a debug run', () => {
    const forgetful = program('lab-forgetful', () => ({}), [
      stage('arm', step, shared, (m) => {
        arm(m, 0, 100);
      }),
    ]);
    expect(() => lab([forgetful, waiter], { checkWaits: true }).timed.run()).toThrow(
      'lab-waiter.armed: processor 1 waits although the condition holds: its channel was not notified',
    );
    expect(lab([armer, waiter], { checkWaits: true }).timed.run({ time: 100 })).toBe('time');
  });
});

describe('the clock', () => {
  it('is read by the stage that asks, and found by the one after it', () => {
    const reader = program('lab-reader', () => ({ time: 0 }), [
      stage('read', step, local, (m) => {
        readClock(m);
      }),
      stage('note', step, local, (_m, _cpu, f, returned) => {
        f.time = returned;
      }),
      stage('stay', step, shared, nothing),
    ]);
    const { timed, machine } = lab([reader]);
    timed.run({ stages: 2 });
    expect(machine.threads[0]?.[0]?.locals).toEqual({ time: 10 });
  });
});

describe('a run', () => {
  const endless = program('lab-endless', () => ({}), [
    stage('again', step, local, nothing),
    glue('loop', () => 'again', { to: ['again'] }),
  ]);
  const spin = microcode('lab-spin', () => ({}), [stage('again', step, local, () => 'again', { to: ['again'] })]);

  it('stops at a time or after so many stages, even if a processor is alone, and goes on', () => {
    for (const routine of [endless, spin]) {
      const { timed, state } = lab([routine as typeof endless]);
      expect(timed.run({ time: 95 })).toBe('time');
      expect(timed.stages).toBe(9);
      expect(timed.run({ stages: 11 })).toBe('stages');
      expect(timed.stages).toBe(20);
      expect(timed.nextTime()).toBe(210);
      expect(state.queue.size).toBe(1);
    }
  });

  it('has no store buffers, which nothing would drain', () => {
    const { state, machine } = lab([compute]);
    machine.storeBuffers = 1;
    expect(
      () => new TimedRun(state, { hooks: noHooks, costs: resolveCosts({ lineTransfer: 0 }, []), distance: () => 0 }),
    ).toThrow('timed run: store buffers are for runs without time');
  });

  it('stops when it is told to', () => {
    const { timed } = lab([endless], {
      onStage: (_p, _stage, _start, end) => {
        if (end === 50) timed.stop();
      },
    });
    expect(timed.run()).toBe('stopped');
    expect(timed.stages).toBe(5);
  });

  it('can be taken event by event', () => {
    const { timed, lines } = lab([compute, sender]);
    expect(timed.nextTime()).toBe(0);
    expect(timed.step()).toBe(true);
    expect([lines, timed.nextTime()]).toEqual([['p1 sender.prepare 0-10'], 20]);
    while (timed.step());
    expect(timed.nextTime()).toBe(Number.POSITIVE_INFINITY);
    expect(timed.run()).toBe('quiescent');
  });
});
