import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordKindOf } from '../../../src/engine/records.js';
import type { LinuxGuest } from '../../../src/guest/linux/state.js';
import { createRecorder } from '../../../src/observe/recorder.js';
import { createMachine, restoreMachine } from '../../../src/scenarios/machine.js';
import { createRun, runScenario, type SystemRun } from '../../../src/scenarios/run.js';
import { type MachineInput, parseMachine, type ScenarioInput } from '../../../src/scenarios/schema.js';

// What must hold of every Linux guest, whatever it runs, however it idles and wherever its CPUs are.

const idles = fc.constantFrom('hlt', 'poll', 'mwait', 'haltpoll') as fc.Arbitrary<
  'hlt' | 'poll' | 'mwait' | 'haltpoll'
>;
const kernels = fc.constantFrom('5.4', '6.1') as fc.Arbitrary<'5.4' | '6.1'>;
const haltPolls = fc.constantFrom(0, 3000, 200_000);

const workloads = fc.oneof(
  fc.record({
    kind: fc.constant('smp-call-function' as const),
    to: fc.constantFrom('all' as const, 'same-node' as const, [1], [1, 3]),
    wait: fc.boolean(),
    thinkNs: fc.constantFrom(0, 700, 5000),
  }),
  fc.record({
    kind: fc.constant('ipi-bench' as const),
    row: fc.constantFrom('self' as const, 'normal' as const, 'broadcast' as const, 'broadcast-lock' as const),
  }),
  fc.record({ kind: fc.constant('ipi-ping-pong' as const), to: fc.constantFrom('all' as const, [2]) }),
  fc.record({
    kind: fc.constant('request-response' as const),
    server: fc.constantFrom(1, 3),
    serviceNs: fc.constantFrom(0, 3000),
  }),
  fc.record({
    kind: fc.constant('tlb-shootdown' as const),
    targets: fc.constantFrom('running' as const, 'idle' as const),
    freedTables: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('mix' as const), idle: fc.constantFrom(0, 0.5, 0.9), workNs: fc.constant(3000) }),
);

const machines = fc
  .record({
    workload: workloads,
    guestIdle: idles,
    guestKernel: kernels,
    haltPollNs: haltPolls,
    apicv: fc.boolean(),
    paravirtual: fc.boolean(),
    cluster: fc.boolean(),
    seed: fc.integer({ min: 0, max: 1000 }),
    jitter: fc.constantFrom(0, 0.4),
  })
  .map(
    ({ workload, guestIdle, guestKernel, haltPollNs, apicv, paravirtual, cluster, seed, jitter }): MachineInput => ({
      topology: { sockets: 2, coresPerSocket: 2 },
      host: { haltPollNs },
      vms: [
        {
          vcpus: 4,
          guestIdle,
          guestKernel,
          logicalMode: cluster ? 'cluster' : 'physical',
          // A guest that is offered MWAIT does not use the hypervisor's shootdowns.
          features: { apicv, pvIpi: paravirtual, pvTlbFlush: paravirtual && guestIdle !== 'mwait' },
          disableExits: guestIdle === 'mwait' ? ['mwait'] : [],
        },
      ],
      workload: { ...workload, iterations: 6, warmup: 2 },
      seed,
      jitter,
    }),
  );

/** The csds that are in a queue or taken off it, as `caller/slot/target`. */
function queued({ cpus }: LinuxGuest): string[] {
  const found: string[] = [];
  cpus.forEach(({ queue, batch }, target) => {
    for (const list of [queue, batch]) {
      for (let i = 0; i < list.length; i += 3) {
        const tag = list[i] as number;
        found.push(`${tag >>> 3}/${tag & 3}/${(tag & 3) === 2 ? target : ''}`);
      }
    }
  });
  return found;
}

