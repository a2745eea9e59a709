import type { RecordedEntry, RecordedSteps } from '../../engine/recorded.js';
import { recordSchedule } from '../../engine/recorded-schedule.js';
import { parseSchedule } from '../../engine/schedule.js';
import { replayScheduler } from '../../engine/scheduler.js';
import { hardwareHooks } from '../../hardware/events.js';
import type { LogicalProcessor } from '../../hardware/machine.js';
import { type ChartNote, sequenceChart } from '../../observe/sequence-chart.js';
import { createTrace, type FlightRecord, type Trace } from '../../observe/trace.js';
import { recordTrace } from '../../observe/trace-recorder.js';
import { enter } from '../invariants/ledger.js';
import type { Ledger } from '../invariants/ledger-entries.js';
import { createModelState, type ModelConfiguration } from './model.js';
import { type ModelMachine, modelSchemas } from './model-machine.js';
import { type ModelRun, modelSchedulers, runModel } from './run-model.js';
import { worldActions } from './world.js';

/** A schedule of a model, recorded: to step through, and to draw. */
export interface ModelRecording {
  /** What became of it. */
  readonly run: ModelRun;
  /** Every step with what it changed and the machine after it, to go through back and forth. */
  readonly steps: RecordedSteps;
  /** The same as a trace, for charts and checks; its time counts steps. */
  readonly trace: Trace;
}

interface Presented {
  readonly processors: readonly { readonly inFlight: readonly number[] }[];
}

/** The messages that were sent and arrived: who sends is who does the step in which one appears. */
function flightsOf(entries: readonly RecordedEntry[]): FlightRecord[] {
  const flights: FlightRecord[] = [];
  const flying: Omit<FlightRecord, 'arrives'>[] = [];
  let before: readonly (readonly number[])[] = [];
  for (const { index, kind, processor, stage, snapshot } of entries) {
    const now = (snapshot as unknown as Presented).processors.map(({ inFlight }) => inFlight);
    if (kind === 'arrival') {
      const found = flying.findIndex(({ to, message }) => to === processor && stage === `message ${message}`);
      const [flight] = found < 0 ? [] : flying.splice(found, 1);
      if (flight !== undefined) flights.push({ ...flight, arrives: index });
    }
    now.forEach((messages, to) => {
      const old = [...(before[to] ?? [])];
      for (const message of messages) {
        const at = old.indexOf(message);
        if (at >= 0) old.splice(at, 1);
        else flying.push({ from: processor, to, message, sent: index });
      }
    });
    before = now;
  }
  return flights;
}

/**
 * Replays a schedule of a configuration, recorded: every stage with what it changed. {@link runModel} says the same faster where only the end
 * matters.
 *
 * @param schedule - as the explorer and `runModel` return it. Throws an InputError where it does not fit.
 */
export function recordModel(configuration: ModelConfiguration, schedule: string): ModelRecording {
  const run = runModel(configuration, modelSchedulers.replay(schedule));
  const state = createModelState(configuration);
  const { machine } = state;
  const trace = createTrace(
    1,
    machine.vcpus.map(({ vm, vcpuId }) => ({ vm, number: vcpuId })),
  );
  const { callbacks } = recordTrace(trace);
  let step = 0;
  const steps = recordSchedule<ModelMachine, LogicalProcessor, Ledger>(
    state,
    {
      hooks: hardwareHooks,
      actions: worldActions,
      observe: (ledger, processor, kind, a, b, m) => {
        enter(ledger, kind, a, b, m, processor);
        callbacks.observe(undefined, step, processor, kind, a, b);
      },
      onStep: (index) => {
        step = index;
      },
      onBegin: (processor, stage) => {
        callbacks.onBegin(processor, stage, step - 1, machine.threads[processor.thread] ?? []);
      },
      onStage: (processor, stage) => callbacks.onStage(processor, stage, step - 1, step),
    },
    modelSchemas,
    replayScheduler(parseSchedule(schedule, worldActions)),
  );
  trace.flights.push(...flightsOf(steps.entries));
  return { run, steps, trace };
}

/** What a step changed, for people: paths and values, without what only says where programs are. */
function changesOf({ patches }: RecordedEntry, before: RecordedEntry | undefined): string {
  const shown = patches
    .filter(({ path }) => path[0] !== 'threads' && path[2] !== 'attention' && path[path.length - 1] !== 'length')
    .map(({ path, value }) => {
      const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
      let old: unknown = before?.snapshot;
      for (const part of path) old = (old as Record<string | number, unknown> | undefined)?.[part];
      const text = (of: unknown): string => (of === undefined ? 'nothing' : JSON.stringify(of));
      return `${name.slice(1)}: ${text(old)} \u2192 ${text(value)}`;
    });
  return shown.join(', ');
}

function notesOf({ run, steps }: ModelRecording, verdict: string | undefined): ChartNote[] {
  const notes = steps.entries.slice(1).map((entry): ChartNote => {
    const { index, kind, processor, stage } = entry;
    const changes = changesOf(entry, steps.entries[index - 1]);
    const what = kind === 'arrival' ? `${stage} arrives` : stage;
    return { time: index, processor, text: changes === '' ? what : `${what} \u2014 ${changes}` };
  });
  const { invariant = '', what = '' } = run.broken ?? {};
  const text = what === invariant ? (verdict ?? what) : `${invariant}: ${what}`;
  if (text === '') return notes;
  return [...notes, { time: steps.entries.length - 1, processor: -1, text, wrong: true }];
}

/** Width of a step. */
const wide = 46;

/**
 * Draws a recorded schedule as an SVG sequence chart: a lane per processor with its routines and stages, arrows for interrupts, and below
 * every step with what it changed; last, the invariant that is broken. There is no time: one step follows the other.
 *
 * @param title - what the chart is of
 * @param verdict - what is wrong at its end, if no state says so: that it goes on for ever from there
 */
export function scheduleChart(recording: ModelRecording, title: string, verdict?: string): string {
  const to = Math.max(1, recording.steps.entries.length - 1);
  const panel = { title: 'Steps', trace: recording.trace, from: 0, to, notes: notesOf(recording, verdict) };
  return sequenceChart([panel], { title, unit: 'steps', width: Math.max(1000, 120 + wide * to), id: 'schedule' });
}
