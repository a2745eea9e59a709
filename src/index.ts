/**
 * Machines, scenarios, cost profiles and reports.
 *
 * @module vmx-apic
 */

export type { CalibratedFigure, CalibratedParameter, Calibration } from './cost/calibration/calibrate.js';
export {
  type Clocks,
  type CostGroup,
  type CostSetting,
  type CostStatus,
  type CState,
  type ProcessorFeatures,
  type Profile,
  withCosts,
} from './cost/profile.js';
export { profiles } from './cost/profiles.js';
export { InputError, InternalError } from './engine/errors.js';
export type { RecordedEntry } from './engine/recorded.js';
export type { SavedRun } from './engine/save.js';
export type { Json } from './engine/schema.js';
export type { RunEnd, RunLimit } from './engine/timed.js';
export { type KernelFeatures, type KernelVersion, kernels } from './kvm/kernels.js';
export type { Account } from './observe/account.js';
export type { CpuTime, ProcessorTime, VcpuTime } from './observe/cpu-time.js';
export type { HaltPollStatistics } from './observe/halt-poll-statistics.js';
export type { Counters } from './observe/recorder.js';
export { type CalibrateOptions, calibrate } from './scenarios/figures/calibrate.js';
export {
  type CalibrateMachineOptions,
  calibrateMachine,
  type MachineCalibration,
} from './scenarios/figures/calibrate-machine.js';
export type { Figure, FigureInput } from './scenarios/figures/figure.js';
export { type Measurements, readMeasurements } from './scenarios/figures/measurements.js';
export type { PublishedFigure as LibraryFigure } from './scenarios/figures/published-figure.js';
export { publishedFigures } from './scenarios/figures/published-figures.js';
export { type UnscoredFigure, unscoredFigures } from './scenarios/figures/unscored-figures.js';
export {
  type ErrorSummary,
  type FailedFigure,
  type ValidatedFigure,
  type ValidateOptions,
  type Validation,
  validate,
} from './scenarios/figures/validate.js';
export {
  createMachine,
  type MachineRecording,
  restoreMachine,
  type SavedMachine,
  type SimulatedMachine,
} from './scenarios/machine.js';
export { presets } from './scenarios/presets.js';
export type {
  BreakdownRow,
  ComparedFigure,
  ExitRow,
  MachineLeg,
  MigrationReport,
  Report,
  VariantReport,
} from './scenarios/report.js';
export { type Progress, type RunOptions, runScenario, type TracedVariant, traceScenario } from './scenarios/run.js';
export {
  type MachineConfig,
  type MachineInput,
  machineSchema,
  type ProfileInput,
  type PublishedFigure,
  parseScenario,
  type Scenario,
  type ScenarioInput,
  scenarioSchema,
  withValue,
} from './scenarios/schema.js';
export {
  runSweepPoint,
  type SweepOptions,
  type SweepPoint,
  type SweepReport,
  type SweepRow,
  sweepPoints,
  sweepReport,
  sweepScenario,
} from './scenarios/sweep.js';
export { parseSweepParameter, type SweepParameter } from './scenarios/sweep-parameters.js';
