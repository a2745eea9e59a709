import { describe, expect, test } from 'vitest';
import { InternalError } from '../../src/engine/errors.js';
import { call } from '../../src/engine/frames.js';
import { type Routine, shared } from '../../src/engine/routine.js';
import type { Frame } from '../../src/engine/state.js';
import type { VmexitTestName } from '../../src/guest/vmexit.js';
import { addTask } from '../../src/host/create-host.js';
import { currentTask, TaskState } from '../../src/host/machine.js';
import { schedule } from '../../src/host/schedule.js';
import { kvm } from '../../src/kvm/machine.js';
import { restoreVcpu, saveVcpu } from '../../src/kvm/migrate.js';
import { pauseAllVcpus } from '../../src/kvm/pause.js';
import type { SystemRun } from '../../src/scenarios/run.js';
import type { ScenarioInput } from '../../src/scenarios/schema.js';
import { checkedRun } from './run-machine.js';

const { program, stage, glue } = kvm;

/** The monitor's migration thread: after a while it stops the VM. */
const migrationThread = program('test_migration_thread', () => ({ after: 0 }), [
  stage('pause', 'userspaceExit', shared, () => {}, { work: (_m, _cpu, f) => f.after }),
  glue('pause_all_vcpus', (m, cpu) => {
    call(m, cpu, pauseAllVcpus);
  }),
  stage('exit', 'userspaceExit', shared, (m, cpu) => {
    currentTask(m, cpu.id).state = TaskState.interruptible;
    call(m, cpu, schedule);
  }),
]);

const features = {
  none: { apicv: false },
  apicv: { ipiVirtualization: false },
  ipiv: { ipiVirtualization: true },
  avic: { avic: true },
  svm: { avic: false },
} as const;
type Machine = keyof typeof features;

const iterations = 40;

function scenario(machine: Machine, name: VmexitTestName): ScenarioInput {
  return {
    topology: { coresPerSocket: 3 },
    vms: [{ features: features[machine], pinning: [0, 1] }],
    workload: { kind: 'vmexit', test: name, targetIdle: 'hlt', iterations, warmup: 0 },
    jitter: 0.2,
  };
}

/** Runs until the VM has stopped, which it is told `after` so many cycles. */
function stopped(machine: Machine, name: VmexitTestName, after: number): SystemRun {
  const { run } = checkedRun(scenario(machine, name));
  const task = addTask(run.state.machine, migrationThread as unknown as Routine, { allowed: [2] });
  const frame = run.state.machine.threads[run.state.machine.tasks[task]?.thread ?? -1]?.[0] as Frame;
  frame.locals['after'] = after;
  run.run({ time: after + 100_000 });
  return run;
}

/** Iterations that are done in the end, and how many were when the VM moved. */
function migrate(from: Machine, to: Machine, name: VmexitTestName, after: number): { before: number; done: number } {
  const source = stopped(from, name, after);
  const { run } = checkedRun(scenario(to, name));
  const { machine, timing, observers } = run.state;
  source.state.machine.vcpus.forEach((vcpu, index) => {
    const own = machine.vcpus[index];
    if (own !== undefined) restoreVcpu(machine, own, saveVcpu(source.state.machine, vcpu, source.state.timing.now));
  });
  // The guest's memory and its time-stamp counter go with it.
  Object.assign(machine.guests[0] ?? {}, source.state.machine.guests[0]);
  timing.now = source.state.timing.now;
  const { since, outBy } = observers;
  Object.assign(observers, structuredClone(source.state.observers), { since, outBy });
  const before = observers.iterations.length;
  run.run({ time: timing.now + 2_000_000 });
  return { before, done: observers.iterations.length };
}

