import { presets } from '../../src/scenarios/presets.js';
import { type TracedVariant, traceScenario } from '../../src/scenarios/run.js';

let traced: TracedVariant[] | undefined;

/** One iteration of each variant of the published IPI-virtualization experiment. */
export function scenarioTraces(): readonly TracedVariant[] {
  traced ??= traceScenario(presets['ipi-virtualization']);
  return traced;
}
