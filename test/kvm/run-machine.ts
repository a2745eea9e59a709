import { createRun, type SystemRun } from '../../src/scenarios/run.js';
import { parseScenario, type Scenario, type ScenarioInput } from '../../src/scenarios/schema.js';
import { brokenInvariants } from './invariants.js';

/** A run of a scenario in which the invariants are looked at after every stage. */
export function checkedRun(input: ScenarioInput): { run: SystemRun; scenario: Scenario; stages: () => number } {
  const scenario = parseScenario(input);
  let stages = 0;
  const run: SystemRun = createRun(scenario, scenario.seed, {
    plain: true,
    checkWaits: true,
    onStage: (_processor, stage) => {
      stages++;
      const broken = brokenInvariants(run.state.machine);
      if (broken.length > 0) throw new Error(`after ${stage.routine.name}.${stage.name}: ${broken.join('; ')}`);
    },
  });
  return { run, scenario, stages: () => stages };
}