function lockedOf({ cpus }: LinuxGuest): Set<string> {
  const found = new Set<string>();
  cpus.forEach(({ stackLocked, dataLocked, cfdLocked }, caller) => {
    if (stackLocked === 1) found.add(`${caller}/0/`);
    if (dataLocked === 1) found.add(`${caller}/1/`);
    cfdLocked.forEach((locked, target) => {
      if (locked === 1) found.add(`${caller}/2/${target}`);
    });
  });
  return found;
}

interface Ran {
  /** How often the function of an iteration ran, by iteration and virtual CPU. */
  readonly times: Map<string, number>;
  readonly run: SystemRun;
  /** For each iteration that ended: what had run of it by then. */
  readonly byEnd: number[];
}

/** Runs a machine and looks at the csds after every stage. */
function check(input: MachineInput): Ran {
  const config = parseMachine(input);
  const count = createRecorder();
  const iteration = recordKindOf('iteration').number;
  const arrived = recordKindOf('call-arrived').number;
  const times = new Map<string, number>();
  const byEnd: number[] = [];
  const run: SystemRun = createRun(config, config.seed, {
    plain: true,
    checkWaits: true,
    observe: (counters, time, processor, kind, a, b) => {
      count(counters, time, processor, kind, a, b);
      if (kind === arrived) times.set(`${b}/${a}`, (times.get(`${b}/${a}`) ?? 0) + 1);
      if (kind === iteration && b === 0) {
        byEnd[a] = [...times.keys()].filter((key) => key.startsWith(`${a}/`)).length;
        if (counters.closed >= 0) run.stop();
      }
    },
    onStage: (_processor, stage) => {
      const guest = run.state.machine.linux[0] as LinuxGuest;
      const entries = queued(guest);
      if (new Set(entries).size !== entries.length) throw new Error(`${stage.name}: a csd is queued twice: ${entries}`);
      const locked = lockedOf(guest);
      for (const entry of entries) {
        if (!locked.has(entry)) throw new Error(`after ${stage.routine.name}.${stage.name}: ${entry} is not locked`);
      }
    },
  });
  run.run({ time: 1e9 });
  return { times, run, byEnd };
}

describe('every Linux guest', () => {
  test('finishes: nobody who was called or woken stays asleep; a csd in a queue is locked, and there once', () => {
    fc.assert(
      fc.property(machines, (input) => {
        const { run } = check(input);
        expect(run.state.observers.iterations).toHaveLength(6);
      }),
      { numRuns: 60 },
    );
  });

  test('runs a called function once on each target, and before the caller who waits goes on', () => {
    fc.assert(
      fc.property(machines, fc.constantFrom([1], [2, 3], 'all' as const), (machine, to) => {
        const { times, byEnd } = check({
          ...machine,
          workload: { kind: 'smp-call-function', to, iterations: 6, warmup: 2 },
        });
        const targets = to === 'all' ? [1, 2, 3] : to;
        for (let number = 0; number < 8; number++) {
          expect(byEnd[number]).toBe(targets.length);
          for (const target of targets) expect(times.get(`${number}/${target}`)).toBe(1);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('continues identically wherever it is restored', () => {
    fc.assert(
      fc.property(machines, fc.nat(1500), (input, stages) => {
        const straight = createMachine(input);
        straight.run({ stages });
        const restored = restoreMachine(JSON.parse(JSON.stringify(straight.save())));
        straight.run({ stages: 500 });
        restored.run({ stages: 500 });
        expect(JSON.stringify(restored.save())).toBe(JSON.stringify(straight.save()));
      }),
      { numRuns: 25 },
    );
  });

  test('follows from its seed: the same gives the same report, another one another', () => {
    const input: ScenarioInput = {
      topology: { coresPerSocket: 3 },
      vms: [{ vcpus: 3 }],
      workload: { kind: 'mix', idle: 0.6, workNs: 2000, iterations: 20 },
      seed: 5,
    };
    expect(runScenario(input)).toEqual(runScenario(input));
    expect(runScenario({ ...input, seed: 6 }).variants[0]?.latencyCycles.mean).not.toBe(
      runScenario(input).variants[0]?.latencyCycles.mean,
    );
  });
});
