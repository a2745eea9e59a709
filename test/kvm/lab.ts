import { recordKindOf } from '../../src/engine/records.js';
import { TimedRun } from '../../src/engine/timed.js';
import { createRunState } from '../../src/engine/timing.js';
import { guestNmiHandler, startSecondary } from '../../src/guest/bring-up.js';
import { hardwareHooks } from '../../src/hardware/events.js';
import { setHandler } from '../../src/hardware/interrupt-table.js';
import type { LogicalProcessor } from '../../src/hardware/machine.js';
import { startUpHandler } from '../../src/kvm/accept-events.js';
import { type BuiltMachine, buildMachine } from '../../src/scenarios/build.js';
import { timedOptions } from '../../src/scenarios/run.js';
import { parseScenario, type ScenarioInput } from '../../src/scenarios/schema.js';
import type { SystemMachine } from '../../src/scenarios/system-machine.js';
import { brokenInvariants } from '../../src/testing/invariants/index.js';
import { enter, ledgerOf } from '../../src/testing/invariants/ledger.js';

/** What came of a run. */
export interface Observed {
  readonly machine: SystemMachine;
  /** Records by kind: their two numbers, in order. */
  readonly records: Record<string, [number, number][]>;
  /** Exits by reason. */
  readonly exits: Record<number, number>;
  /** Deliveries by virtual CPU and vector, as `1:239`. */
  readonly delivered: Record<string, number>;
  /** The names of the routines that have run. */
  readonly routines: Set<string>;
  /** How often each stage has run, as `routine.stage`. */
  readonly stages: Record<string, number>;
}

/** A VM of two virtual CPUs whose guests run nothing yet, and a processor for the host. */
export function build(more: Partial<ScenarioInput> = {}, features: object = {}): BuiltMachine {
  const built = buildMachine(
    parseScenario({
      topology: { coresPerSocket: 3 },
      // Light sleep: what this is about is that interrupts come, not how fast.
      host: { cStates: ['C1'] },
      vms: [{ features }],
      workload: { kind: 'vmexit', test: 'cpuid' },
      ...more,
    }),
  );
  for (const vcpu of built.machine.vcpus) {
    const thread = built.machine.threads[vcpu.thread] ?? [];
    thread.length = 0;
    setHandler(vcpu.guestInterrupts, startUpHandler, startSecondary.entry);
    setHandler(vcpu.guestInterrupts, 2, guestNmiHandler.entry);
  }
  return built;
}

/** Runs a machine for so many cycles, with the invariants looked at after every stage, but for one that the test itself breaks. */
export function run({ machine, channels, lines }: BuiltMachine, time = 2_000_000, broken?: string): Observed {
  const exits: Record<number, number> = {};
  const delivered: Record<string, number> = {};
  const records: Observed['records'] = {};
  const routines = new Set<string>();
  const counts: Record<string, number> = {};
  const options = timedOptions(parseScenario({ workload: { kind: 'vmexit', test: 'cpuid' } }));
  const vmExit = recordKindOf('vm-exit').number;
  const delivery = recordKindOf('delivered').number;
  const ledger = ledgerOf(machine);
  let stages = 0;
  const state = createRunState(machine, { channels, lines, seed: 1 }, undefined);
  new TimedRun<SystemMachine, LogicalProcessor, undefined>(state, {
    hooks: hardwareHooks,
    costs: options.costs,
    distance: options.distance,
    plain: true,
    checkWaits: true,
    observe: (_observers, _time, processor, kind, a, b) => {
      enter(ledger, kind, a, b, machine, processor);
      const { name } = recordKindOf(kind);
      records[name] ??= [];
      records[name].push([a, b]);
      if (kind === vmExit) exits[a] = (exits[a] ?? 0) + 1;
      if (kind === delivery) delivered[`${a}:${b}`] = (delivered[`${a}:${b}`] ?? 0) + 1;
    },
    onStage: (_processor, at) => {
      routines.add(at.routine.name);
      const name = `${at.routine.name}.${at.name}`;
      counts[name] = (counts[name] ?? 0) + 1;
      // With many virtual CPUs only now and then.
      if (++stages % (machine.vcpus.length > 16 ? 64 : 1) !== 0) return;
      const found = brokenInvariants(machine, ledger).filter(
        (text) => broken === undefined || !text.startsWith(broken),
      );
      if (found.length > 0) throw new Error(`after ${at.routine.name}.${at.name}: ${found.join('; ')}`);
    },
  }).run({ time });
  return { machine, records, exits, delivered, routines, stages: counts };
}
