import { type Json, type Path, pathName } from '../engine/schema.js';
import type { RunLimit } from '../engine/timed.js';

/** A run that can be saved: what `createMachine` gives, or anything alike. */
export interface SavableRun {
  /** Goes on, to a limit. */
  run(limit: RunLimit): unknown;
  /** All of its state, as JSON. */
  save(): unknown;
}

/** How two runs that should be one and the same differ. */
export interface Nondeterminism {
  /** `again`: made anew and run beside the first. `restored`: saved as JSON and restored again and again on its way. */
  readonly how: 'again' | 'restored';
  /** Stages (about) after which they differ. */
  readonly stages: number;
  /** The first place that differs, as `run.machine.vcpus[0].mode`, and what stands there in each. */
  readonly path: string;
  readonly first: Json | undefined;
  readonly second: Json | undefined;
}

/** How far {@link findNondeterminism} looks. */
export interface NondeterminismOptions {
  /** Stages of each run in all; 20,000 unless given. */
  readonly stages?: number;
  /** How often the runs are compared on their way; 8 times unless given. */
  readonly pieces?: number;
}

/**
 * Looks for what makes runs of one machine differ: the clock, `Math.random`, the identity of objects, state kept outside of the
 * machine. Three runs go side by side, piece by piece: two that were made alike, and one that is saved and restored after every
 * piece; what they save has to be equal, to the last digit, after each. Whoever writes routines of their own can check with it
 * that they keep no state behind the machine's back.
 *
 * @param create - makes the machine, the same each time
 * @param restore - makes it from what it saved, as it comes back from JSON text
 * @returns the first difference, or undefined if there is none
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createMachine, restoreMachine } from 'vmx-apic';
 * import { findNondeterminism } from 'vmx-apic/testing';
 *
 * const create = () => createMachine({ jitter: 0.1, workload: { kind: 'vmexit', test: 'ipi', iterations: 20 } });
 * assert.equal(findNondeterminism(create, restoreMachine), undefined);
 * ```
 */
export function findNondeterminism(
  create: () => SavableRun,
  restore: (saved: unknown) => SavableRun,
  { stages = 20_000, pieces = 8 }: NondeterminismOptions = {},
): Nondeterminism | undefined {
  const first = create();
  const again = create();
  let restored = create();
  const limit = { stages: Math.max(1, Math.ceil(stages / pieces)) };
  for (let piece = 0; piece <= pieces; piece++) {
    const saved = plain(first.save());
    for (const [how, run] of [
      ['again', again],
      ['restored', restored],
    ] as const) {
      const other = plain(run.save());
      const path = firstDifference(saved, other, []);
      if (path === undefined) continue;
      return {
        how,
        stages: piece * limit.stages,
        path: pathName(path),
        first: at(saved, path),
        second: at(other, path),
      };
    }
    restored = restore(plain(restored.save()));
    for (const run of [first, again, restored]) run.run(limit);
  }
  return undefined;
}

/** As it comes back from its JSON text. */
function plain(saved: unknown): Json {
  return JSON.parse(JSON.stringify(saved)) as Json;
}

function at(json: Json, path: Path): Json | undefined {
  return path.reduce<Json | undefined>(
    (value, key) => (value as Record<string | number, Json> | undefined)?.[key],
    json,
  );
}

function firstDifference(a: Json | undefined, b: Json | undefined, path: Path): Path | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b ? undefined : path;
  const isList = Array.isArray(a);
  if (isList !== Array.isArray(b)) return path;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const name = isList ? Number(key) : key;
    const [left, right] = [at(a, [name]), at(b, [name])];
    const found = firstDifference(left, right, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}
