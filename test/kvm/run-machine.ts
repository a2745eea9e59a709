import { createRecorder } from '../../src/observe/recorder.js';
import { createRun, type SystemRun } from '../../src/scenarios/run.js';
import { parseScenario, type Scenario, type ScenarioInput } from '../../src/scenarios/schema.js';
import { brokenInvariants } from '../../src/testing/invariants/index.js';
import { enter, ledgerOf } from '../../src/testing/invariants/ledger.js';
import type { Ledger } from '../../src/testing/invariants/ledger-entries.js';

/** A run of a scenario in which the invariants are looked at after every stage. */
export function checkedRun(input: ScenarioInput): { run: SystemRun; scenario: Scenario; stages: () => number } {
  const scenario = parseScenario(input);
  const count = createRecorder();
  let stages = 0;
  // Begun with the run, so that a state may be loaded before.
  let ledger: Ledger | undefined;
  const run: SystemRun = createRun(scenario, scenario.seed, {
    plain: true,
    checkWaits: true,
    onStage: (_processor, stage) => {
      stages++;
      ledger ??= ledgerOf(run.state.machine);
      const broken = brokenInvariants(run.state.machine, ledger);
      if (broken.length > 0) throw new Error(`after ${stage.routine.name}.${stage.name}: ${broken.join('; ')}`);
    },
    observe: (counters, time, processor, kind, a, b) => {
      count(counters, time, processor, kind, a, b);
      ledger ??= ledgerOf(run.state.machine);
      enter(ledger, kind, a, b, run.state.machine, processor);
    },
  });
  return { run, scenario, stages: () => stages };
}
