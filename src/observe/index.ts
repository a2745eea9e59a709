/**
 * What a run can be looked at with: traces and what leads through them, and their export to other tools; statistics; tables.
 *
 * @module
 */
export type { RoutineKind } from '../engine/routine.js';
export { analyzeTrace, type FeatureSaving, type HaltTimes, type TraceAnalysis } from './analyze-trace.js';
export { criticalPath, type PathSegment } from './critical-path.js';
export { type ErrorChartRow, errorChart } from './error-chart.js';
export { exitReasonName } from './exit-reason-name.js';
export { type ExitReportOptions, exitReport } from './exit-report.js';
export type { ExitParts, ExitTotals } from './exit-statistics.js';
export { type FoldedOptions, foldedStacks } from './folded.js';
export { ftraceText } from './ftrace.js';
export { type HeatMap, heatMap } from './heat-map.js';
export { type KvmTraceEvent, type KvmTraceLine, readKvmTrace } from './kvm-trace.js';
export { kneeOf, paretoFront } from './pareto.js';
export { type ChromeEvent, type ChromeTrace, chromeTrace, perfettoTrace } from './perfetto.js';
export { type ChartNote, type ChartOptions, type ChartPanel, sequenceChart } from './sequence-chart.js';
export { type ModeSpan, modeSpans, nestedSlices, type Slice } from './slices.js';
export { median, type Summary, scaleSummary, standardDeviation, summarize } from './statistics.js';
export { type Column, formatNumber, formatPercent, formatTable } from './table.js';
export {
  type ActivationRecord,
  createTrace,
  type EventRecord,
  type FlightRecord,
  type SpanRecord,
  type StageRecord,
  sliceTrace,
  stackOf,
  type Trace,
  type TracedVcpu,
  type WaitRecord,
  type WakeRecord,
} from './trace.js';
export { type TradeOffOptions, type TradeOffPoint, type TradeOffSeries, tradeOffChart } from './trade-off-chart.js';
