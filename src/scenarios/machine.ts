import { InputError } from '../engine/errors.js';
import { type RecordedEntry, recordRun } from '../engine/recorded.js';
import { loadRun, type SavedRun, saveRun } from '../engine/save.js';
import type { Json } from '../engine/schema.js';
import { type RunEnd, type RunLimit, TimedRun } from '../engine/timed.js';
import type { Counters } from '../observe/recorder.js';
import { createRun, type SystemRun, type SystemState, timedOptions } from './run.js';
import { type MachineConfig, type MachineInput, parseMachine } from './schema.js';
import { systemSchemas } from './system-schema.js';

/** A saved machine: JSON. What it was made from, and all of its state; stages go by their names. */
export interface SavedMachine {
  readonly config: MachineConfig;
  readonly run: SavedRun;
}

/** A recorded run: it stands at one of its steps, the last at first, and can be stepped through and run on from anywhere. */
export interface MachineRecording {
  /** Every step: what it was, when, what it changed, and the machine after it. */
  readonly entries: readonly RecordedEntry[];
  /** Why the run ended. */
  readonly end: RunEnd;
  /** The step at which it stands. */
  readonly current: RecordedEntry;
  /** Goes to a step, 0 to `entries.length - 1`. Throws an {@link InputError} for any other number. */
  at(index: number): RecordedEntry;
  /** A step on; undefined, and stays, at the last. */
  forward(): RecordedEntry | undefined;
  /** A step back; undefined, and stays, at the first. */
  back(): RecordedEntry | undefined;
  /** A machine in the state after a step, to run on from there. Throws an {@link InputError} for a step that does not exist. */
  fork(index: number): SimulatedMachine;
}

/**
 * A machine that can be run. Its state is plain data; everything here but {@link SimulatedMachine.run} and
 * {@link SimulatedMachine.record} only reads it.
 */
export interface SimulatedMachine {
  /** What it was made from, with the defaults filled in. */
  readonly config: MachineConfig;
  /** The time, in TSC cycles. */
  readonly now: number;
  /** Stages run since it was made or restored. */
  readonly stages: number;
  /** What was counted: iterations, exits, interrupts. The live object. */
  readonly counters: Readonly<Counters>;
  /**
   * Runs until nothing is left to happen, or a limit is reached.
   *
   * @param limit - a time in TSC cycles, or a number of stages; none by default, which a machine without a workload never reaches
   * the end of if something in it happens for ever
   * @returns why it stopped
   */
  run(limit?: RunLimit): RunEnd;
  /** The machine as JSON: what software and hardware could observe, with stages by their names. */
  snapshot(): Json;
  /** All of it as JSON: restored anywhere, it continues identically. */
  save(): SavedMachine;
  /**
   * Runs on while keeping a snapshot and the differences after every stage. For small machines and short runs.
   *
   * @param limit - as for {@link SimulatedMachine.run}
   */
  record(limit?: RunLimit): MachineRecording;
}

/**
 * Creates a machine: a host with its VMs and, if `workload` says so, a guest program that measures; virtual CPUs without one run an
 * idle loop.
 *
 * @param input - as a scenario, without `variants` and what only reports need; every key has a default
 * @throws InputError for what does not fit, by its path, before anything runs
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createMachine } from 'vmx-apic';
 *
 * const machine = createMachine({
 *   profile: 'sapphire-rapids',
 *   topology: { sockets: 1, coresPerSocket: 2, threadsPerCore: 1 },
 *   vms: [{ vcpus: 2, apicMode: 'x2apic', features: { ipiVirtualization: true }, pinning: [0, 1] }],
 *   workload: { kind: 'vmexit', test: 'ipi', iterations: 3 },
 * });
 *
 * // Step by step: what each stage changed, as patches.
 * const recording = machine.record({ stages: 200 });
 * const post = recording.entries.find((entry) => entry.stage === 'ipi-virtualization.set-pir');
 * assert.equal(post?.patches.some((patch) => patch.path.includes('pir')), true);
 * ```
 */
export function createMachine(input: MachineInput): SimulatedMachine {
  const config = parseMachine(input);
  return handleOf(config, createRun(config));
}

/**
 * Restores a machine from what {@link SimulatedMachine.save} gave, or from what came back from its JSON text.
 *
 * @throws InputError for anything that does not belong there, by its path
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createMachine, restoreMachine } from 'vmx-apic';
 *
 * const straight = createMachine({ workload: { kind: 'vmexit', test: 'ipi', iterations: 10 } });
 * straight.run({ stages: 500 });
 * const restored = restoreMachine(JSON.parse(JSON.stringify(straight.save())));
 * straight.run();
 * restored.run();
 * assert.deepEqual(restored.save(), straight.save());
 * ```
 */
export function restoreMachine(saved: unknown): SimulatedMachine {
  if (typeof saved !== 'object' || saved === null) throw new InputError('', 'is not a saved machine');
  const { config: rawConfig, run, ...others } = saved as { config?: unknown; run?: unknown };
  const [other] = Object.keys(others);
  if (other !== undefined) throw new InputError(other, 'is not a known key');
  const config = under('config', () => parseMachine(rawConfig));
  // What a machine made from this configuration has: the saved one must have the same of each.
  const made = createRun(config).state;
  const state = under('run', () => loadRun(run, systemSchemas));
  for (const part of ['processors', 'threads', 'timers', 'vcpus', 'vms'] as const) {
    if (state.machine[part].length !== made.machine[part].length) {
      throw new InputError(
        `run.machine.${part}`,
        `has ${state.machine[part].length} elements; this configuration makes ${made.machine[part].length}`,
      );
    }
  }
  for (const part of ['waiters', 'lineOwner'] as const) {
    if (state.timing[part].length !== made.timing[part].length) {
      throw new InputError(
        `run.timing.${part}`,
        `has ${state.timing[part].length} elements; this configuration makes ${made.timing[part].length}`,
      );
    }
  }
  return handleOf(config, new TimedRun(state, timedOptions(config)));
}

function under<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError)
      throw new InputError(error.path === '' ? path : `${path}.${error.path}`, error.reason);
    throw error;
  }
}

function handleOf(config: MachineConfig, run: SystemRun): SimulatedMachine {
  const state: SystemState = run.state;
  return {
    config,
    get now() {
      return state.timing.now;
    },
    get stages() {
      return run.stages;
    },
    get counters() {
      return state.observers;
    },
    run: (limit) => run.run(limit),
    snapshot: () => systemSchemas.machine.save(state.machine),
    save: () => ({ config, run: saveRun(state, systemSchemas) }),
    record: (limit) => {
      const recording = recordRun(state, timedOptions(config), systemSchemas, limit);
      return {
        entries: recording.entries,
        end: recording.end,
        get current() {
          return recording.current;
        },
        at: (index) => recording.at(index),
        forward: () => recording.forward(),
        back: () => recording.back(),
        fork: (index) => handleOf(config, new TimedRun(recording.fork(index), timedOptions(config))),
      };
    },
  };
}
