import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { InputError } from '../index.js';
import { formatNumber, formatTable } from '../observe/index.js';
import {
  type ExploreResult,
  exploreModel,
  type Model,
  type ModelConfiguration,
  type ModelRun,
  modelSchedulers,
  models,
  mutants,
  recordModel,
  runModel,
  scheduleChart,
  withMutant,
} from '../testing/index.js';
import { UsageError } from './usage.js';

/** What exploring one configuration came to. */
interface Row {
  readonly configuration: string;
  readonly about: string;
  readonly strategy: string;
  /** True if every reachable state was seen. */
  readonly complete: boolean;
  /** What ended it before. */
  readonly limit?: string;
  readonly states?: number;
  readonly edges?: number;
  readonly depth?: number;
  readonly runs?: number;
  readonly seconds: number;
  readonly violation?: {
    readonly invariant: string;
    readonly what: string;
    readonly schedule: string;
    readonly trace: readonly string[];
  };
}

interface Choice {
  readonly strategy: string;
  readonly seed: number;
  readonly runs: number;
  readonly schedule: string | undefined;
  readonly limits: { states?: number; depth?: number; bytes: number };
}

function numberOf(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${name} ${text}: expected a number, 1 or more`);
  return value;
}

function chosen(name: string): { model: Model; configurations: readonly ModelConfiguration[] } {
  const [modelName, configurationName] = name.split('/');
  const model = models.find((each) => each.name === modelName);
  if (model === undefined) {
    throw new UsageError(`there is no model '${modelName}' (there are: ${models.map((each) => each.name).join(', ')})`);
  }
  if (configurationName === undefined) return { model, configurations: model.configurations };
  const found = model.configurations.filter((each) => each.name === configurationName);
  if (found.length === 0) {
    const names = model.configurations.map((each) => each.name).join(', ');
    throw new UsageError(`model '${model.name}' has no configuration '${configurationName}' (it has: ${names})`);
  }
  return { model, configurations: found };
}

function exhaustive(configuration: ModelConfiguration, { limits }: Choice): ExploreResult {
  return exploreModel(configuration, {
    limits,
    progress: ({ states, depth }) => {
      if (process.stderr.isTTY) {
        process.stderr.write(`\r\u001b[K${configuration.name}: ${formatNumber(states)} states, ${depth} deep`);
      }
      return undefined;
    },
  });
}

function sampled(configuration: ModelConfiguration, choice: Choice): { runs: number; broken?: ModelRun } {
  const { strategy, seed, schedule = '' } = choice;
  for (let run = 0; run < choice.runs; run++) {
    const scheduler =
      strategy === 'replay'
        ? modelSchedulers.replay(schedule)
        : strategy === 'pct'
          ? modelSchedulers.pct(seed + run)
          : modelSchedulers.random(seed + run);
    const result = runModel(configuration, scheduler, 20_000);
    if (result.broken !== undefined) return { runs: run + 1, broken: result };
    if (process.stderr.isTTY && run % 100 === 0) process.stderr.write(`\r\u001b[K${configuration.name}: ${run} runs`);
  }
  return { runs: choice.runs };
}

function rowOf(configuration: ModelConfiguration, choice: Choice): Row {
  const began = process.hrtime.bigint();
  const seconds = (): number => Number(process.hrtime.bigint() - began) / 1e9;
  const row = { configuration: configuration.name, about: configuration.about, strategy: choice.strategy };
  if (choice.strategy !== 'exhaustive') {
    const { runs, broken } = sampled(configuration, choice);
    if (broken?.broken === undefined) return { ...row, complete: false, runs, seconds: seconds() };
    const { schedule, steps } = broken;
    const violation = {
      ...broken.broken,
      schedule,
      trace: steps.map(({ processor, what }) => `p${processor} ${what}`),
    };
    return { ...row, complete: false, runs, seconds: seconds(), violation };
  }
  const { complete, limit, states, edges, depth, violation } = exhaustive(configuration, choice);
  const result = { ...row, complete, ...(limit === undefined ? {} : { limit }), states, edges, depth };
  if (violation === undefined) return { ...result, seconds: seconds() };
  const { invariant, schedule, trace } = violation;
  const { broken } = runModel(configuration, modelSchedulers.replay(schedule));
  return { ...result, seconds: seconds(), violation: { invariant, what: broken?.what ?? invariant, schedule, trace } };
}

function endOf(row: Row): string {
  if (row.violation !== undefined) return 'BROKEN';
  if (row.complete) return 'complete';
  if (row.runs !== undefined) return `${formatNumber(row.runs)} runs`;
  return row.limit === 'depth' ? `bounded at depth ${row.depth}` : `bounded by ${row.limit}`;
}

function print(model: Model, rows: readonly Row[], mutant: string | undefined): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const left = (title: string) => ({ title, align: 'left' as const });
  const parts = [
    `${model.title}${mutant === undefined ? '' : `, with ${mutant} switched on`}\n${model.about}`,
    formatTable(
      [
        left('configuration'),
        left('what is in it'),
        left('end'),
        right('states'),
        right('edges'),
        right('deep'),
        right('s'),
      ],
      rows.map((row) => [
        row.configuration,
        row.about,
        endOf(row),
        row.states === undefined ? '' : formatNumber(row.states),
        row.edges === undefined ? '' : formatNumber(row.edges),
        row.depth === undefined ? '' : formatNumber(row.depth),
        row.seconds.toFixed(1),
      ]),
    ),
  ];
  for (const { configuration, violation } of rows) {
    if (violation === undefined) continue;
    const { invariant, what, schedule, trace } = violation;
    parts.push(
      `${model.name}/${configuration} breaks ${invariant}: ${what}\n\n${trace.map((line) => `  ${line}`).join('\n')}\n\nschedule: ${schedule}`,
    );
  }
  return `${parts.join('\n\n')}\n`;
}

const strategies = ['exhaustive', 'random', 'pct', 'replay'];

/** `vmx-apic explore`. Returns the exit status. */
export function explore(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      mutant: { type: 'string' },
      strategy: { type: 'string', default: 'exhaustive' },
      seed: { type: 'string' },
      runs: { type: 'string' },
      schedule: { type: 'string' },
      states: { type: 'string' },
      depth: { type: 'string' },
      json: { type: 'boolean', default: false },
      svg: { type: 'string' },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined) {
    throw new UsageError(`explore: which model? (${models.map((each) => each.name).join(', ')})`);
  }
  if (more.length > 0) throw new UsageError(`explore: one model at a time, not also '${more[0]}'`);
  const { model, configurations } = chosen(name);
  const { mutant, svg } = values;
  if (mutant !== undefined && !mutants.some(({ id }) => id === mutant)) {
    throw new UsageError(`there is no mutant '${mutant}' ('vmx-apic mutants' lists them)`);
  }
  const strategy = values.schedule === undefined ? values.strategy : 'replay';
  if (!strategies.includes(strategy)) {
    throw new UsageError(`--strategy ${strategy}: expected one of ${strategies.join(', ')}`);
  }
  if (strategy === 'replay' && values.schedule === undefined)
    throw new UsageError('--strategy replay needs --schedule');
  if (strategy === 'replay' && configurations.length > 1) {
    throw new UsageError('--schedule: of which configuration? (model/configuration)');
  }
  const choice: Choice = {
    strategy,
    seed: numberOf('seed', values.seed, 1),
    runs: strategy === 'replay' ? 1 : numberOf('runs', values.runs, 1000),
    schedule: values.schedule,
    limits: {
      bytes: 2 ** 31,
      ...(values.states === undefined ? {} : { states: numberOf('states', values.states, 1) }),
      ...(values.depth === undefined ? {} : { depth: numberOf('depth', values.depth, 1) }),
    },
  };
  const all = (): number => {
    const rows = configurations.map((configuration) => rowOf(configuration, choice));
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ model: model.name, ...(mutant === undefined ? {} : { mutant }), configurations: rows }, null, 2)}\n`
        : print(model, rows, mutant),
    );
    // Behind the results, which stand even if there is nothing to draw.
    if (svg !== undefined) writeChart(svg, model, configurations, rows, values.schedule);
    return rows.some((row) => row.violation !== undefined) ? 1 : 0;
  };
  return mutant === undefined ? all() : withMutant(mutant, all);
}

/** Draws the first violation, or the schedule that was given. */
function writeChart(
  file: string,
  model: Model,
  configurations: readonly ModelConfiguration[],
  rows: readonly Row[],
  given: string | undefined,
): void {
  const index = Math.max(
    0,
    rows.findIndex((row) => row.violation !== undefined),
  );
  const violation = rows[index]?.violation;
  const schedule = given ?? violation?.schedule;
  const configuration = configurations[index];
  if (schedule === undefined || configuration === undefined) {
    throw new InputError('--svg', 'there is nothing to draw: no invariant is broken, and no --schedule was given');
  }
  drawSchedule(file, configuration, schedule, `${model.name}/${configuration.name}`, violation?.invariant);
}

/** Replays a schedule, recorded, and writes its chart. */
export function drawSchedule(
  file: string,
  configuration: ModelConfiguration,
  schedule: string,
  title: string,
  verdict: string | undefined,
): void {
  const recording = recordModel(configuration, schedule);
  try {
    writeFileSync(file, scheduleChart(recording, title, verdict));
  } catch (error) {
    throw new InputError(file, `cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}
