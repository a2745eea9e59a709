import * as v from 'valibot';
import { InputError } from '../../engine/errors.js';
import { checkMetric } from '../metric.js';
import type { ScenarioInput } from '../schema.js';
import { issueError } from '../schema-issues.js';

const finite = v.pipe(v.number(), v.finite());
const text = v.pipe(v.string(), v.minLength(1));

const alternative = v.strictObject({
  /** What is assumed instead. */
  name: text,
  /** Changes of the scenario, by path. */
  set: v.record(v.string(), v.unknown()),
});

const figure = v.strictObject({
  id: text,
  /** Where it was published. */
  source: v.string(),
  /** The published number: of `metric`, in `unit`. */
  published: finite,
  unit: v.string(),
  /** Path into the report of the scenario's variant: `latencyCycles.mean`, `latencyNs.mean`, `oneWayNs.mean`, `totalNs`, `exits.MSR_WRITE.count`. */
  metric: text,
  /** The scenario that reproduces it, or the name of a preset. */
  scenario: v.unknown(),
  /** Which of the scenario's variants, if it has several. */
  variant: v.optional(v.string()),
  /** A second scenario: the figure is then the first one's metric divided by this one's. */
  relativeTo: v.optional(v.unknown()),
  /** What the figure is of the two: the quotient, the difference (the first less the second), or that in percent of the second. */
  as: v.optional(v.picklist(['ratio', 'difference', 'percent']), 'ratio'),
  /** Whether calibration fits to it. */
  fitted: v.optional(v.boolean(), false),
  /** How well such a measurement repeats, in percent: one standard deviation. */
  tolerancePct: v.optional(v.pipe(finite, v.gtValue(0), v.maxValue(1000))),
  /** What was measured together: one author, one machine, one way of measuring. */
  family: v.optional(v.string()),
  /** What the source says of the set-up. */
  setup: v.optional(v.union([v.string(), v.record(v.string(), v.unknown())])),
  /** Spread and number of the measurements behind the published number. */
  min: v.nullish(finite),
  max: v.nullish(finite),
  stdev: v.nullish(finite),
  n: v.nullish(finite),
  spread: v.optional(v.unknown()),
  /** What else is known of the number and its source. */
  trust: v.optional(v.unknown()),
  verified: v.optional(v.unknown()),
  derived: v.optional(v.unknown()),
  url: v.optional(v.unknown()),
  /** Other values for what the source does not state; the table shows what each makes of the figure. */
  alternatives: v.optional(v.array(alternative), []),
  note: v.optional(v.string()),
  /** Names of the published numbers that it stands for, where they were collected under other names. */
  covers: v.optional(v.array(v.string())),
});

const figuresFile = v.strictObject({
  figures: v.pipe(v.array(figure), v.minLength(1), v.maxLength(100_000)),
  /** What the file says of itself. */
  title: v.optional(v.unknown()),
  note: v.optional(v.unknown()),
});

/** A published figure, as in a figures file. */
export interface FigureInput extends Omit<v.InferInput<typeof figure>, 'scenario' | 'relativeTo'> {
  readonly scenario: ScenarioInput | string;
  readonly relativeTo?: ScenarioInput | string | undefined;
}

/** A published figure with its defaults filled in. Its scenarios are not checked yet. */
export interface Figure extends v.InferOutput<typeof figure> {}

/**
 * Checks a figures file and fills in its defaults; its scenarios are checked when they are built.
 *
 * @param input - anything; JSON that was parsed
 * @throws InputError that names the first thing that is wrong, by its path
 */
export function parseFigures(input: unknown): Figure[] {
  const result = v.safeParse(figuresFile, input);
  if (!result.success) throw issueError(result.issues[0]);
  const seen = new Set<string>();
  result.output.figures.forEach(({ id }, index) => {
    if (seen.has(id)) throw new InputError(`figures[${index}].id`, `'${id}' is there twice`);
    seen.add(id);
  });
  result.output.figures.forEach((one, index) => {
    if (one.scenario === undefined) throw new InputError(`figures[${index}].scenario`, 'is missing');
    checkMetric(one.metric, `figures[${index}].metric`);
    const { as, relativeTo, fitted, published } = one;
    if (fitted && !(published > 0 && as === 'ratio')) {
      throw new InputError(`figures[${index}].fitted`, 'numbers are fitted to numbers above 0 and to ratios only');
    }
    if (as !== 'ratio' && relativeTo === undefined) {
      throw new InputError(`figures[${index}].as`, `'${as}' needs a second scenario: relativeTo`);
    }
  });
  return result.output.figures;
}
