export type { Action, ActionKind, MachineActions } from '../engine/actions.js';
export {
  type ExploreCounts,
  type ExploreOptions,
  type ExploreResult,
  explore,
  type Invariant,
  noDeadlock,
  type Violation,
} from '../engine/explored.js';
export { call, callOn, interruptWith, restartInstruction, retireInstruction, within } from '../engine/frames.js';
export { type Hooks, noHooks } from '../engine/interpreter.js';
export { type RecordedEntry, RecordedSteps } from '../engine/recorded.js';
export { type RecordedScheduleOptions, recordSchedule, ScheduleRecording } from '../engine/recorded-schedule.js';
export { arm, type CostKey, cancel, costKey, expired, notify, observe, send } from '../engine/requests.js';
export {
  type Control,
  done,
  flowChart,
  local,
  type Notation,
  notation,
  type Routine,
  type RoutineKind,
  type Stage,
  type StageOptions,
  type StageSpec,
  shared,
  type Visibility,
  type WaitOptions,
} from '../engine/routine.js';
export type { RunSchemas } from '../engine/save.js';
export { type Names, parseSchedule, scheduleText } from '../engine/schedule.js';
export { runScheduled, type ScheduledEnd, type ScheduledOptions } from '../engine/scheduled.js';
export {
  firstScheduler,
  pctScheduler,
  randomScheduler,
  replayScheduler,
  type Scheduler,
} from '../engine/scheduler.js';
export type { Difference, Json, Later, Path, Schema, State } from '../engine/schema.js';
export { machineSchema, processorSchema } from '../engine/schema-engine.js';
export {
  type Fields,
  flag,
  id,
  integer,
  list,
  type RecordSchema,
  type RecordState,
  record,
  register,
} from '../engine/schema-values.js';
export {
  createProcessor,
  createTimer,
  emptyRequests,
  type Frame,
  type Locals,
  type Machine,
  type Numbers,
  type Processor,
  type Requests,
  type Thread,
  type Timer,
} from '../engine/state.js';
export {
  compareExchange,
  drain,
  exchange,
  fence,
  type Location,
  load,
  location,
  store,
  testAndClear,
  testAndSet,
} from '../engine/store-buffer.js';
export type { UntimedOptions, UntimedState } from '../engine/untimed.js';
