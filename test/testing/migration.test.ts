import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordKindOf } from '../../src/engine/records.js';
import { stageName } from '../../src/engine/routine.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import type { LogicalProcessor } from '../../src/hardware/machine.js';
import { addMigrationThread } from '../../src/kvm/migration-thread.js';
import { buildMachine } from '../../src/scenarios/build.js';
import { hasStopped, restoreVm, saveVm } from '../../src/scenarios/migration.js';
import { timedOptions } from '../../src/scenarios/run.js';
import { parseScenario, type Scenario, type ScenarioInput } from '../../src/scenarios/schema.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';
import { factor, runs } from '../runs.js';

/** What is counted of a run: deliveries by virtual CPU and vector, and iterations that ended. */
interface Seen {
  readonly delivered: Record<string, number>;
  iterations: number;
  /** When each stage ended, and when the monitor stopped the VM. */
  readonly ends: Set<number>;
  stop: number;
}

const none = (): Seen => ({ delivered: {}, iterations: 0, ends: new Set(), stop: -1 });
const kinds = { delivered: recordKindOf('delivered').number, iteration: recordKindOf('iteration').number };

/** A machine of its own: no counters, so that a VM can come to it at any time. `stopAfter` cycles its VM is stopped; never below 0. */
function machineOf(scenario: Scenario, seen: Seen, stopAfter: number) {
  const built = buildMachine(scenario);
  if (stopAfter >= 0) addMigrationThread(built.machine, 0, stopAfter);
  const { pace: _, ...options } = timedOptions(scenario);
  const state = createRunState(built.machine, { channels: built.channels, lines: built.lines, seed: 1 }, undefined);
  return new TimedRun<SystemMachine, LogicalProcessor, undefined>(state, {
    hooks: options.hooks,
    costs: options.costs,
    distance: options.distance,
    plain: true,
    observe: (_observers, _time, _processor, kind, a, b) => {
      if (kind === kinds.delivered) seen.delivered[`${a}:${b}`] = (seen.delivered[`${a}:${b}`] ?? 0) + 1;
      if (kind === kinds.iteration && b === 0) seen.iterations++;
    },
    onStage: (_processor, { at }, _start, end) => {
      seen.ends.add(end);
      if (seen.stop < 0 && stageName(at) === 'pause_all_vcpus.qemu_cpu_kick') seen.stop = end;
    },
  });
}

const features = {
  none: { apicv: false },
  apicv: { ipiVirtualization: false },
  ipiv: { ipiVirtualization: true },
} as const;
type Features = keyof typeof features;

interface Case {
  readonly from: Features;
  readonly to: Features;
  readonly guestIdle: 'hlt' | 'poll' | 'mwait';
  readonly vcpus: number;
  readonly haltPollNs: number;
}

function scenarioOf({ guestIdle, vcpus, haltPollNs }: Case, has: Features): Scenario {
  const input: ScenarioInput = {
    topology: { coresPerSocket: vcpus + 1 },
    host: { cStates: ['C1'], haltPollNs },
    vms: [
      {
        vcpus,
        guestIdle,
        // An old guest interrupts those who poll, too.
        guestKernel: '4.19',
        disableExits: guestIdle === 'mwait' ? ['mwait'] : [],
        features: features[has],
      },
    ],
    workload: { kind: 'ipi-ping-pong', to: 'all', iterations: 3, warmup: 0 },
  };
  return parseScenario(input);
}

/** Runs to the end on one machine. */
function straight(given: Case): Seen {
  const seen = none();
  machineOf(scenarioOf(given, given.from), seen, -1).run({ time: 10_000_000 });
  return seen;
}

/** Moves when the monitor's first step ends at `at`, and runs to the end on the other machine. */
function moved(given: Case, at: number, delay: number): Seen {
  const seen = none();
  const source = machineOf(scenarioOf(given, given.from), seen, Math.max(1, at - delay));
  const { machine, timing } = source.state;
  for (let time = 2000; !hasStopped(machine); time += 2000) source.run({ time });
  const target = machineOf(scenarioOf(given, given.to), seen, -1);
  restoreVm(target.state.machine, saveVm(machine, timing.now), machine);
  target.state.timing.now = timing.now;
  target.run({ time: timing.now + 10_000_000 });
  return seen;
}

/** How long after its time the monitor begins to stop the VM. */
function delayOf(given: Case): number {
  const probe = none();
  const source = machineOf(scenarioOf(given, given.from), probe, 20_000);
  for (let time = 2000; !hasStopped(source.state.machine); time += 2000) source.run({ time });
  return probe.stop - 20_000;
}

function check(given: Case, at: number, delay: number, whole: Seen): void {
  const seen = moved(given, at, delay);
  expect(seen.iterations, `stopped at ${at}`).toBe(3);
  expect(seen.delivered, `stopped at ${at}`).toEqual(whole.delivered);
}

test('a VM that moves at any stage boundary of a short run gets what it gets if it stays', () => {
  for (const [from, to] of [
    ['ipiv', 'none'],
    ['none', 'ipiv'],
  ] as const) {
    const given: Case = { from, to, guestIdle: 'hlt', vcpus: 2, haltPollNs: 0 };
    const whole = straight(given);
    const delay = delayOf(given);
    const ends = [...whole.ends].sort((a, b) => a - b);
    // Every boundary in a long test, some here.
    const step = factor > 1 ? 1 : 23;
    expect(ends.length).toBeGreaterThan(100);
    for (let index = 0; index < ends.length; index += step) check(given, ends[index] as number, delay, whole);
  }
});

test('and so do others, with whatever the two machines have', () => {
  const which = fc.constantFrom<Features>('none', 'apicv', 'ipiv');
  fc.assert(
    fc.property(
      fc.record({
        from: which,
        to: which,
        guestIdle: fc.constantFrom('hlt', 'poll', 'mwait'),
        vcpus: fc.integer({ min: 2, max: 4 }),
        haltPollNs: fc.constantFrom(0, 200_000),
      }),
      fc.nat(),
      (given, choice) => {
        const whole = straight(given);
        const ends = [...whole.ends];
        check(given, ends[choice % ends.length] as number, delayOf(given), whole);
      },
    ),
    runs(12),
  );
});