describe('a VM goes to another machine while it sends interrupts', () => {
  const ways: [Machine, Machine][] = [
    ['ipiv', 'none'],
    ['none', 'ipiv'],
    ['apicv', 'ipiv'],
    ['ipiv', 'apicv'],
  ];
  for (const [from, to] of ways) {
    test.each(['ipi', 'ipi_halt', 'tscdeadline', 'self_ipi_tpr'] as const)(
      `${from} to ${to}: %s loses nothing`,
      (name) => {
        // At many moments: between the posting of an IPI and its delivery, in the handler, asleep.
        let midway = 0;
        for (let after = 20_000; after < 60_000; after += 1733) {
          const { before, done } = migrate(from, to, name, after);
          expect(done, `stopped after ${after}`).toBe(iterations);
          if (before < iterations) midway++;
        }
        expect(midway).toBeGreaterThan(5);
      },
    );
  }
});

test('a virtual CPU that runs cannot be saved', () => {
  const { run } = checkedRun(scenario('ipiv', 'ipi'));
  run.run({ time: 30_000 });
  const [vcpu] = run.state.machine.vcpus;
  expect(() => vcpu && saveVcpu(run.state.machine, vcpu, 0)).toThrow(InternalError);
});

describe('what else a virtual CPU takes along', () => {
  const total = 24;
  const input = (machine: Machine, workload: object): ScenarioInput => ({
    profile: machine === 'avic' || machine === 'svm' ? 'epyc' : 'sapphire-rapids',
    topology: { coresPerSocket: 3 },
    host: { haltPollNs: 0 },
    vms: [{ features: features[machine], pinning: [0, 1] }],
    workload: { iterations: total, warmup: 0, ...workload } as ScenarioInput['workload'],
    jitter: 0.2,
  });

  function move(from: Machine, to: Machine, workload: object, after: number): { before: number; done: number } {
    const { run: source } = checkedRun(input(from, workload));
    const task = addTask(source.state.machine, migrationThread as unknown as Routine, { allowed: [2] });
    const frame = source.state.machine.threads[source.state.machine.tasks[task]?.thread ?? -1]?.[0] as Frame;
    frame.locals['after'] = after;
    // Leaving a deep C-state takes its time.
    source.run({ time: after + 2_000_000 });
    const { run } = checkedRun(input(to, workload));
    const { machine, timing, observers } = run.state;
    const now = source.state.timing.now;
    source.state.machine.vcpus.forEach((vcpu, index) => {
      const own = machine.vcpus[index];
      if (own !== undefined) restoreVcpu(machine, own, saveVcpu(source.state.machine, vcpu, now));
    });
    Object.assign(machine.guests[0] ?? {}, source.state.machine.guests[0]);
    timing.now = now;
    observers.iterations = [...source.state.observers.iterations];
    observers.began = source.state.observers.began;
    const before = observers.iterations.length;
    run.run({ time: now + 40_000_000 });
    return { before, done: observers.iterations.length };
  }

  const ways: [Machine, Machine][] = [
    ['ipiv', 'none'],
    ['none', 'ipiv'],
    ['avic', 'svm'],
    ['svm', 'avic'],
  ];
  const workloads: [string, object][] = [
    ['a deadline, halted', { kind: 'timers', program: 'tscdeadline_latency', intervalNs: 20_000 }],
    ['a deadline, spinning', { kind: 'timers', program: 'tscdeadline_latency', intervalNs: 20_000, idle: 'loop' }],
    ['a sleeping thread', { kind: 'timers', program: 'cyclictest', intervalNs: 30_000 }],
    ['a periodic count', { kind: 'timers', program: 'periodic', intervalNs: 250_000 }],
    ['NMIs', { kind: 'nmi', targetIdle: 'hlt' }],
  ];
  for (const [from, to] of ways) {
    test.each(workloads)(`${from} to ${to}: %s`, (name, workload) => {
      const step = name === 'NMIs' ? 3301 : name === 'a periodic count' ? 300_007 : 40_009;
      let midway = 0;
      for (let n = 1; n <= 10; n++) {
        const { before, done } = move(from, to, workload, 8_000 + n * step);
        expect(done, `stopped after ${8_000 + n * step}`).toBe(total);
        if (before < total) midway++;
      }
      expect(midway).toBeGreaterThan(4);
    });
  }
});
