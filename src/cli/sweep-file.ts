import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { InputError, type ScenarioInput, type SweepParameter, type SweepRow } from '../index.js';
import { readText } from './scenario-file.js';

/** A file that keeps what a sweep has done: a line that says which sweep, then a line of JSON for each point. */
export interface SweepFile {
  /** Rows that were there already. */
  readonly rows: readonly SweepRow[];
  /** Adds the rows of a point. */
  add(rows: readonly SweepRow[]): void;
}

/**
 * Opens the file of a sweep or begins it.
 *
 * @throws InputError if it is another sweep's, or cannot be read or written
 */
export function openSweepFile(file: string, input: ScenarioInput, parameters: readonly SweepParameter[]): SweepFile {
  const head = JSON.stringify({ sweep: { scenario: input, parameters } });
  let rows: SweepRow[] = [];
  let kept = `${head}\n`;
  if (existsSync(file)) {
    const [first, ...lines] = readText(file).split('\n');
    if (first !== head) throw new InputError(file, 'is not the file of this sweep (another scenario, or other values)');
    // What follows the last line break is a line that was being written when the command was killed.
    const whole = lines.slice(0, -1);
    rows = whole.flatMap((line, index) => {
      try {
        return JSON.parse(line) as SweepRow[];
      } catch {
        throw new InputError(`${file}:${index + 2}`, 'is not a line of a sweep');
      }
    });
    kept = [first, ...whole, ''].join('\n');
  }
  const guarded = (body: () => void): void => {
    try {
      body();
    } catch (error) {
      throw new InputError(file, `cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    }
  };
  guarded(() => writeFileSync(file, kept));
  return {
    rows,
    add: (more) => guarded(() => appendFileSync(file, `${JSON.stringify(more)}\n`)),
  };
}
