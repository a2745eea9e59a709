import { type Processor, profileOfProcessor } from '../../cost/processor.js';
import { type Profile, withCosts } from '../../cost/profile.js';
import { processors } from '../../cost/profiles.js';
import { InputError } from '../../engine/errors.js';
import { metricOf } from '../metric.js';
import { presets } from '../presets.js';
import type { Report, VariantReport } from '../report.js';
import { checkScenario, runScenario } from '../run.js';
import { parseScenario, type ScenarioInput, withValue } from '../schema.js';
import { countedIterations } from '../workloads/workload.js';
import type { Figure } from './figure.js';

/** Numbers by parameter, as calibration names them. */
export type Numbers = Readonly<Record<string, number>>;

/** The scenario of a figure: itself, or the preset of that name. */
export function scenarioOfFigure(scenario: unknown, path: string): ScenarioInput {
  if (typeof scenario !== 'string') return scenario as ScenarioInput;
  const preset = Object.hasOwn(presets, scenario) ? presets[scenario as keyof typeof presets] : undefined;
  if (preset === undefined) {
    throw new InputError(path, `there is no preset '${scenario}' (there are: ${Object.keys(presets).join(', ')})`);
  }
  return preset;
}

/** What is wrong in a scenario of a figures file is said with its place there. */
export function inFigure<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof InputError)
      throw new InputError(error.path === '' ? path : `${path}.${error.path}`, error.reason);
    throw error;
  }
}

/** Checks the scenarios of a figure, so that what is wrong in the last figure is said before the first one runs. */
export function checkFigure(figure: Figure, index: number): void {
  for (const key of ['scenario', 'relativeTo'] as const) {
    if (figure[key] === undefined) continue;
    const path = `figures[${index}].${key}`;
    const scenario = scenarioOfFigure(figure[key], path);
    inFigure(path, () => checkScenario(scenario));
    chosenVariant(scenario, figure, path);
  }
  figure.alternatives.forEach(({ set }, number) => {
    const path = `figures[${index}].alternatives[${number}]`;
    inFigure(path, () => checkScenario(withChanges(scenarioOfFigure(figure.scenario, path), set)));
  });
}

/** A scenario with changes by path. */
export function withChanges(scenario: ScenarioInput, set: Readonly<Record<string, unknown>>): ScenarioInput {
  let changed: unknown = scenario;
  for (const [path, value] of Object.entries(set)) changed = withValue(changed, path, value);
  return changed as ScenarioInput;
}

/** The index of the variant that a figure is about. */
function chosenVariant(scenario: ScenarioInput, { variant }: Figure, path: string): number {
  const { variants } = parseScenario(scenario);
  if (variants === undefined) return 0;
  const names = variants.map(({ name }) => `'${name}'`).join(', ');
  if (variant === undefined) {
    if (variants.length === 1) return 0;
    throw new InputError(
      path,
      `has ${variants.length} variants, and the figure does not say which one it is about (${names})`,
    );
  }
  const index = variants.findIndex(({ name }) => name === variant);
  if (index < 0) throw new InputError(path, `has no variant '${variant}' (there are: ${names})`);
  return index;
}

/** The scenario with only that variant, so that the others need not run. */
function only(scenario: ScenarioInput, index: number): ScenarioInput {
  const variant = scenario.variants?.[index];
  return variant === undefined ? scenario : { ...scenario, variants: [variant] };
}

const processorsByName: Readonly<Record<string, Processor>> = Object.fromEntries(
  processors.map((processor) => [processor.name, processor]),
);

/** The scenario on profiles that are made with other numbers; a profile that the scenario brings along stays as it is. */
function withNumbers(scenario: ScenarioInput, numbers: Numbers): ScenarioInput {
  const { profile } = parseScenario(scenario);
  const rebuilt = (name: string): Profile | undefined => {
    const processor = Object.hasOwn(processorsByName, name) ? processorsByName[name] : undefined;
    return processor === undefined ? undefined : profileOfProcessor(processor, numbers);
  };
  if (typeof profile === 'string') {
    const own = rebuilt(profile);
    return own === undefined ? scenario : withProfile(scenario, own);
  }
  if (!('base' in profile)) return scenario;
  const base = rebuilt(profile.base);
  return base === undefined ? scenario : withProfile(scenario, withCosts(base, profile.set));
}

function withProfile(scenario: ScenarioInput, profile: Profile): ScenarioInput {
  return { ...scenario, profile };
}

/** The name of the profile that a figure's numbers come from; of none of the library's if its scenario brings a whole one along. */
export function profileNameOf(figure: Figure): string {
  const { profile } = parseScenario(scenarioOfFigure(figure.scenario, 'scenario'));
  if (typeof profile === 'string') return profile;
  return 'base' in profile ? profile.base : '';
}

/** How scenarios of figures are run. */
export interface SimulateOptions {
  /** Numbers of the profiles; those of the library by default. */
  readonly numbers?: Numbers | undefined;
  /** At most so many iterations: what a mean moves by can be told from few. */
  readonly iterations?: number | undefined;
}

function shortened(scenario: ScenarioInput, iterations: number): ScenarioInput {
  const { workload } = parseScenario(scenario);
  return {
    ...scenario,
    runs: 1,
    workload: { ...scenario.workload, iterations: Math.min(countedIterations(workload), iterations) },
  };
}

/** What a figure of two scenarios is of their numbers. */
function compared({ as, metric }: Figure, first: number, second: number): number {
  if (as === 'difference') return first - second;
  if (second === 0) throw new InputError('relativeTo', `its ${metric} is 0: nothing can be told relative to that`);
  return as === 'percent' ? (100 * (first - second)) / second : first / second;
}

/** Runs scenarios, each once: figures of one table often share them. */
export function createSimulator({ numbers, iterations }: SimulateOptions = {}): (figure: Figure) => {
  readonly simulated: number;
  readonly report: Report;
} {
  const reports = new Map<string, Report>();
  const reportOf = (input: ScenarioInput, figure: Figure): { report: Report; variant: VariantReport } => {
    const chosen = only(input, chosenVariant(input, figure, 'scenario'));
    const prepared = iterations === undefined ? chosen : shortened(chosen, iterations);
    const scenario = numbers === undefined ? prepared : withNumbers(prepared, numbers);
    const key = JSON.stringify(scenario);
    const report = reports.get(key) ?? runScenario(scenario, { breakdown: false });
    reports.set(key, report);
    return { report, variant: report.variants[0] as VariantReport };
  };
  return (figure) => {
    const { report, variant } = reportOf(scenarioOfFigure(figure.scenario, 'scenario'), figure);
    const value = metricOf(variant, figure.metric, 'metric');
    if (figure.relativeTo === undefined) return { simulated: value, report };
    const { variant: second } = reportOf(scenarioOfFigure(figure.relativeTo, 'relativeTo'), figure);
    return { simulated: compared(figure, value, metricOf(second, figure.metric, 'metric')), report };
  };
}
